"""How fast everything is: ``python -m benchmarks.app``, ``.live_decode``, ``.training``, ``.streaming``."""
