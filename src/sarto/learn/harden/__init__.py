"""Networks that bear wrong bits: bounds from calibration, ReLU6, and training with errors in what layers return.

`ranges` bounds what activations may be, without training; `relu6` puts the bounded activation in place of the unbounded
one, to be trained; `faulty` has errors of the published shapes in the outputs of layers while a network learns. Each
takes a torch module, or a `Network` with its architecture, which then is saved, shrunk and lowered like any other.
"""

from sarto.learn.harden.faulty import PATTERNS, Faulty, Injection
from sarto.learn.harden.ranges import restrict_ranges
from sarto.learn.harden.relu6 import with_relu6
from sarto.models.network.bound import Bound

__all__ = [
    "PATTERNS",
    "Bound",
    "Faulty",
    "Injection",
    "restrict_ranges",
    "with_relu6",
]
