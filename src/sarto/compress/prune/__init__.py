"""Pruning methods; every public file is one."""
