"""A memory below its nominal voltage, as an axis of operating points: what a network says when so many bits are wrong.

The tables of an integer graph are read from a memory of which each bit is wrong with probability p, the declared
bit-error rate. In each draw all of them are read once with the errors of that draw, a pattern that stays as those of a
memory cell under too low a voltage do, and every item is answered by the interpreter. What guards do about it:

| guard | what | answers |
|---|---|---|
| `none` | nothing | always, right or not |
| `crc` | a CRC-32 of each table, whose 32 bits are as exposed | none where a table is not what it was |
| `copy` | each table with its CRC twice, at other bits | by the copy that is sound; none where neither is |

Bounds (`ranges`) are in the graph itself: sweep the graph with and without them. An answer that is given and is another
than without errors is silently wrong. The times by which a guard makes reads with silent errors rarer, at the same p
for every bit, is

    MTTF ratio = P(a read has any) without / P(a read has any) with,

since reads fail at the same rate of bits; the bits of guards are exposed, so they count in it.

Nothing is said of energy without a published curve of errors against voltage, see `sarto.devices.voltages`. With one,
the power of the memory is that of its curve times the bits that it holds, those of the guard included.

Source: Salami, Unsal and Cristal, "Comprehensive evaluation of supply voltage underscaling in FPGA on-chip memories",
MICRO 2018, for errors that stay at their places; Koopman and Chakravarty, DSN 2004, for what a CRC finds.

>>> from sarto.core.graph import Op, Tensor
>>> consts = {"w": np.array([[1, -1], [2, 0]], np.int8), "b": np.array([0, 1], np.int32),
...           "m": np.array([16384] * 2, np.int16), "s": np.array([14] * 2, np.uint8)}
>>> tensors = [Tensor(n, str(a.dtype), a.shape, "const", a) for n, a in consts.items()]
>>> tensors += [Tensor("x", "uint8", (2,), "input"), Tensor("y", "int32", (2,), "output")]
>>> op = Op("dense", {"x": "x", "weights": "w", "bias": "b", "factor": "m", "shift": "s"}, {"y": "y"},
...         {"low": -100, "high": 100})
>>> graph = Graph("net", tuple(tensors), (), (), (), 1, 0, None, ("a", "b"), (), (), (op, Op("argmax", {"x": "y"}, {})))
>>> points = undervolted(graph, np.array([[3, 1]]), np.array([0, 1]), np.array([1]), rates=(0.0, 0.5), draws=8)
>>> [(p.name, p["accuracy"], p["answered"]) for p in points[:3]]
[('no bit errors, none', 1.0, 1.0), ('no bit errors, crc', 1.0, 1.0), ('no bit errors, copy', 1.0, 1.0)]
>>> points[4].name, points[4]["answered"], points[4]["reads with silent errors"]
('bit-error rate 0.5, crc', 0.0, 0.0)
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Integer

from sarto.audit.faults._whole import with_const
from sarto.audit.faults.graph import addressed, or_failed
from sarto.audit.faults.ratio import ratio
from sarto.audit.faults.sample import interval
from sarto.core.bits import inject, random_places
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.graph import Graph
from sarto.core.points import OperatingPoint
from sarto.devices.voltages import Curve
from sarto.measure.operating import ACCURACY

GUARDS = ("none", "crc", "copy")
RATES = (0.0, 1e-6, 1e-5, 1e-4, 1e-3)
PLACES = ("weights", "bias", "multipliers", "shifts", "tables")
ANSWERED, SILENT, READS = "answered", "silently wrong answers", "reads with silent errors"
POWER_LEFT = "power of the memory, of that at nominal voltage without a guard"
CRC_BITS = 32
CONFIDENCE = 0.95


def undervolted(
    graph: Graph,
    raw: Integer[np.ndarray, "row channel"],
    offsets: Int[np.ndarray, " item_plus_1"],
    target: Int[np.ndarray, " item"],
    *,
    rates: Sequence[float] = RATES,
    guards: Sequence[str] = GUARDS,
    where: Sequence[str] = PLACES,
    draws: int = 20,
    seed: int = 0,
    curve: Curve | None = None,
    command: str = "",
) -> list[OperatingPoint]:
    """Return a point for each rate and guard: accuracy, share of answers, silent errors, exposed bits.

    Args:
        graph: the integer network, of classes.
        raw, offsets: raw words, item i is `raw[offsets[i]:offsets[i + 1]]`.
        target: class of each item.
        rates: wrong bits per bit, from 0 to 1.
        guards: of `GUARDS`.
        where: parts of the graph, as in `audit.faults.graph`, whose tables lie in that memory.
        draws: of the errors; each is one read of all tables.
        seed: of the draws.
        curve: of the memory; None says nothing of voltage and power.
        command: that shows it again.

    Raises:
        SartoError: E143, for a rate that is none; E148, when no table lies there, or a guard is not known; E116, for no
            draw.
    """
    names = [tensor.name for tensor, _, part in addressed(graph) if part in where and tensor.kind == "const"]
    strange = [guard for guard in guards if guard not in GUARDS]
    if not names or strange:
        raise SartoError(
            "E148",
            f"'{strange[0]}' is no guard of a memory" if strange else "no table lies in the memory",
            cause="there is none of that name" if strange else f"the graph has no {', '.join(where)}",
            hint=f"guards are {', '.join(GUARDS)}",
        )
    if draws < 1:
        raise SartoError("E116", f"{draws} draws", cause="at least 1 is needed", hint="take 20")
    scores, failed = or_failed(graph, raw, offsets)
    memory = _Memory(graph, names, raw, offsets, scores.argmax(axis=1), target, seed)
    assert not failed.any(), "without errors every item is answered"
    found: list[OperatingPoint] = []
    for rate in rates:
        reads = [memory.read(rate, draw) for draw in range(draws if rate else 1)]
        for guard in guards:
            seen = [read[guard] for read in reads]
            bits = memory.bits(guard), memory.bits("none")
            found.append(_point(rate, guard, seen, bits, len(target), seed, curve, command))
    return found


@dataclass(frozen=True)
class _Seen:
    """What one read came to: shares of the items that were answered, answered rightly, and silently wrong."""

    answered: float
    right: float
    silent: float


@dataclass(frozen=True, eq=False)
class _Memory:
    """The tables of a graph, in a memory."""

    graph: Graph
    names: Sequence[str]
    raw: Integer[np.ndarray, "row channel"]
    offsets: Int[np.ndarray, " item_plus_1"]
    golden: Int[np.ndarray, " item"]
    target: Int[np.ndarray, " item"]
    seed: int

    def bits(self, guard: str) -> int:
        """Return how many bits are exposed."""
        own = sum(8 * self.graph.const(name).nbytes for name in self.names)
        crcs = CRC_BITS * len(self.names)
        return {"none": own, "crc": own + crcs, "copy": 2 * (own + crcs)}[guard]

    def read(self, rate: float, draw: int) -> dict[str, _Seen]:
        """Return what reading all tables once comes to under each guard; they see the same errors."""
        plain, sound = self._copy(rate, draw, 0)
        other = self._copy(rate, draw, 1)
        refused = _Seen(0.0, 0.0, 0.0)
        without = self._answers(plain)
        crc = without if all(sound.values()) else refused
        kept = {name: plain[name] if sound[name] else other[0][name] for name in self.names}
        either = all(sound[name] or other[1][name] for name in self.names)
        return {"none": without, "crc": crc, "copy": self._answers(kept) if either else refused}

    def _copy(
        self, rate: float, draw: int, number: int
    ) -> tuple[dict[str, Integer[np.ndarray, "..."]], dict[str, bool]]:
        """Return the tables as they are read, and of each whether it has the CRC that is read with it."""
        tables, sound = dict[str, Integer[np.ndarray, "..."]](), dict[str, bool]()
        for name in self.names:
            golden = self.graph.const(name)
            width, purpose = 8 * golden.dtype.itemsize, ("undervolting", draw, number, name)
            tables[name] = inject(golden, random_places(golden.size, width, rate, self.seed, *purpose))
            stored = np.array([zlib.crc32(golden.tobytes())], np.uint32)
            places = random_places(1, CRC_BITS, rate, self.seed, *purpose, "crc")
            sound[name] = zlib.crc32(tables[name].tobytes()) == int(inject(stored, places)[0])
        return tables, sound

    def _answers(self, tables: dict[str, Integer[np.ndarray, "..."]]) -> _Seen:
        """Return what the network answers with tables as they were read."""
        graph = self.graph
        for name, data in tables.items():
            if not np.array_equal(data, graph.const(name)):
                graph = with_const(graph, name, data)
        if graph is self.graph:
            return _Seen(1.0, _share(self.golden == self.target), 0.0)
        scores, failed = or_failed(graph, self.raw, self.offsets)
        said = scores.argmax(axis=1)
        return _Seen(
            _share(~failed), _share(~failed & (said == self.target)), _share(~failed & (said != self.golden))
        )


def _share(flags: Bool[np.ndarray, " item"]) -> float:
    return float(np.count_nonzero(flags) / len(flags))


def _point(
    rate: float,
    guard: str,
    seen: Sequence[_Seen],
    bits: tuple[int, int],
    items: int,
    seed: int,
    curve: Curve | None,
    command: str,
) -> OperatingPoint:
    draws, (exposed, plain) = len(seen), bits
    tool = (
        f"integer interpreter, {draws} draws of bit errors in {exposed:,} bits, guard {guard}; least and most"
    )

    def share(what: str, values: list[float]) -> Evidence:
        span = (min(values), max(values))
        return Evidence(
            what, float(np.mean(values)), "1", "measured", tool, command, draws * items, span, seed
        )

    silent = sum(s.silent > 0 for s in seen)
    rows = [
        Evidence("bit-error rate", rate, "1", "declared", "by whoever sweeps it"),
        share(ACCURACY, [s.right for s in seen]),
        share(ANSWERED, [s.answered for s in seen]),
        share(SILENT, [s.silent for s in seen]),
        Evidence(
            READS,
            silent / draws,
            "1",
            "measured",
            f"{tool}, {CONFIDENCE:.0%} interval (Wilson)",
            command,
            draws,
            interval(silent, draws, None, CONFIDENCE),
            seed,
        ),
        Evidence("exposed bits", exposed, "bits", "measured", "tables, and what guards add"),
    ]
    lowest = curve.at(rate) if curve is not None and rate else None
    if curve is not None and lowest is not None:
        tool = f"{curve.title}: {curve.source}; nominal {curve.nominal_v:g} V"
        grown = f"{tool}; in proportion to the bits, those of the guard included"
        rows += [
            Evidence("voltage", lowest.voltage_v, "V", "declared", tool),
            Evidence(POWER_LEFT, lowest.power * exposed / plain, "1", "estimated", grown),
        ]
    name = f"bit-error rate {rate:g}, {guard}" if rate else f"no bit errors, {guard}"
    return OperatingPoint(name, {"bit_error_rate": rate, "guard": guard}, tuple(rows))


def protection(plain: OperatingPoint, guarded: OperatingPoint) -> Evidence:
    """Return how many times rarer reads with silent errors are with a guard, at the same rate: the MTTF ratio.

    Where none was seen with the guard, the figure is the least that the bounds allow.
    """
    shares: list[tuple[int, float, float, float]] = []
    for point in (plain, guarded):
        found = point.find(READS)
        assert found.interval is not None
        shares.append((1, found.value, *found.interval))
    value, low, high = ratio(*shares)
    known = np.isfinite(value)
    found = guarded.find(READS)
    return Evidence(
        f"MTTF ratio at {guarded.name}",
        value if known else low,
        "1",
        "estimated",
        f"share of {found.n} reads with silent errors without a guard over that with it",
        found.command,
        found.n,
        (low, high if np.isfinite(high) else max(low, value if known else low)),
        found.seed,
    )
