"""Benchmarks: one public file for each claim; file name = name in `python -m benchmarks NAME`.

A benchmark is a module with

- a docstring, whose first line is the claim;
- `MINUTES`, about how long it takes on two quiet cores;
- `run(bench) -> Outcome`: the figures and the bars that the claim is judged by.

Files that start with `_` are what benchmarks share.
"""
