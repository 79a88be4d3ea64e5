"""Benchmarks of speed and memory; run each module as ``python -m benchmarks.<name>``."""

import explorer as explorer  # before onnxruntime, which would report each run to its makers
