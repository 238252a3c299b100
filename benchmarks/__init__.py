"""What apom costs, beside what others cost for the same in the same run. `python -m benchmarks --help`.

A module per benchmark, each with `run(scale)`. They need the checkout, what requirements-dev.txt brings, and Linux.
"""
