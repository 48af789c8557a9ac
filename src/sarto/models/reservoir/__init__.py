"""Reservoir cells: one file per cell, whose `build` returns its `Reservoir`; file name = method name.

>>> from sarto.core.rooms import load_method, methods
>>> "ring" in methods("sarto.models.reservoir")
True
>>> load_method("sarto.models.reservoir", "ring").build(
...     50, 3, seed=0, leak=0.3, radius=0.9, input_scaling=1.0, bias_scaling=0.1).structure
'ring'
"""
