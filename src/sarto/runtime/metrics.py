r"""The state of a running manager in the text format that Prometheus reads.

Each monitor has a state, one of measured, estimated and unavailable, and a value only where there is one, which is
labelled with how it was come by: power by a model is never taken for that of a sensor.

Source: Prometheus, Exposition formats, text-based format, version 0.0.4.

>>> print(line("sarto_reading", 48.5, monitor='a "zone"'))
sarto_reading{monitor="a \"zone\""} 48.5
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from sarto.runtime.advice import Advisor

TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATES = ("measured", "estimated", "unavailable")
HELP = {
    "sarto_decisions_total": ("counter", "Decisions that were asked for."),
    "sarto_jobs_total": ("counter", "Jobs whose time was told."),
    "sarto_jobs_late_total": ("counter", "Jobs that took longer than their deadline, or were not done."),
    "sarto_relaxed_total": ("counter", "Decisions for which a limit gave way."),
    "sarto_unreached_total": ("counter", "Jobs for which a place elsewhere did not answer."),
    "sarto_tickets_dropped_total": ("counter", "Decisions whose jobs nobody told of and that were dropped."),
    "sarto_tickets_open": ("gauge", "Decisions whose jobs nobody has told of yet."),
    "sarto_margin": ("gauge", "Factor that is kept on times."),
    "sarto_slowdown": ("gauge", "How many times as slow as stated jobs run on a cluster or at a place."),
    "sarto_point": ("gauge", "1 for the point of the last decision."),
    "sarto_expected_seconds": ("gauge", "Time that the job of the last decision should take."),
    "sarto_link_lost": ("gauge", "1 while a place is left alone because it did not answer."),
    "sarto_knob_state": ("gauge", "1 for what became of a knob at the last decision."),
    "sarto_knob_refused": ("gauge", "1 for a value of a knob that was refused and has not been set since."),
    "sarto_monitor_state": ("gauge", "1 for how a monitor's reading was come by."),
    "sarto_reading": ("gauge", "Last reading of a monitor, where there is one."),
}


def metrics(advisor: Advisor) -> str:
    """Return the metrics of an advisor, whose lock the caller holds."""
    found: dict[str, list[str]] = {name: [] for name in HELP}
    for name, text in _lines(advisor):
        found[name].append(text)
    lines: list[str] = []
    for name, texts in found.items():
        kind, help_text = HELP[name]
        lines += [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}", *texts]
    return "\n".join(lines) + "\n"


def _lines(advisor: Advisor) -> Iterator[tuple[str, str]]:
    def one(name: str, value: float, **labels: str) -> tuple[str, str]:
        return name, line(name, value, **labels)

    counts, manager, last = advisor.counts, advisor.manager, advisor.last
    for name in ("decisions", "jobs", "relaxed", "unreached"):
        yield one(f"sarto_{name}_total", getattr(counts, name))
    yield one("sarto_jobs_late_total", counts.late)
    yield one("sarto_tickets_dropped_total", counts.dropped)
    yield one("sarto_tickets_open", advisor.tickets)
    yield one("sarto_margin", manager.slowdown.margin)
    for cluster, level in zip(manager.points.clusters, manager.levels().tolist(), strict=True):
        yield one("sarto_slowdown", level, cluster=cluster)
    if last is not None:
        yield one("sarto_point", 1, point=last.point.name)
        yield one("sarto_expected_seconds", last.expected_s)
    reached = advisor.reach.available(advisor.clock())
    for number, place in manager.points.places.items():
        lost = reached is not None and not reached[manager.points.cluster == number].any()
        yield one("sarto_link_lost", float(lost), place=place)
    for applied in advisor.applied:
        yield one("sarto_knob_state", 1, knob=applied.knob, state=applied.state)
    for knob, value in advisor.refusals.lost:
        yield one("sarto_knob_refused", 1, knob=knob, wanted=value)
    for monitor, reading in advisor.readings.now(advisor.clock()).items():
        for state in STATES:
            yield one("sarto_monitor_state", float(state == reading.how), monitor=monitor, state=state)
        if reading.value is not None:
            labels = {"monitor": monitor, "what": reading.what, "unit": reading.unit, "how": reading.how}
            yield one("sarto_reading", reading.value, **labels)


def line(name: str, value: float, **labels: str) -> str:
    """Return one sample."""
    named = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    shown = "NaN" if math.isnan(value) else "+Inf" if value == math.inf else f"{value:.9g}"
    return f"{name}{{{named}}} {shown}" if named else f"{name} {shown}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
