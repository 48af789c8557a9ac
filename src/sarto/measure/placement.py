"""Where to compute: on the sensor, on a gateway or on a server; what each placement sends, and what that takes.

The answer is wanted at the end of the last link. A model on the sensor sends its answer over every link; one on the
gateway (the end of the first) is sent the raw samples and sends the answer on; one on the server (the end of the
second) is sent the raw samples over both. Raw samples are new steps x channels x bytes of a word; of windows that
overlap a step is sent once, so the new steps are the hop. An answer is a class index in the fewest whole bytes, or the
words of the predicted numbers.

    energy of the sensor = energy of sending (first link) + energy of computing, where the ledger has it
    delay                = air times + latency after the last sample, where the ledger has it
    break-even           = energy of sending the raw samples - energy of sending the answer

The break-even is what one inference on the sensor may cost before sending raw samples takes less of its energy.
Source: the formulas are what the words mean; see `sarto.measure.radio` for sending.

>>> answer_bytes(2), answer_bytes(256), answer_bytes(257), answer_bytes(0, 4)
(1, 1, 2, 4)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sarto.core.artifact import check_image, check_records, read_manifest
from sarto.core.device import AnyDevice
from sarto.core.evidence import Evidence, Ledger
from sarto.core.graph import Window, load_graph
from sarto.devices.links import Link, link
from sarto.measure.model import device_of, read_pinned
from sarto.measure.radio import AIR, ON_AIR, RADIO, Figure, Sending, said, sending

PLACES = ("sensor", "gateway", "server")
DAY_S = 86400
COMPUTING, ENERGY, DELAY = "energy of computing on the sensor", "energy of the sensor", "delay"
LEFT_OUT = (
    "making and keeping a connection, waking the radio and waiting, packets that are lost and sent again, an answer "
    "that is sent back, compressing the raw samples, and what gateway and server take for receiving and computing"
)
"""What no figure of a placement holds, since no link file tells it."""


@dataclass(frozen=True, eq=False)
class Case:
    """What is sent and how often.

    Attributes:
        raw_b: bytes of the raw samples that are new for each inference, one for each item.
        raw: what they are.
        answer_b: bytes of an answer.
        answer: what it is.
        per_day: inferences a day, None when the sampling rate is not known.
        window: of a stream; None for sequences, which follow each other as they may.
        energy: the newest evidence of one inference on the device, or None; of windows that overlap it is of one window
            with the later ones that begin in it, which is more than the share of one answer.
        latency: the newest evidence of what comes after the last sample, or None.
    """

    raw_b: Float[np.ndarray, " item"]
    raw: str
    answer_b: int
    answer: str
    per_day: float | None
    window: Window | None = None
    energy: Evidence | None = None
    latency: Evidence | None = None

    def impossible(self, air: Figure) -> bool:
        """Return whether sending for `air` each time takes more time than there is between inferences."""
        return self.per_day is not None and air.values is not None and air.mean * self.per_day > DAY_S

    @property
    def overlaps(self) -> bool:
        """Whether windows overlap."""
        return self.window is not None and self.window.banks > 1


@dataclass(frozen=True, eq=False)
class Placement:
    """A place for the model: what is sent over each link, and further figures by name."""

    place: str
    hops: tuple[Sending, ...]
    figures: Mapping[str, Figure]

    @property
    def named(self) -> dict[str, Figure]:
        """The figures, those of the links included."""
        sent = {
            f"{name} {over(i, hop.link.name)}": figure
            for i, hop in enumerate(self.hops)
            for name, figure in hop.figures.items()
        }
        return {**sent, **self.figures}


@dataclass(frozen=True, eq=False)
class Comparison:
    """The placements of one model, the break-even by unit, and the evidence of all this."""

    case: Case
    device: AnyDevice
    links: tuple[Link, ...]
    placements: tuple[Placement, ...]
    break_even: Mapping[str, Figure]
    evidence: tuple[Evidence, ...] = ()


def answer_bytes(classes: int, numbers_b: int = 0) -> int:
    """Return the bytes of an answer: of a class index, or `numbers_b` where there are no classes."""
    return max(1, -(-(classes - 1).bit_length() // 8)) if classes else numbers_b


def over(position: int, name: str) -> str:
    """Return how the link at `position` (0 or 1) is called in the name of a figure."""
    return f"over {name}" if position == 0 else f"from the gateway over {name}"


def compare(case: Case, links: Sequence[Link], target: AnyDevice) -> Comparison:
    """Return the placements over one link (sensor, gateway) or two (and server), and the break-even.

    Args:
        case: what is sent.
        links: from the sensor to the gateway, and from there to the server.
        target: the device on the sensor, for the break-even in cycles.
    """
    answer = np.full_like(case.raw_b, case.answer_b)
    placements: list[Placement] = []
    for at, place in enumerate(PLACES[: len(links) + 1]):
        hops = [
            sending(way, answer, case.answer) if i >= at else sending(way, case.raw_b, case.raw)
            for i, way in enumerate(links)
        ]
        placements.append(_placement(place, hops, case, target))
    sensor, gateway = (p.hops[0].figures[RADIO] for p in placements[:2])
    return Comparison(case, target, tuple(links), tuple(placements), _break_even(sensor, gateway, target))


def _placement(place: str, hops: Sequence[Sending], case: Case, target: AnyDevice) -> Placement:
    figures: dict[str, Figure] = {}
    computing = Figure(None, "J")  # elsewhere it takes nothing of the sensor
    if place == PLACES[0]:
        computing = figures[COMPUTING] = _of_evidence(case.energy, "J", COMPUTING, case, target)
        time = _of_evidence(case.latency, "s", "latency after the last sample", case, target)
    else:
        time = Figure(None, "s", "", (f"time of computing on the {place}",))
    sum_of = f"{RADIO} {over(0, hops[0].link.name)}" + (f" + {computing.tool}" if computing.tool else "")
    figures[ENERGY] = replace(hops[0].figures[RADIO] + computing, tool=sum_of)
    sum_of = " + ".join(f"{AIR} {over(i, hop.link.name)}" for i, hop in enumerate(hops))
    sum_of += f" + {time.tool}" if time.tool else ""
    figures[DELAY] = replace(reduce(add, (*(hop.figures[AIR] for hop in hops), time)), tool=sum_of)
    if (n := case.per_day) is not None and not any(case.impossible(hop.figures[AIR]) for hop in hops):
        by = f"x {n:.6g} inferences a day"
        name = f"{ON_AIR}, a day"
        hops = [
            Sending(h.link, {**h.figures, name: h.figures[ON_AIR].scaled(n, "B", f"{ON_AIR} {by}")})
            for h in hops
        ]
        if not (case.overlaps and computing.values is not None):
            figures[f"{ENERGY}, a day"] = figures[ENERGY].scaled(n, "J", f"{ENERGY} {by}")
    return Placement(place, tuple(hops), figures)


def _of_evidence(evidence: Evidence | None, unit: str, what: str, case: Case, target: AnyDevice) -> Figure:
    if evidence is None:
        return Figure(None, unit, "", (f"{what} (see sarto devices {target.name})",))
    return Figure(np.full_like(case.raw_b, evidence.value), unit, f"{what} ({evidence.how}: {evidence.tool})")


def _break_even(sensor: Figure, gateway: Figure, target: AnyDevice) -> dict[str, Figure]:
    """Return what computing may cost in J, and in cycles where the device file has the energy of one.

    Nothing where energies are not known, or where sending the answer takes no less than sending the raw samples.
    """
    if sensor.values is None or gateway.values is None or sensor.mean >= gateway.mean:
        return {}
    lacks = tuple(dict.fromkeys(sensor.lacks + gateway.lacks))
    formula = f"{RADIO} with the model on the gateway, less that with it on the sensor"
    found = {"J": Figure(gateway.values - sensor.values, "J", formula, lacks)}
    if (cycle := target.energy_per_cycle_j) is not None:
        found["cycles"] = found["J"].scaled(1 / cycle.value, "cycles", f"break-even / {said(cycle)}")
    return found


def place_folder(out: Path, names: Sequence[str], on: str | None) -> Comparison:
    """Compare placements of the model of a finished output folder, and append the evidence to its ledger.

    Args:
        out: the folder.
        names: of one link or two, or paths of link files.
        on: the device on the sensor; None for the folder's own. The evidence of another one is named after it.

    Raises:
        SartoError: E111 or E112 for a link; E112, when the model is stored only; E114, when `out` is no output
            folder, or damaged.
    """
    manifest = read_manifest(out)
    check_records(out)
    check_image(out, manifest)
    target, graph = device_of(out, manifest, on), load_graph(out / "graph.npz")
    suffix = "" if target.name == manifest["device"] else f" on {target.name}"
    ledger = Ledger(out / "evidence.jsonl")
    steps = np.diff(read_pinned(out).offsets) if graph.window is None else np.array([graph.window.hop])
    rate_hz: float | None = manifest["input"].get("rate_hz")
    channels, bits = len(graph.channels), int(manifest["input"]["bits"])
    classes, numbers = len(manifest["classes"]), [t for t in graph.kind("output") if t.name == "scores"]
    low, high = int(steps.min()), int(steps.max())
    case = Case(
        steps * float(channels * bits // 8),
        f"{low}{f' to {high}' if low < high else ''} new steps x {channels} channels x {bits} bits",
        answer_bytes(classes, sum(t.size_b for t in numbers)),
        f"index of one of {classes} classes" if classes else f"predicted numbers: {', '.join(graph.outputs)}",
        None if rate_hz is None else DAY_S * rate_hz / float(steps.mean()),
        graph.window,
        *(ledger.latest(what + suffix) for what in ("energy", "latency after the last sample")),
    )
    found = compare(case, [link(name) for name in names], target)
    command = f"sarto measure {out} --placement {','.join(names)}" + (f" --device {on}" if on else "")
    way = f"placement over {' and '.join(way.name for way in found.links)}"
    named = {f"{way}: break-even of computing, {unit}": f for unit, f in found.break_even.items()}
    for place in found.placements:  # the energy of computing is in the ledger already
        figures = {name: figure for name, figure in place.named.items() if name != COMPUTING}
        named |= {f"{way}, on the {place.place}: {name}": figure for name, figure in figures.items()}
    rows = [
        _evidence(what + suffix, figure, command, graph.sha256)
        for what, figure in named.items()
        if figure.values is not None
    ]
    ledger.append(*rows)
    return Comparison(case, target, found.links, found.placements, found.break_even, tuple(rows))


def _evidence(what: str, figure: Figure, command: str, subject: str) -> Evidence:
    assert figure.values is not None
    low, high = float(figure.values.min()), float(figure.values.max())
    varies = low < high
    return Evidence(
        f"{what}, at least" if figure.at_least else what,
        figure.mean,
        figure.unit,
        "estimated",
        figure.tool + (f"; not in it: {'; '.join(figure.lacks)}" if figure.lacks else ""),
        command,
        len(figure.values) if varies else None,
        (low, high) if varies else None,
        None,
        subject,
    )
