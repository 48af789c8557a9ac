"""Reservoirs that are not a matrix in a program: physical ones, black boxes, and simulated analogue hardware.

`protocol` says what a substrate is, `run` drives one with sequences, `black_box` wraps a user's `step(state, u)`, and
`crossbar` and `oscillators` are simulated ones.

>>> import numpy as np
>>> from sarto.models.pooling import Pooling
>>> from sarto.models.sequences import read_sequences
>>> from sarto.models.substrate.black_box import BlackBox
>>> from sarto.models.substrate.run import pooled_readings
>>> leaky = BlackBox(lambda state, u: 0.5 * state + u.sum(axis=1, keepdims=True), channels=2, units=1)
>>> pooled_readings(leaky, read_sequences(np.ones((1, 3, 2))), Pooling("last")).tolist()
[[3.5]]
"""
