"""The answer of `sarto measure OUT --placement`: a table with a column for each place, and what decides between them.

>>> cell(None)
'–'
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sarto.cli import _answer
from sarto.cli._folder import read_with_report, shown
from sarto.core.units import format_quantity

if TYPE_CHECKING:
    from sarto.measure.placement import Comparison
    from sarto.measure.radio import Figure


def show(out: Path, links: Sequence[str], device: str | None, *, as_json: bool) -> None:
    """Compare placements over `links`, add the evidence to the folder `out` and its report, and print the answer."""
    from sarto.measure.placement import place_folder

    read_with_report(out, again=False)
    found = place_folder(out, links, device)
    read_with_report(out, again=True)
    if as_json:
        _answer.document({"out": str(out), "device": found.device.name, **_document(found)})
        return
    _print(found, shown(out))
    _answer.line(f"\nadded to {out / 'evidence.jsonl'}, and to the report in {out / 'report.html'}")


def cell(figure: Figure | None) -> str:
    """Return a figure in words: `–` where there is none to be had, and `not known` where nobody knows it."""
    if figure is None:
        return "–"
    if figure.values is None:
        return "not known"
    from sarto.report import words

    value = words.figure(figure.mean, figure.unit, "").replace("\u00a0", " ")
    return f"at least {value}" if figure.at_least else value


def _print(found: Comparison, title: str) -> None:
    from sarto.measure.placement import LEFT_OUT

    ways = [
        f"over {way.name}, from the {start} to the {end}: {way.title}"
        for way, start, end in zip(found.links, ("sensor", "gateway"), ("gateway", "server"), strict=False)
    ]
    _answer.line(f"{title} on {found.device.name}, one inference, all figures estimated:\n")
    _answer.line(f"raw samples: {found.case.raw}; answer: {found.case.answer}")
    for way in ways:
        _answer.line(way)
    _answer.line()
    places = [p.place for p in found.placements]
    _answer.table(("the model runs on the", *places), _rows(found), right=range(1, len(places) + 1))
    _answer.line()
    for sentence in (*_verdict(found), *_notes(found), f"Left out of all figures: {LEFT_OUT}."):
        _answer.line(sentence)


def _rows(found: Comparison) -> list[tuple[str, ...]]:
    from sarto.measure.placement import COMPUTING, over

    rows: list[tuple[str, ...]] = []
    for i, link in enumerate(found.links):
        rows.append((f"{over(i, link.name)}:", *("" for _ in found.placements)))
        sent = [p.hops[i].figures for p in found.placements]
        names = dict.fromkeys(name for figures in sent for name in figures)
        rows += [(f"  {name}", *(cell(figures.get(name)) for figures in sent)) for name in names]
    energy = found.case.energy
    for name in dict.fromkeys(name for p in found.placements for name in p.figures):
        how = f" ({energy.how})" if name == COMPUTING and energy is not None else ""
        rows.append((name + how, *(cell(p.figures.get(name)) for p in found.placements)))
    return rows


def _verdict(found: Comparison) -> list[str]:
    """Return what decides, by the energy of the sensor."""
    first, energy = found.links[0].name, found.case.energy
    if (saved := found.break_even.get("J")) is None:
        from sarto.measure.radio import RADIO, SENT

        answer, raw = (p.hops[0].figures for p in found.placements[:2])
        if answer[SENT].mean >= raw[SENT].mean:
            return [
                f"The answer ({cell(answer[SENT])}) is no smaller than the raw samples ({cell(raw[SENT])}): "
                "computing on the sensor saves no sending."
            ]
        if answer[RADIO].values is not None and raw[RADIO].values is not None:
            return ["Both fit into as many packets: computing on the sensor saves no energy of sending."]
        return [f"What computing on the sensor saves over {first} is not known."]
    if energy is not None:
        worth = "worth it" if energy.value < saved.mean else "not worth it"
        if energy.value >= saved.mean and (saved.at_least or found.case.overlaps):
            worth = "not known to be worth it"
        return [
            f"Computing on the sensor saves {cell(saved)} of sending over {first} and takes "
            f"{format_quantity(energy.value, 'J')} ({energy.how}): by the sensor's energy it is {worth}."
        ]
    limit = format_quantity(saved.mean, "J")
    if (cycles := found.break_even.get("cycles")) is not None:
        limit += f", which are {format_quantity(cycles.mean, 'cycles')}"
    more = "; what is not known of sending can only raise this limit" if saved.at_least else ""
    return [
        f"By the sensor's energy, computing on it is worth it over {first} as long as one inference takes less than "
        f"{limit}{more}."
    ]


def _notes(found: Comparison) -> list[str]:
    """Return why figures are not known or a lower bound, how often it is computed, and the notes of the links."""
    from sarto.measure.placement import DAY_S
    from sarto.measure.radio import AIR

    case = found.case
    lacks = dict.fromkeys(
        lack
        for p in found.placements
        for figure in (*p.figures.values(), *(f for hop in p.hops for f in hop.figures.values()))
        for lack in figure.lacks
    )
    notes = [f"Not known: {', '.join(lacks)}."] if lacks else []
    if len(case.raw_b) > 1 and case.raw_b.min() < case.raw_b.max():
        low, high = (format_quantity(float(b), "B") for b in (case.raw_b.min(), case.raw_b.max()))
        notes.append(
            f"Figures are means over {len(case.raw_b)} pinned sequences, whose raw samples are {low} to {high}."
        )
    if case.per_day is None:
        notes.append("The sampling rate is not known, so no figures for a day are given.")
    else:
        pause = "" if case.window else ", if sequences follow each other without a pause"
        notes.append(f"A day has {case.per_day:,.0f} inferences{pause}.")
    notes.append("The samples of an inference are sent together when all are there, in packets of their own.")
    if case.overlaps:
        notes.append(
            "Windows overlap: a step is sent once, but what is counted of computing is one window with the later ones "
            "that begin in it, which is more than the share of one answer."
        )
    for place in found.placements:
        for hop in place.hops:
            if case.impossible(hop.figures[AIR]) and case.per_day is not None:
                share = hop.figures[AIR].mean * case.per_day / DAY_S
                notes.insert(
                    0,
                    f"Impossible with the model on the {place.place}: sending over {hop.link.name} would take "
                    f"{100 * share:,.0f} % of the time.",
                )
    return [*notes, *(f"{link.name}: {' '.join(link.notes.split())}" for link in found.links if link.notes)]


def _document(found: Comparison) -> dict[str, Any]:
    def plain(figures: dict[str, Figure]) -> list[dict[str, Any]]:
        return [
            {
                "what": what,
                "value": None if figure.values is None else figure.mean,
                "unit": figure.unit,
                "at_least": figure.at_least,
                "not_known": list(figure.lacks),
            }
            for what, figure in figures.items()
        ]

    from sarto.measure.placement import LEFT_OUT

    return {
        "links": [link.name for link in found.links],
        "placements": {p.place: plain(p.named) for p in found.placements},
        "break_even": plain(dict(found.break_even)),
        "inferences_per_day": found.case.per_day,
        "verdict": _verdict(found),
        "left_out": LEFT_OUT,
        "evidence": [item.to_json() for item in found.evidence],
    }
