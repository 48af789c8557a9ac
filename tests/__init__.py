"""The tests, in the same tree as `src/sarto`; `python -m tests` runs every check of the project."""
