"""How fast everything is: ``python -m benchmarks.app``, ``.training`` and ``.live_decode``."""
