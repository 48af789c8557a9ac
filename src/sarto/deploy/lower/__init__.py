"""Lowering: float models become the integer `Graph`. No further choice is made here.

A graph is lowered in two parts: a body, which runs for every sample (`reservoir`, `statistics`, `convolution`), and a
head, which makes scores of what the body pooled (`readout`, `random_features`, `forest`).
"""

from sarto.deploy.lower.inputs import InputStatistics
from sarto.deploy.lower.reach import Reach, reach
from sarto.deploy.lower.readout import SCORE_SCALE, Answers, Latest, feature_exponents, quantum, with_readout
from sarto.deploy.lower.reservoir import lower_reservoir
from sarto.deploy.lower.tanh import Numbers, table_error, tanh_table

__all__ = [
    "SCORE_SCALE",
    "Answers",
    "InputStatistics",
    "Latest",
    "Numbers",
    "Reach",
    "feature_exponents",
    "lower_reservoir",
    "quantum",
    "reach",
    "table_error",
    "tanh_table",
    "with_readout",
]
