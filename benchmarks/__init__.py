"""How fast things are, beside what users would run instead. `python -m benchmarks --help` tells how."""
