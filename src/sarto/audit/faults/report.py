"""What a campaign says: rates by layer and by bit, evidence, findings, and whom the critical faults hit.

A row of a table is an estimate over all faults that it names: those drawn in each stratum stand for all of its faults
in the row, and strata weigh by the bits that they expose. Bounds have the campaign's confidence, each by itself.

The share of a group in critical errors is the share of the answers that faults make wrong which are those of its
inputs. Its bounds are those of a jackknife over the pieces in which faults were judged, since one fault makes many
inputs wrong at once.

Source: Efron and Stein, "The jackknife estimate of variance", Annals of Statistics 9, 1981.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Float, Int64, Shaped

from sarto.audit.faults.sample import Cell, Stratum
from sarto.audit.faults.verdicts import HURT, KINDS, Judged, Rates, fit, mttf_h, rates
from sarto.core.evidence import Evidence, How
from sarto.core.finding import Finding
from sarto.core.table import Table

_FEWEST = 10
"""Pieces of work from which on a jackknife is worth its name."""


@dataclass(frozen=True, eq=False)
class Sampled:
    """The faults that were judged of a stratum: the first of `order`, in pieces."""

    stratum: Stratum
    order: Int64[np.ndarray, " fault"]
    pieces: tuple[Judged, ...]

    @property
    def judged(self) -> Judged:
        """All of them."""
        return Judged.joined(self.pieces)


@dataclass(frozen=True, eq=False)
class Report:
    """What a campaign found.

    Attributes:
        space: what was faulty: `graph`, `image`, `container`, ...
        bits: how many bits are exposed.
        inputs: how many inputs saw each fault.
        rates: over all faults, each bit weighing alike.
        tables: by layer and part, by part and bit, and by layer and bit.
        evidence: the rates, and FIT and MTTF where a raw rate is given.
        findings: what must not be overlooked.
        sampled: what was judged.
        confidence: of every interval.
    """

    space: str
    bits: int
    inputs: int
    rates: Rates
    tables: tuple[Table, ...]
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]
    sampled: tuple[Sampled, ...]
    confidence: float

    @property
    def wrong_by_input(self) -> Float[np.ndarray, " input"]:
        """Of each input, the share of all faults that make it wrong."""
        return np.sum([weight * piece.wrong_by_input for weight, piece in self._weighted], axis=0)

    @property
    def _weighted(self) -> list[tuple[float, Judged]]:
        """Every piece, with what one of its faults weighs."""
        return [
            (s.stratum.bits / self.bits / sum(map(len, s.pieces)), piece)
            for s in self.sampled
            for piece in s.pieces
        ]

    def groups(self, labels: Shaped[np.ndarray, " input"], name: str = "group") -> Table:
        """Return, of each group of inputs, its share in critical errors beside its share of the inputs.

        Args:
            labels: the group of each input.
            name: of what the groups are.
        """
        assert len(labels) == self.inputs, f"{len(labels)} labels of {self.inputs} inputs"
        known, which = np.unique(labels, return_inverse=True)
        pieces = np.array(
            [weight * np.bincount(which, p.wrong_by_input, len(known)) for weight, p in self._weighted]
        )
        total = pieces.sum(axis=0)
        share = total / max(total.sum(), 1e-300)
        low, high = self._jackknife(pieces, share)
        of_inputs = np.bincount(which, minlength=len(known)) / len(labels)
        rows = tuple(
            (
                str(known[g]),
                *(float(v[g]) for v in (of_inputs, share, low, high)),
                float(share[g] / of_inputs[g]),
            )
            for g in range(len(known))
        )
        return Table(
            f"whom critical faults of the {self.space} hit",
            (name, "share of inputs", "share of errors", "low", "high", "ratio"),
            ("", "1", "1", "1", "1", "1"),
            rows,
            ("", "measured", *(4 * (self.evidence[0].how,))),
        )

    def _jackknife(
        self, pieces: Float[np.ndarray, "piece group"], share: Float[np.ndarray, " group"]
    ) -> tuple[Float[np.ndarray, " group"], Float[np.ndarray, " group"]]:
        """Return the bounds of each group's share; 0 and 1 where too little was judged."""
        n = len(pieces)
        if n < _FEWEST or not pieces.sum():
            return np.zeros_like(share), np.ones_like(share)
        left = pieces.sum(axis=0) - pieces
        each = left / np.maximum(left.sum(axis=1, keepdims=True), 1e-300)
        deviation = np.sqrt((n - 1) / n * ((each - each.mean(axis=0)) ** 2).sum(axis=0))
        half = NormalDist().inv_cdf((1 + self.confidence) / 2) * deviation
        return np.maximum(share - half, 0), np.minimum(share + half, 1)


@dataclass(frozen=True)
class Told:
    """What every figure of a campaign carries.

    Attributes:
        space: what is faulty.
        how: verdicts come about.
        confidence: of every interval.
        seed: of the draw.
        command: that shows the figures again.
        subject_sha256: hash of the artifact.
    """

    space: str
    how: How
    confidence: float
    seed: int
    command: str
    subject_sha256: str

    def evidence(
        self, what: str, value: float, bounds: tuple[float, float], n: int, tool: str, unit: str = "1"
    ) -> Evidence:
        """Return one figure."""
        how = self.how if unit == "1" else "estimated"
        name = f"{what}, {self.space}"
        return Evidence(name, value, unit, how, tool, self.command, n, bounds, self.seed, self.subject_sha256)


def reported(
    told: Told, cells: Sequence[Cell], sampled: Sequence[Sampled], raw_fit_per_mbit: float | None
) -> Report:
    """Return the report on what was judged of the `cells` of a space.

    Args:
        told: what the figures carry.
        cells: of the space.
        sampled: what was judged.
        raw_fit_per_mbit: failures of 10^6 bits in 10^9 hours; None leaves FIT and MTTF out.
    """
    every = [(s.judged, s.stratum.size) for s in sampled]
    whole = rates(every, told.confidence, [s.stratum.bits for s in sampled])
    bits, inputs, n = sum(cell.bits for cell in cells), every[0][0].inputs, whole.faults
    tool = f"{n} of {whole.population} faults on {inputs} inputs; bounds at {told.confidence:.0%}"
    shares = [(f"{kind} faults", whole.kinds[kind]) for kind in KINDS]
    shares.append(("inputs that a fault makes wrong", whole.misclassified))
    shares.append((f"faults that make over {HURT:.0%} of the inputs wrong", whole.hurt))
    rows = [told.evidence(what, rate.share, (rate.low, rate.high), n, tool) for what, rate in shares]
    if raw_fit_per_mbit is not None:
        said = f"{raw_fit_per_mbit:g} FIT for 10^6 bits (given) x {bits} bits x critical share; {tool}"
        critical = whole.critical
        each, low, high = (
            fit(raw_fit_per_mbit / 1e6, bits, share)
            for share in (critical.share, critical.low, critical.high)
        )
        rows.append(told.evidence("FIT", each, (low, high), n, said, "FIT"))
        if low:
            rows.append(told.evidence("MTTF", mttf_h(each), (mttf_h(high), mttf_h(low)), n, said, "h"))
    layers = _table("layer", ("layer", "part"), told, cells, sampled, _by_layer)
    bits_of = [_table(by, (key, "bit"), told, cells, sampled, of) for by, key, of in _MAPS]
    tables = layers, *bits_of
    findings = _findings(told.space, layers)
    return Report(
        told.space, bits, inputs, whole, tables, tuple(rows), findings, tuple(sampled), told.confidence
    )


def _by_layer(cell: Cell) -> tuple[str, ...]:
    return cell.layer, cell.part


def _by_bit(cell: Cell) -> tuple[str | int, ...]:
    return cell.part, cell.bit


def _by_layer_and_bit(cell: Cell) -> tuple[str | int, ...]:
    return cell.layer, cell.bit


_MAPS = (("bit", "part", _by_bit), ("layer and bit", "layer", _by_layer_and_bit))
"""Tables by bit: their name, what stands beside the bit, and how it is told of a cell."""


def _table(
    by: str,
    keys: tuple[str, ...],
    told: Told,
    cells: Sequence[Cell],
    sampled: Sequence[Sampled],
    key: Callable[[Cell], tuple[str | int, ...]],
) -> Table:
    """Return the rates of the cells with each key."""
    parts: dict[tuple[str | int, ...], list[tuple[Judged, int, int]]] = {}
    for one in sampled:
        judged = one.judged
        at = one.stratum.places(one.order[: len(judged)])[:, 0]
        mine: dict[tuple[str | int, ...], list[int]] = {}
        for number in one.stratum.cells:
            mine.setdefault(key(cells[number]), []).append(number)
        for group, numbers in mine.items():
            size, bits = (sum(getattr(cells[c], f) for c in numbers) for f in ("size", "bits"))
            parts.setdefault(group, []).append((judged.where(np.isin(at, numbers)), size, bits))
    rows: list[tuple[float | int | str, ...]] = []
    for group, of in parts.items():
        found = rates([(j, n) for j, n, _ in of], told.confidence, [bits for _, _, bits in of])
        critical, share = found.critical, {kind: found.kinds[kind].share for kind in KINDS}
        rows.append(
            (
                *group,
                found.faults,
                sum(bits for _, _, bits in of),
                *(share["masked"], share["tolerable"], critical.share, critical.low, critical.high),
                *(share["due"], found.misclassified.share, found.hurt.share),
            )
        )
    rates_ = (
        "masked",
        "tolerable",
        "critical",
        "critical low",
        "critical high",
        "due",
        "misclassified",
        "hurt",
    )
    names = ("" for _ in keys)
    return Table(
        f"faults of the {told.space} by {by}",
        (*keys, "faults", "bits", *rates_),
        (*names, "1", "1", *("1" for _ in rates_)),
        tuple(rows),
        (*("" for _ in keys), "measured", "measured", *(told.how for _ in rates_)),
    )


def _findings(space: str, layers: Table) -> tuple[Finding, ...]:
    """Say where most of the critical faults sit."""
    names = [
        f"{part} of {layer}"
        for layer, part in zip(layers.column("layer"), layers.column("part"), strict=True)
    ]
    bits = np.array(layers.column("bits"), np.float64)
    critical = bits * np.array(layers.column("critical"), np.float64)
    if not critical.sum():
        return (
            Finding(
                "critical faults", "note", f"none of the faults of the {space} that were drawn is critical"
            ),
        )
    worst = int(critical.argmax())
    return (
        Finding(
            "critical faults",
            "note",
            f"{names[worst]} has {bits[worst] / bits.sum():.1%} of the bits of the {space} and "
            f"{critical[worst] / critical.sum():.1%} of its critical faults: protect it first",
        ),
    )
