"""What a reservoir does on data: `diagnose` returns figures of each layer, tables of curves, and findings in words.

It looks at a sample of the data (`sample`: so many sequences, evenly spread, so many steps of each) in float64,
whatever the precision of the model. Figures from the matrices of a step at rest are *estimated*: the step at rest
stands for the steps on data. Figures from states are *measured*.

>>> from sarto.models.reservoir import esn
>>> cell = esn.build(20, 2, seed=0, leak=0.5, radius=0.9, input_scaling=0.5, bias_scaling=0.1)
>>> rng = np.random.default_rng(0)
>>> found = diagnose(cell, Sequences(rng.normal(size=(120, 2)), np.array([0, 60, 120])))
>>> found.layers[0].units, found.washout is not None, found.lyapunov < 0, found.table("reservoir gap").columns
(20, True, True, ('step', 'layer 1'))
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from sarto.core.finding import Finding
from sarto.core.table import Table
from sarto.core.threads import one_blas_thread
from sarto.learn import diagnosis_tables as tables
from sarto.learn.diagnosis_findings import counted, findings
from sarto.learn.diagnosis_layer import LayerDiagnosis, Observed
from sarto.learn.memory import MemoryCapacity, memory_capacity
from sarto.models.diagnosis.activity import activity, effective_rank
from sarto.models.diagnosis.echo_state import gap
from sarto.models.diagnosis.spectrum import contraction, rest_eigenvalues, step_bound, time_scales
from sarto.models.diagnosis.tangent import changing, growth, largest_exponent
from sarto.models.reservoir._diagonal import Diagonal
from sarto.models.reservoir._stack import AnyReservoir
from sarto.models.sequences import Sequences
from sarto.models.states import check_washout, states

ITEMS, STEPS, GAP_ITEMS = 16, 300, 4
"""Sequences looked at, steps of each, and sequences on which the echo-state gap is taken: about half a second at 100
neurons. Of fewer sequences more steps are taken."""
EXPONENT_STEPS = 1000
WORK = 2e9
"""Multiplications that the product of Jacobians may take; 100 neurons are followed for 300 steps, 400 for 31."""
MOMENTS = 40
"""Steps at which curves are kept, closer together at first."""
TOLERANCE = 2.0**-7
"""A gap is closed that an 8-bit state cannot tell from 0."""
LAG_TARGETS, TRAIN, TEST, STREAMS = 400, 1500, 3000, 30


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What was found.

    Attributes:
        cell: of the reservoir.
        sample: what was looked at, in words.
        layers: figures of each layer.
        lyapunov: the largest Lyapunov exponent along the data, per step.
        washout: steps after which the state no longer depends on how it began, None where it always does.
        memory: linear memory capacity under white input, or None where it was not asked for.
        tables: curves, see `sarto.learn.diagnosis_tables`.
        findings: warnings and notes, with numbers and what to do.
    """

    cell: str
    sample: str
    layers: tuple[LayerDiagnosis, ...]
    lyapunov: float
    washout: int | None
    memory: MemoryCapacity | None
    tables: tuple[Table, ...]
    findings: tuple[Finding, ...]

    def table(self, name: str) -> Table:
        """Return the table called `name`.

        Raises:
            KeyError: when there is none.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(f"no table {name!r}: {', '.join(t.name for t in self.tables)}")

    def facts(self) -> list[tuple[str, ...]]:
        """Return the figures in words: a name, then one entry for each layer."""
        layered = self.table("reservoir layers")
        rows = [
            (name, *(shown(value) for value in layered.column(name)))
            for name in layered.columns
            if name != "layer" and any(value != "" for value in layered.column(name))
        ]
        rest = ("",) * (len(self.layers) - 1)
        rows.append(("largest Lyapunov exponent, per step", shown(tables.plain(self.lyapunov)), *rest))
        when = "never on these data" if self.washout is None else f"{self.washout}"
        rows.append(("steps until the beginning is forgotten", when, *rest))
        if self.memory is not None:
            rows.append(("linear memory capacity", shown(self.memory.total), *rest))
        return rows

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain JSON values."""
        return {
            "cell": self.cell,
            "sample": self.sample,
            "lyapunov": tables.plain(self.lyapunov),
            "washout": self.washout,
            "memory_capacity": None if self.memory is None else self.memory.total,
            "tables": [table.to_json() for table in self.tables],
            "findings": [finding.to_json() for finding in self.findings],
        }

    def __str__(self) -> str:
        units = sum(layer.units for layer in self.layers)
        head = f"{self.cell}, {units} neurons, on {self.sample}"
        names = (
            [("", *(f"layer {i}" for i in range(1, len(self.layers) + 1)))] if len(self.layers) > 1 else []
        )
        rows = [*names, *self.facts()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                [row[0].ljust(widths[0]), *(t.rjust(w) for t, w in zip(row[1:], widths[1:], strict=True))]
            )
            for row in rows
        ]
        said = [str(finding) for finding in self.findings] or ["nothing looks wrong"]
        return "\n".join([head, "", *(line.rstrip() for line in lines), "", *said])


def shown(value: float | int | str) -> str:
    """Return a figure as it is printed.

    >>> shown(0.98765432), shown(100), shown("infinite")
    ('0.9877', '100', 'infinite')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def sample(sequences: Sequences, items: int = ITEMS, rows: int = ITEMS * STEPS) -> Sequences:
    """Return at most `items` sequences, evenly spread, and so many first steps of each that they are `rows` at most."""
    chosen = np.unique(np.linspace(0, len(sequences) - 1, min(items, len(sequences))).astype(np.int64))
    steps = rows // len(chosen)
    starts = sequences.offsets[chosen]
    lengths = np.minimum(sequences.lengths[chosen], steps)
    values = np.concatenate(
        [sequences.values[s : s + n] for s, n in zip(starts.tolist(), lengths.tolist(), strict=True)]
    )
    return Sequences(values, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))


def diagnose(
    reservoir: AnyReservoir,
    sequences: Sequences,
    *,
    washout: int = 0,
    memory: bool = True,
    tolerance: float = TOLERANCE,
    of: int | None = None,
    seed: int = 0,
) -> Diagnosis:
    """Return what `reservoir` does on `sequences`, inputs as it sees them.

    Args:
        reservoir: a cell, or a stack of them.
        sequences: of which a sample is looked at.
        washout: first steps of each sequence that the model does not use.
        memory: whether to measure the linear memory capacity, under white input as strong as the data.
        tolerance: relative gap from which on two states count as one.
        of: how many sequences there are in all, where these are some of them.
        seed: of the noise and of the first direction of change.

    Raises:
        InputError: E108 (other channels than the reservoir's), E115 (a sequence not longer than the washout).
    """
    check_washout(sequences.lengths, washout)
    seen = sample(sequences)
    if washout >= seen.lengths.min():
        washout = 0  # the first steps of long sequences are all that is looked at
    with one_blas_thread():
        observed = _observed(
            reservoir, seen, washout, memory, tolerance, int(np.median(sequences.lengths)), seed
        )
    whole = of or len(sequences)
    words = f"{len(seen)} of {whole} sequences" if len(seen) < whole else counted(len(seen), "sequence")
    cut = seen.lengths.max() < sequences.lengths.max()
    return Diagnosis(
        reservoir.cell,
        f"{words}, {'the first ' if cut else ''}{counted(int(seen.lengths.max()), 'step')} of each"
        f"{'' if cut else ' at most'}",
        observed.layers,
        observed.exponent,
        observed.echo.washout(tolerance),
        observed.memory,
        tuple(tables.tables(observed, moments(len(observed.echo.gap) - 1))),
        tuple(findings(observed)),
    )


def _observed(
    reservoir: AnyReservoir,
    seen: Sequences,
    washout: int,
    memory: bool,
    tolerance: float,
    length: int,
    seed: int,
) -> Observed:
    path = states(reservoir, seen, dtype="float64")
    longest = int(np.argmax(seen.lengths))
    first, end = seen.offsets[longest], seen.offsets[longest + 1]
    followed = path[first : min(end, first + _followed(reservoir))]
    short = sample(seen, rows=EXPONENT_STEPS)
    return Observed(
        cell=reservoir.cell,
        layers=tuple(_layers(reservoir, seen, path, washout)),
        echo=gap(reservoir, sample(seen, GAP_ITEMS), seed=seed),
        growth=growth(reservoir, followed, moments(len(followed))),
        exponent=largest_exponent(reservoir, _heads(path, seen, short), short.offsets, seed=seed),
        memory=_memory(reservoir, seen, seed) if memory else None,
        washout=washout,
        length=length,
        tolerance=tolerance,
        varies=bool((seen.values != seen.values[0]).any()),
    )


def moments(steps: int) -> tuple[int, ...]:
    """Return at most `MOMENTS` steps from 0 to `steps`, evenly spread on a logarithmic axis.

    >>> moments(5), len(moments(1000))
    ((0, 1, 2, 3, 4, 5), 35)
    """
    return tuple(np.unique(np.rint(np.geomspace(1, steps + 1, MOMENTS)).astype(np.int64) - 1).tolist())


def _followed(reservoir: AnyReservoir) -> int:
    rows = sum(map(changing, reservoir.layers))
    return int(min(STEPS, max(WORK // rows**3, 10)))


def _heads(
    path: Float[np.ndarray, "row neuron"], whole: Sequences, short: Sequences
) -> Float[np.ndarray, "_ neuron"]:
    """Return the states of the first steps of each sequence, as many as `short` has."""
    lengths: Sequence[int] = short.lengths.tolist()
    starts: Sequence[int] = whole.offsets[:-1].tolist()
    return np.concatenate([path[s : s + n] for s, n in zip(starts, lengths, strict=True)])


def _layers(
    reservoir: AnyReservoir, seen: Sequences, path: Float[np.ndarray, "row neuron"], washout: int
) -> list[LayerDiagnosis]:
    found: list[LayerDiagnosis] = []
    inputs, at = seen.values.astype(np.float64), 0
    for layer in reservoir.layers:
        own = path[:, at : at + layer.units]
        at += layer.units
        did = activity(layer, inputs, own, seen.offsets, washout)
        inputs = own
        eigenvalues = rest_eigenvalues(layer)
        found.append(
            LayerDiagnosis(
                units=layer.units,
                activation="tanh" if isinstance(layer, Diagonal) else layer.activation,
                eigenvalues=eigenvalues,
                radius=float(np.abs(eigenvalues).max()),
                contraction=contraction(layer),
                step=layer.beta,
                step_bound=step_bound(layer),
                slowest=float(time_scales(eigenvalues).max()),
                rank=effective_rank(did.singular_values),
                activity=did,
            )
        )
    return found


def _memory(reservoir: AnyReservoir, seen: Sequences, seed: int) -> MemoryCapacity:
    spread = float(np.sqrt(seen.values.astype(np.float64).var(axis=0).mean())) or 1.0
    lags = max(5, min(2 * reservoir.units, LAG_TARGETS // reservoir.channels))
    return memory_capacity(
        reservoir,
        lags=lags,
        train=max(TRAIN, 5 * reservoir.units),
        test=TEST,
        amplitude=math.sqrt(3) * spread,
        streams=STREAMS,
        seed=seed,
    )
