"""`python -m cape_engine` is the command `cape`."""

from cape_engine.cli import main

if __name__ == "__main__":
    main()
