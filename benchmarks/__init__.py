"""Benchmarks of speed and memory; run each module as ``python -m benchmarks.<name>``."""
