"""The integer network: its value, the NumPy definition of its operations, and its interpreter.

What runs on a device is a `Graph`: integers only. `interpret` is the definition; the generated C agrees
with it bit for bit. `infer` is the definition for graphs of whole items, which are networks.
"""

from sarto.core.graph.file import load_graph, save_arrays, save_graph
from sarto.core.graph.interpreter import Outcome, decide, interpret, last_samples, numbers, trace, windows
from sarto.core.graph.operations import features, multiplier, reciprocal, requantise
from sarto.core.graph.values import Graph, Op, Tensor, Window
from sarto.core.graph.whole import infer, items_of

__all__ = [
    "Graph",
    "Op",
    "Outcome",
    "Tensor",
    "Window",
    "decide",
    "features",
    "infer",
    "interpret",
    "items_of",
    "last_samples",
    "load_graph",
    "multiplier",
    "numbers",
    "reciprocal",
    "requantise",
    "save_arrays",
    "save_graph",
    "trace",
    "windows",
]
