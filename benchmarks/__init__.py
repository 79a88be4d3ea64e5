"""How fast everything is; each module is run as ``python -m benchmarks.<name>``."""
