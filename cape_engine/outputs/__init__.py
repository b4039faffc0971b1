"""Results as tables and files: assembled from the components' arrays, hashed, and written whole or not at all."""
