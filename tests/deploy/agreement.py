"""A quantised network beside its integers, tensor by tensor."""

from __future__ import annotations

import numpy as np

from sarto.core.graph import infer
from sarto.core.graph.whole import tensors
from sarto.deploy.lower.network import Lowered, lower_network
from sarto.models.network.module import Network, predict
from tests.core.graph.slow_network import slow


def agrees(net: Network) -> Lowered:
    """Nearly all numbers are those of the quantised network, and every tensor that of one number at a time."""
    x = np.random.default_rng(1).normal(size=(20, *net.architecture.input_shape)).astype(np.float32)
    lowered, wanted = lower_network(net), predict(net, x).reshape(20, -1)
    given = lowered.items(x)
    found = infer(lowered.graph, given).scores * lowered.score_scale
    np.testing.assert_allclose(found, wanted, atol=0.02 * np.abs(wanted).max())
    fast = tensors(lowered.graph, given[:1])
    for name, values in slow(lowered.graph, given[0]).items():
        np.testing.assert_array_equal(fast[name][0], values, err_msg=name)
    (scores,) = lowered.graph.kind("output")
    assert scores.dtype == "int32"
    return lowered
