"""Operating points of the run time: a variant of a model in a setting of a platform, with its time, power and accuracy.

A variant is a width of a dynamic network, or any model of a ladder. It needs a share `w` of the work of the job that
the platform's times are for, so that in a setting with time t and power P it takes

    w t        and        P w t

which is an estimate unless w is 1: that time is proportional to work, and power does not depend on the variant.

>>> from sarto.devices.platforms import platform
>>> ladder = [Variant("25 %", 0.56, 0.25), Variant("100 %", 0.712, 1.0)]
>>> points = grid(ladder, platform("odroid_xu3"))
>>> len(points), points[0].name, round(points[0]["energy"], 4), points[0].find("latency").how
(12, '25 % on a15 at 200 MHz', 0.0831, 'estimated')
>>> known = Points.of(points)
>>> known.latency_s.shape, known.clusters
((12,), ('a15', 'a7'))
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from sarto.core.errors import SartoError
from sarto.core.evidence import How
from sarto.core.points import OperatingPoint
from sarto.core.units import format_quantity
from sarto.devices.platforms import Cluster, Place, Platform, Setting
from sarto.measure.operating import ACCURACY, ENERGY, LATENCY, POWER, point_evidence
from sarto.measure.remote import asked_of
from sarto.runtime.goal import Goal

MOST_POINTS = 100_000

MOST_WORK = 1e6
"""Of a variant, in jobs of a platform."""


@dataclass(frozen=True)
class Variant:
    """A model, or a width of one, that may run.

    Attributes:
        name: of it.
        accuracy: from 0 to 1, or any other quality of which more is better.
        work: that it does, as a share of the job of a platform's times.
        how: the accuracy was come by.
        source: of the accuracy.
    """

    name: str
    accuracy: float
    work: float
    how: How = "measured"
    source: str = "given"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.accuracy) and 0 < self.work <= MOST_WORK):
            raise SartoError(
                "E116",
                f"variant {self.name} has accuracy {self.accuracy:g} and work {self.work:g}",
                cause=f"the accuracy is a finite number, and work above 0 and at most {MOST_WORK:g}",
                hint="give work as a share of the platform's job, such as 0.25",
            )


def grid(variants: Sequence[Variant], platform: Platform) -> list[OperatingPoint]:
    """Return the points of every variant in every setting, and then at every place of the platform.

    Raises:
        SartoError: E116, when there is no variant, two have one name, or there are too many points.
    """
    names = [variant.name for variant in variants]
    count = len(names) * (len(platform.settings) + len(platform.places))
    if not names or len(set(names)) < len(names) or count > MOST_POINTS:
        twice = next((name for name in names if names.count(name) > 1), "")
        few = "name each variant once" if twice else "give one or more"
        raise SartoError(
            "E116",
            f"{len(names)} variants on {len(platform.settings)} settings",
            cause=f"there are two named '{twice}'" if twice else f"1 to {MOST_POINTS:,} points are needed",
            hint=few if count <= MOST_POINTS else "fewer variants, or a longer step between clocks",
        )
    local = [
        _point(variant, cluster, setting)
        for variant in variants
        for cluster in platform.clusters
        for setting in cluster.settings
    ]
    return local + [
        _elsewhere(variant, place, platform.idle_w.value) for variant in variants for place in platform.places
    ]


def _point(variant: Variant, cluster: Cluster, setting: Setting) -> OperatingPoint:
    how, tool = setting.how, cluster.source
    if variant.work != 1:
        how, tool = (
            "estimated",
            f"time in proportion to work, {variant.work:.4g} of the job; {cluster.source}",
        )
    latency, power = variant.work * setting.latency_s, setting.power_w
    settings = {
        "variant": variant.name,
        "cluster": setting.cluster,
        "frequency_hz": setting.frequency_hz,
        "cores": setting.cores,
    }
    evidence = point_evidence(
        latency,
        None if math.isnan(power) else power,
        how,
        setting.how,
        tool,
        variant.accuracy,
        variant.how,
        variant.source,
    )
    return OperatingPoint(f"{variant.name} on {setting}", settings, evidence)


def _elsewhere(variant: Variant, place: Place, idle_w: float) -> OperatingPoint:
    taken = asked_of(place, variant.work, idle_w)
    over = " and ".join(way.name for way in place.links)
    settings = {"variant": variant.name, "cluster": place.name, "frequency_hz": 0.0, "place": place.name}
    accuracy = (variant.accuracy, variant.how, variant.source)
    evidence = point_evidence(taken.latency_s, taken.power_w, "estimated", "estimated", taken.tool, *accuracy)
    return OperatingPoint(f"{variant.name} at {place.name} over {over}", settings, evidence)


def between(platform: Platform, step_hz: float, *, variants: int = 1) -> Platform:
    """Return a platform with settings at every multiple of `step_hz` between the clocks that its file states.

    In a cluster, on as many cores,

        t = a / f + b        least squares of t f / t
        P = c_0 + c_1 f + c_3 f^3    through three settings; with two, c_3 = 0

    Settings that the file states stay as they are, nothing lies outside of them, and those in between are estimates.

    Args:
        platform: with the stated settings.
        step_hz: between clocks.
        variants: that will run in each setting.

    Raises:
        SartoError: E116, when the step is under 1 Hz, or gives more than `MOST_POINTS` points.

    Source: the form of P is that of dynamic power C V^2 f with V rising with f, and a static part.

    >>> from sarto.devices.platforms import platform
    >>> [round(s.power_w, 3) for s in between(platform("odroid_xu3"), 400e6).cluster("a15").settings]
    [0.326, 0.418, 0.669, 0.846, 1.07, 1.698, 2.12]
    """
    if not step_hz >= 1:
        raise SartoError(
            "E116", f"a step of {step_hz:g} Hz", cause="it is at least 1 Hz", hint="such as 100 MHz"
        )
    count = len(platform.settings) + sum(_count(c.settings, step_hz) for c in platform.clusters)
    if variants * count > MOST_POINTS:
        raise SartoError(
            "E116",
            f"a step of {format_quantity(step_hz, 'Hz')} between clocks",
            cause=f"that gives some {variants * count:,} points, and there may be {MOST_POINTS:,}",
            hint="a longer step, such as 100 MHz",
        )
    clusters = tuple(replace(c, settings=_filled(c.settings, step_hz)) for c in platform.clusters)
    return replace(platform, clusters=clusters)


def _fitted(settings: tuple[Setting, ...]) -> list[list[Setting]]:
    """Return the settings on as many cores between whose clocks others are estimated."""
    groups = [
        [one for one in settings if one.cores == cores and one.frequency_hz > 0]
        for cores in sorted({one.cores for one in settings})
    ]
    # One clock says nothing of others, and where there are many they are the grid.
    return [known for known in groups if 2 <= len(known) <= 3]


def _multiples(known: Sequence[Setting], step_hz: float) -> range:
    """Return the multiples of a step that lie between the lowest and the highest clock."""
    first, last = known[0].frequency_hz, known[-1].frequency_hz
    return range(math.floor(first / step_hz) + 1, math.ceil(last / step_hz))


def _count(settings: tuple[Setting, ...], step_hz: float) -> int:
    ends = [_multiples(known, step_hz) for known in _fitted(settings)]
    return sum(each.stop - each.start for each in ends)  # `len` of a range ends at 2^63


def _filled(settings: tuple[Setting, ...], step_hz: float) -> tuple[Setting, ...]:
    found = list(settings)
    for known in _fitted(settings):
        cores = known[0].cores
        f = np.array([one.frequency_hz for one in known])
        t, p = (np.array([getattr(one, part) for one in known]) for part in ("latency_s", "power_w"))
        # Relative errors: every row is divided by its time.
        a, b = np.linalg.lstsq(np.stack([1 / (f * t), 1 / t], 1), np.ones(len(f)), rcond=None)[0]
        powers = np.array([0, 1, 3][: len(f)])
        scaled = f / f[-1]
        c = _through(scaled, p, powers)
        for number in _multiples(known, step_hz):
            clock = step_hz * number
            if np.all(np.abs(f / clock - 1) > 1e-9):
                power = float(((clock / f[-1]) ** powers) @ c)
                found.append(
                    Setting(known[0].cluster, clock, cores, float(a / clock + b), power, "estimated")
                )
    return tuple(sorted(found, key=lambda one: (one.cores, one.frequency_hz)))


def _through(
    x: Float[np.ndarray, " known"], y: Float[np.ndarray, " known"], powers: Int[np.ndarray, " known"]
) -> Float[np.ndarray, " known"]:
    """Return the coefficients of so many powers of x with which their sum goes through every y."""
    return np.linalg.inv(x[:, None] ** powers) @ y


@dataclass(frozen=True, eq=False)
class Lasting:
    """What limits leave of the points as long as goal and availability last; only times change from job to job.

    Attributes:
        goal, available: of which this is told; the latter as bytes.
        within: indices of the available points that keep power and accuracy.
        firm: those of the available points that are left by the limits that are firmer than the deadline.
        relaxed: of these, those that had to give way.
        rest: limits from the deadline on, the firmest first; what is not limited is left out.
    """

    goal: Goal
    available: bytes
    within: Int[np.ndarray, " within"]
    firm: Int[np.ndarray, " left"]
    relaxed: tuple[str, ...]
    rest: tuple[str, ...]


def least_over(
    left: Int[np.ndarray, " left"], amounts: Float[np.ndarray, " point"], most: float
) -> tuple[Int[np.ndarray, " kept"], bool]:
    """Return which points of those `left` are within a limit, or come nearest to it, and whether it was broken."""
    if len(left) == 1:
        return left, amounts.item(left.item()) > most
    amount = amounts.take(left)
    lowest = amount.item(amount.argmin())
    broken = lowest > most
    return left[amount <= (lowest if broken else most)], broken


def least(left: Int[np.ndarray, " left"], amounts: Float[np.ndarray, " point"]) -> Int[np.ndarray, " kept"]:
    """Return which points of those `left`, of which there is one, have the least amount."""
    return least_over(left, amounts, -math.inf)[0]


@dataclass(frozen=True, eq=False)
class Points:
    """Operating points as columns, which is what decisions are made on.

    Attributes:
        points: themselves.
        latency_s, power_w, energy_j, accuracy: of each; power and energy are NaN where they are not known.
        frequency_hz: of each; 0 where it is not set.
        cluster: number of each point's cluster in `clusters`.
        clusters: their names.
    """

    points: tuple[OperatingPoint, ...]
    latency_s: Float[np.ndarray, " point"]
    power_w: Float[np.ndarray, " point"]
    energy_j: Float[np.ndarray, " point"]
    accuracy: Float[np.ndarray, " point"]
    frequency_hz: Float[np.ndarray, " point"]
    cluster: Int[np.ndarray, " point"]
    clusters: tuple[str, ...]
    _kept: Lasting | None = field(default=None, init=False, repr=False)

    @staticmethod
    def of(points: Sequence[OperatingPoint]) -> Points:
        """Return the columns of points with evidence of latency and accuracy.

        Raises:
            SartoError: E116, when there is none, or a figure is missing or no number above 0.
        """
        if not points:
            raise SartoError(
                "E116", "no operating point", cause="a manager chooses among some", hint="give one or more"
            )
        latency, accuracy = (
            np.array([_figure(p, what) for p in points], float) for what in (LATENCY, ACCURACY)
        )
        power = np.array([_figure(p, POWER, optional=True) for p in points], float)
        energy = np.array([_figure(p, ENERGY, optional=True) for p in points], float)
        names = [str(p.settings.get("cluster", "")) for p in points]
        clusters = tuple(dict.fromkeys(names))
        frequency = np.array([float(p.settings.get("frequency_hz", 0)) for p in points])
        cluster = np.array([clusters.index(name) for name in names])
        return Points(tuple(points), latency, power, energy, accuracy, frequency, cluster, clusters)

    def __len__(self) -> int:
        return len(self.points)

    def lasting(self, goal: Goal, available: Bool[np.ndarray, " point"]) -> Lasting:
        """Return what a goal leaves of the points that are available, whatever their times; the last answer is kept."""
        kept, there = self._kept, available.tobytes()
        if kept is None or kept.goal is not goal or kept.available != there:
            kept = self._lasting(goal, available)
            object.__setattr__(self, "_kept", kept)
        return kept

    def _lasting(self, goal: Goal, available: Bool[np.ndarray, " point"]) -> Lasting:
        # A power that is not known does not matter where it is not limited.
        limited = [limit for limit in goal.firm_first if goal.most(limit) < math.inf]
        within = available.copy()
        for limit in limited:
            if limit != "deadline":
                within &= self.amounts(limit) <= goal.most(limit)
        firm, relaxed = available.nonzero()[0], ()
        while limited and limited[0] != "deadline":
            limit = limited.pop(0)
            firm, broken = least_over(firm, self.amounts(limit), goal.most(limit))
            relaxed = (*relaxed, limit) if broken else relaxed
        return Lasting(goal, available.tobytes(), within.nonzero()[0], firm, relaxed, tuple(limited))

    def amounts(self, limit: str) -> Float[np.ndarray, " point"]:
        """Return of each point what `Goal.most` limits: its power, its time, or its accuracy with the sign changed."""
        return self._amounts[limit]

    @cached_property
    def _amounts(self) -> dict[str, Float[np.ndarray, " point"]]:
        power = np.where(np.isnan(self.power_w), math.inf, self.power_w)  # what nobody knows keeps no limit
        return {"power": power, "deadline": self.latency_s, "accuracy": -self.accuracy}

    @cached_property
    def knows_power(self) -> bool:
        """Whether power and energy of every point are known."""
        return bool(np.isfinite(self.power_w).all() and np.isfinite(self.energy_j).all())

    @cached_property
    def some_power(self) -> bool:
        """Whether the power of any point is known."""
        return bool(np.isfinite(self.power_w).any())

    @cached_property
    def places(self) -> dict[int, str]:
        """Places other than the device itself, by the numbers that they have among the clusters."""
        found = {str(p.settings["place"]) for p in self.points if "place" in p.settings}
        return {number: name for number, name in enumerate(self.clusters) if name in found}

    @cached_property
    def remote(self) -> Bool[np.ndarray, " point"]:
        """Which points are at such a place."""
        return np.isin(self.cluster, list(self.places))

    @cached_property
    def best(self) -> float:
        """The highest accuracy."""
        return float(self.accuracy.max())


def _figure(point: OperatingPoint, what: str, *, optional: bool = False) -> float:
    value = next((e.value for e in point.evidence if e.what == what), math.nan)
    if optional and math.isnan(value):
        return value
    if not math.isfinite(value) or (value <= 0 and what != ACCURACY):
        raise SartoError(
            "E116",
            f"point '{point.name}' has no usable {what}",
            cause=f"it is {value:g}" if not math.isnan(value) else "there is no such evidence",
            hint=f"give each point a {what}, a finite number{'' if what == ACCURACY else ' above 0'}",
        )
    return value
