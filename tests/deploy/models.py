"""Lowered models of random reservoirs, and the real weights that their integers stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Integer

from sarto.core.graph import Graph, Op, Window, trace
from sarto.core.graph.generated import generated
from sarto.core.rooms import load_method
from sarto.deploy.lower import (
    Answers,
    InputStatistics,
    Numbers,
    feature_exponents,
    lower_reservoir,
    reach,
    with_readout,
)
from sarto.deploy.sensor import SensorFormat
from sarto.models.pooling import Pooling
from sarto.models.reservoir._cell import Memory, Reservoir
from sarto.models.reservoir._stack import AnyReservoir, Layer, Stack, stacked
from sarto.models.sequences import Sequences

USUAL: dict[str, Any] = dict(leak=0.4, radius=0.9, input_scaling=0.5, bias_scaling=0.2)


@dataclass(frozen=True, eq=False)
class Lowered:
    """A reservoir, its data, and its graph."""

    whole: AnyReservoir
    inputs: InputStatistics
    sensor: SensorFormat
    values: Float[np.ndarray, "row channel"]
    offsets: Int[np.ndarray, " item_plus_1"]
    graph: Graph

    @property
    def cell(self) -> Reservoir:
        """The reservoir, where it is no stack."""
        assert isinstance(self.whole, Reservoir)
        return self.whole

    @property
    def x(self) -> Sequences:
        """The data as the reservoir sees them."""
        return Sequences((self.values - self.inputs.mean) / self.inputs.std, self.offsets)

    @property
    def raw(self) -> Integer[np.ndarray, "row channel"]:
        """The data as raw words."""
        return self.sensor.encode(self.values)

    def stands_for(self) -> AnyReservoir:
        """The float reservoir with the weights that the integers stand for."""
        cells = [op for op in self.graph.step if op.kind == "recurrent"]
        made = [self._stands_for(op, layer) for op, layer in zip(cells, self.whole.layers, strict=True)]
        return made[0] if len(made) == 1 else Stack(tuple(made))

    def _stands_for(self, op: Op, cell: Layer) -> Reservoir:
        assert isinstance(cell, Reservoir)
        g, a = self.graph, op.attributes

        def const(role: str) -> Any:
            return g.const(op.inputs[role])

        state, x = g.by_name["h"].scale, g.by_name[op.inputs["x"]].scale
        assert state is not None and x is not None
        fine = a.get("fine", 0)
        table = const("table").itemsize if "table" in op.inputs else 2
        whole = state * 2.0 ** (8 * table - 1 + fine)
        per = 1 / state if "linear" in a else 2.0 ** (fine + (12 if a.get("lift") else 13))
        unit = const("factor").astype(float)[:, None] / 2.0 ** a["shift"] / per
        mix = 2.0 ** a.get("mix_shift", 15)
        # What a count of tanh is worth does not depend on that of a state; of the sigmoid, it is half.
        beta = a["beta"] / mix * (1.0 if "linear" in a else whole * (2 if a.get("lift") else 1))
        rest: dict[str, Any] = dict(alpha=a["alpha"] / mix, beta=beta, activation=cell.activation)
        if "start" in a:
            weights, driven = generated(a["start"], cell.units, cell.channels)
            unit = unit[0, 0]
            return Reservoir(
                cell.cell,
                weights * (unit / state * 2.0 ** (a["state_up"] - a["state_down"])),
                driven[:, :-1] * (unit / x),
                driven[:, -1] * (unit * a["constant"]),
                **rest,
            )
        if a.get("cyclic"):
            rest["rotation"] = np.ones(cell.units)
        if "rotation" in op.inputs:
            rest["rotation"] = const("rotation") * (const("factor_turn")[:, None] / 2.0 ** a["turn_shift"])
        if "memory" in op.outputs:
            m = g.by_name[op.outputs["memory"]].scale
            assert m is not None and cell.memory is not None
            rest["memory"] = Memory(
                np.full(cell.memory.slots, a["keep"] / 2.0**15),
                const("memory_in") * (a["entering"] / 2.0 ** a["entering_shift"] * m / x),
                const("memory_out") * unit * 2.0 ** a["memory_shift"] / m,
            )
        recurrent = const("weights") * (unit[:, 0] if a["ring"] else unit) / state
        return Reservoir(
            cell.cell,
            np.broadcast_to(recurrent, (cell.units,) if a["ring"] else (cell.units, cell.units)),
            const("inputs") * unit * 2.0 ** a["input_shift"] / x,
            const("bias") * np.broadcast_to(unit[:, 0], cell.bias.shape) * 2.0 ** a["bias_shift"],
            **rest,
        )


def lowered(
    cell: str = "esn",
    *,
    units: int = 20,
    channels: int = 3,
    numbers: Numbers | None = None,
    pooling: Pooling | None = None,
    bits: int = 16,
    window: Window | None = None,
    lengths: tuple[int, ...] = (12,) * 20,
    seed: int = 0,
    layers: int = 1,
    **settings: Any,
) -> Lowered:
    """Return a random reservoir, lowered for slowly changing data of uneven channels."""
    rng = np.random.default_rng(seed)
    size = 10.0 ** np.arange(channels)
    values = (rng.normal(size=(sum(lengths), channels)).cumsum(axis=0) * 0.3 + 1) * size
    build = load_method("sarto.models.reservoir", cell).build
    reservoir = stacked(build, units, channels, layers=layers, seed=seed, **(USUAL | settings))
    inputs, sensor = InputStatistics.of(values), SensorFormat.calibrate(values, bits)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    x = Sequences((values - inputs.mean) / inputs.std, offsets)
    graph = lower_reservoir(
        reservoir,
        inputs,
        sensor,
        numbers or Numbers(),
        pooling or Pooling("last"),
        channels=tuple(f"channel {i}" for i in range(channels)),
        window=window,
        reach=reach(reservoir, x),
    )
    return Lowered(reservoir, inputs, sensor, values, offsets, graph)


def complete(model: Lowered, classes: int = 4, seed: int = 0) -> Graph:
    """Return the graph with a random readout."""
    rng = np.random.default_rng(seed)
    means = trace(model.graph, model.raw, model.offsets)
    weights = rng.integers(-127, 128, (classes, means.shape[1] * means.shape[2]))
    names = tuple(f"class {i}" for i in range(classes))
    return with_readout(
        model.graph,
        feature_exponents(means),
        weights,
        Answers(rng.uniform(1e-6, 1e-5, classes), rng.normal(size=classes), names),
    )


def integer_states(model: Lowered) -> Float[np.ndarray, "row neuron"]:
    """Return the state after every step of every sequence, as real numbers; for a graph with pooling `last`."""
    rows: list[Any] = []
    for a, b in zip(model.offsets, model.offsets[1:], strict=False):
        heads = np.concatenate([model.raw[a : a + n] for n in range(1, b - a + 1)])
        rows.append(trace(model.graph, heads, np.cumsum(np.arange(int(b - a) + 1)))[:, 0] >> 30)
    scale = model.graph.by_name["h"].scale
    assert scale is not None
    return np.concatenate(rows) * scale
