# One command each; everything happens in a private environment in .venv. Needed: Python >= 3.11 with venv, make and a
# package index; uv is used when it is there. ARGS adds arguments: `make test ARGS="tests/kernels -x"`.

VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$python && break; done)
UV := $(shell command -v uv 2>/dev/null)
WHEEL_ROOM := build/wheel
# A process for each core; the tests of a file stay together, because they share what is made for them.
SHARED := -n auto --dist loadfile -p no:benchmark

# The rules below are the same for both tools: $(call environment,FOLDER) makes one, $(call install,FOLDER,WHAT) fills it.
ifdef UV
environment = $(UV) venv --quiet --allow-existing --python '>=3.11' $(1)
install = $(UV) pip install --quiet --python $(1)/bin/python $(2)
else
environment = test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed" >&2; exit 1; }; $(PYTHON) -m venv $(1)
install = $(1)/bin/python -m pip install --quiet --disable-pip-version-check $(2)
endif

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-modes wheel-test check check-lint check-format check-types check-imports \
	check-budgets format bench bench-limits bench-peers docs lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Stamps: the second call of any command installs nothing.
$(VENV)/.stamp-run: requirements.lock pyproject.toml
	$(call environment,$(VENV))
	$(call install,$(VENV),--require-hashes -r requirements.lock)
	$(call install,$(VENV),--no-deps --no-build-isolation -e .)
	$(BIN)/python -m compileall -q cape_engine kernels fixtures
	$(BIN)/python -m cape_kernels._built
	$(BIN)/cape warm --quiet
	@touch $@

$(VENV)/.stamp-dev: requirements-dev.lock $(VENV)/.stamp-run
	$(call install,$(VENV),--require-hashes -r requirements-dev.lock)
	@touch $@

demo: $(VENV)/.stamp-run ## run the whole road on generated entry summaries
	@$(BIN)/cape demo $(ARGS) || test $$? -eq 1 # 1 says that findings are listed, which a realistic mix always has

test: $(VENV)/.stamp-dev ## the tests, but for those that take minutes
	$(BIN)/pytest $(SHARED) $(ARGS)

test-all: $(VENV)/.stamp-dev ## every test, kernels in all three modes, and the wheel; those on PostgreSQL if it is here
	@tests/ledger/postgresql.sh
	$(BIN)/pytest -m "heavy or not heavy" $(SHARED) $(ARGS)
	$(MAKE) test-modes wheel-test

test-modes: $(VENV)/.stamp-dev ## what calls kernels, with the compiler off and with bounds checked
	NUMBA_DISABLE_JIT=1 CAPE_EXAMPLES=$${CAPE_EXAMPLES:-30} $(BIN)/pytest -m "kernel and not heavy" $(SHARED) $(ARGS)
	NUMBA_BOUNDSCHECK=1 $(BIN)/pytest -m "kernel and not heavy" $(SHARED) $(ARGS)

wheel-test: $(VENV)/.stamp-dev ## build the wheel, install it in a fresh environment, run the tests on it, away from the sources
	rm -rf $(WHEEL_ROOM) && mkdir -p $(WHEEL_ROOM)
	$(BIN)/python -m build --wheel --no-isolation --outdir $(WHEEL_ROOM) .
	$(call environment,$(WHEEL_ROOM)/venv)
	$(call install,$(WHEEL_ROOM)/venv,--require-hashes -r requirements-dev.lock)
	$(call install,$(WHEEL_ROOM)/venv,--no-deps $(WHEEL_ROOM)/*.whl)
	room=$$(mktemp -d) && cp -R tests docs README.md pyproject.toml "$$room" && wheel=$$(pwd)/$(WHEEL_ROOM)/venv/bin \
		&& (cd "$$room" && PATH="$$wheel:$$PATH" "$$wheel/pytest" $(SHARED) $(ARGS)); code=$$?; rm -rf "$$room"; exit $$code

check: check-lint check-format check-types check-imports check-budgets ## lint, format, types, import contracts, budgets (make -k check: all at once)

check-lint: $(VENV)/.stamp-dev
	$(BIN)/ruff check

check-format: $(VENV)/.stamp-dev
	$(BIN)/ruff format --check

check-types: $(VENV)/.stamp-dev
	$(BIN)/mypy

check-imports: $(VENV)/.stamp-dev
	$(BIN)/lint-imports

check-budgets: $(VENV)/.stamp-dev
	$(BIN)/pytest -q -vv tests/workshop/test_budgets.py

format: $(VENV)/.stamp-dev ## format, and fix what can be fixed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.stamp-dev ## rows per second of each kernel and of the whole run
	$(BIN)/pytest benchmarks --benchmark-only --benchmark-columns=min,median,rounds --benchmark-disable-gc $(ARGS)

bench-limits: $(VENV)/.stamp-dev ## how far a run is from memory bandwidth and bare decoding, stage by stage
	$(BIN)/python benchmarks/limits.py $(ARGS)

bench-peers: $(VENV)/.stamp-dev ## the same job in DuckDB, Polars, DataFusion and pandas, answers compared
	$(BIN)/python -m benchmarks.peers $(ARGS)

docs: $(VENV)/.stamp-dev ## write the generated pages of docs/reference anew
	$(BIN)/python tests/workshop/reference_pages.py docs/reference

lock: ## resolve the pinned versions anew (requirements.lock, requirements-dev.lock); upgrades with ARGS=--upgrade
	$(call environment,.cache/lock)
	$(call install,.cache/lock,pip-tools)
	.cache/lock/bin/pip-compile $(LOCK_OPTIONS) -o requirements.lock $(ARGS) pyproject.toml
	.cache/lock/bin/pip-compile $(LOCK_OPTIONS) -c requirements.lock --extra dev -o requirements-dev.lock $(ARGS) pyproject.toml

# Hashes pin the files; no index is named, so that any mirror will do; build requirements are pinned as well.
LOCK_OPTIONS := --quiet --strip-extras --generate-hashes --allow-unsafe --build-deps-for editable --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

clean: ## remove the environment, caches and everything built
	rm -rf $(VENV) .cache build dist demo-out .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache \
		.import_linter_cache .benchmarks
