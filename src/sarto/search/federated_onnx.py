"""The network of a federation as an ONNX file, which `sarto compress` takes on to integers and an image for a device.

A head on standardised items is one linear layer on the items as they are: W / s and b - W m / s with mean m and
deviation s.

>>> import numpy as np
>>> from sarto.learn.federated._linear import LinearModel
>>> from sarto.learn.federation.course import Course
>>> from sarto.learn.federation.features import Front
>>> front = Front((2,), ("a", "b"), None, 0, 1.0, np.zeros(2), np.ones(2))
>>> course = Course("demo", front.model(), [], [], np.zeros(0, np.int64), np.zeros(0, np.int64), {}, (), front)
>>> found = network_of(course)
>>> found is not None and [node.op for node in found[0].nodes]
['linear']
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from sarto.learn.federated._linear import LinearModel
from sarto.learn.federated._reservoir import ReservoirModel
from sarto.learn.federation.course import Course
from sarto.models.network.architecture import Architecture, Node

Network = tuple[Architecture, Mapping[str, Float[np.ndarray, "..."]]]


def onnx_of(course: Course) -> bytes | None:
    """Return the ONNX file of a course's model; None for random features and reservoirs, which are no such networks.

    Raises:
        ModuleNotFoundError: without onnx.
    """
    from sarto.deploy.onnx.floats import float_model

    found = network_of(course)
    return None if found is None else float_model(*found, course.model.classes)


def network_of(course: Course) -> Network | None:
    """Return architecture and parameters of a course's model, or None where it is no network."""
    model, front = course.model, course.front
    if isinstance(model, ReservoirModel):
        return None
    if not isinstance(model, LinearModel):
        return model.architecture, model.arrays
    if front is None or front.units is not None or front.mean is None or front.scale is None:
        return None
    by = np.where(front.scale > 0, front.scale, 1.0)
    weights = model.weights / by
    intercept = model.intercept - weights @ front.mean
    nodes = [] if len(front.shape) == 1 else [Node("flat", "flatten", ("input",), {})]
    reads = "flat" if nodes else "input"
    nodes.append(Node("head", "linear", (reads,), {"features": len(model.classes)}))
    arrays = {"head.weight": weights.astype(np.float32), "head.bias": intercept.astype(np.float32)}
    return Architecture(front.shape, tuple(nodes)), arrays
