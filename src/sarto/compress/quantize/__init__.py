"""Quantisation methods; every public file is one."""
