"""What a fitted estimator on graphs computes before its readout: scaling of the node features, reservoir, pooling.

    u_scaled = (u - mean) / scale   per channel, over all training nodes;   states and pooling by `sarto.models.graphs`

A channel that is the same in all training nodes is left as it is: 1 for every node is an input, 0 would be none.

>>> from sarto.models.graphs.node_graphs import read_node_graphs
>>> from sarto.models.graphs.reservoir import FixedSteps, build
>>> graphs = read_node_graphs(np.array([[1.0, 0.0], [1.0, 4.0]]), np.array([[0, 1]]))
>>> mean, scale = node_scaling(graphs)
>>> mean.tolist(), scale.tolist()
([0.0, 2.0], [1.0, 2.0])
>>> cell = build(3, 2, seed=0, iteration=FixedSteps(), norm=0.5)
>>> GraphFeatureMap(mean, scale, cell, "mean", "last", "float32", False).encode(graphs).values.shape
(1, 3)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from sarto.learn.features import constant, mean_and_deviation
from sarto.models.graphs.node_graphs import NodeGraphs
from sarto.models.graphs.reservoir import GraphReservoir
from sarto.models.graphs.states import Encoding, GraphPooling, Readouts, encode
from sarto.models.input_error import InputError
from sarto.models.states import Precision


def node_scaling(
    graphs: NodeGraphs,
) -> tuple[Float[np.ndarray, " channel"], Float[np.ndarray, " channel"]]:
    """Return mean and standard deviation of each channel over all nodes; 0 and 1 for a constant one."""
    mean, scale = mean_and_deviation(graphs.features)
    still = constant(mean, scale)
    return np.where(still, 0.0, mean), np.where(still, 1.0, scale)


@dataclass(frozen=True, eq=False)
class GraphFeatureMap:
    """From graphs to features.

    Attributes:
        mean: taken from each channel.
        scale: then divides it.
        reservoir: the layers.
        pooling: over the nodes of a graph; None where each node has features of its own.
        readout_layers: `last` or `all`.
        dtype: of the states.
        directed: what kind of graphs they are.
    """

    mean: Float[np.ndarray, " channel"]
    scale: Float[np.ndarray, " channel"]
    reservoir: GraphReservoir
    pooling: GraphPooling | None
    readout_layers: Readouts
    dtype: Precision
    directed: bool

    @property
    def width(self) -> int:
        """Number of features of a graph, or of a node."""
        return self.reservoir.units * (len(self.reservoir.layers) if self.readout_layers == "all" else 1)

    @cached_property
    def features_id(self) -> str:
        """SHA-256 over all that the features depend on; statistics carry it and refuse to mix."""
        how = (self.reservoir.reservoir_id, self.pooling, self.readout_layers, self.dtype, self.directed)
        digest = hashlib.sha256(repr(how).encode())
        for array in (self.mean, self.scale):
            digest.update(np.ascontiguousarray(array, "<f8").tobytes())
        return digest.hexdigest()

    def scaled(self, graphs: NodeGraphs) -> NodeGraphs:
        """Return the graphs as the reservoir sees them.

        Raises:
            InputError: E108 (other channels, or another kind of graphs), E105 (values that overflow `dtype`).
        """
        if (graphs.channels, graphs.directed) != (len(self.mean), self.directed):
            raise InputError(
                "E108",
                f"nodes have {graphs.channels} features, directed={graphs.directed}; the model was fitted on "
                f"{len(self.mean)}, directed={self.directed}",
                cause="each feature has its own scaling and input weights",
                hint="give the same features in the same order, and the same kind of graphs",
            )
        with np.errstate(over="ignore", invalid="ignore"):
            values = ((graphs.features - self.mean) / self.scale).astype(self.dtype)
        if not np.isfinite(values).all():
            raise InputError(
                "E105",
                f"features overflow {self.dtype} after scaling: they become infinite (inf)",
                cause=f"the largest magnitude is {np.abs(graphs.features).max():.3g}",
                hint="check the units, or use standardise=True or dtype='float64'",
            )
        return graphs.with_features(values)

    def encode(self, graphs: NodeGraphs, n_jobs: int = 1) -> Encoding:
        """Return the features, in `dtype`, and how they were reached."""
        return encode(
            self.reservoir,
            self.scaled(graphs),
            self.pooling,
            dtype=self.dtype,
            n_jobs=n_jobs,
            readout_layers=self.readout_layers,
        )
