"""Made-up series with a known law: what forecasters and reservoirs are judged on, seeded, with a stated integrator.

>>> from sarto.data.generate import lorenz, mackey_glass, narma
>>> narma(5, seed=0).output.shape, mackey_glass(5, seed=0).shape, lorenz(5, seed=0).shape
((5,), (5,), (5, 3))
"""

from __future__ import annotations

from sarto.data.generate.independent import delayed, independent
from sarto.data.generate.lorenz63 import lorenz
from sarto.data.generate.mackey import mackey_glass
from sarto.data.generate.moving_average import Narma, narma

__all__ = ["Narma", "delayed", "independent", "lorenz", "mackey_glass", "narma"]
