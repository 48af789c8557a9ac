"""Platforms: devices with several settings, one TOML file each, every number with its source. File name = name.

A file says what one job (one inference of a stated network) takes in every setting of every cluster: its time t, the
power P drawn meanwhile, and where it was published the energy E. These must agree:

    |E - P t| <= 2 % of P t          and in a cluster a higher clock is never slower, and never draws less

What waits draws no more than what works, and a change of setting is no longer than a job; else `findings` say so.

>>> platforms()
['jetson_nano', 'odroid_xu3']
>>> xu3 = platform("odroid_xu3")
>>> [str(found) for found in xu3.findings]  # doctest: +ELLIPSIS
['warning: energy: a15 at 200 MHz: 320 mJ is stated, and 326 mW for 1.02 s are 332.5 mJ (-3.8 %); ...']
>>> len(xu3.settings), xu3.settings[0]
(6, Setting(cluster='a15', frequency_hz=200000000.0, cores=4, latency_s=1.02, power_w=0.326, how='declared'))

`energy_j` of a setting is always P t. A user's own platform is a file of the same form, given by its path; an outside
package admits its own by an entry point in the group `sarto.devices.platforms`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, cast

from sarto.core.device import Assumption
from sarto.core.finding import Finding
from sarto.core.units import format_quantity
from sarto.devices._files import LEAST, MOST, assumption, described, files_of, parsed, table, words
from sarto.devices.platforms._places import MOST_W, Place, places

__all__ = [
    "Cluster", "Place", "Platform", "Setting", "disagreement", "parse_platform", "platform", "platforms", "slower",
    "weaker",
]  # fmt: skip

Known = Literal["declared", "measured", "estimated"]
TOLERANCE = 0.02
"""Of the energy that is stated, from power times time: what the digits of published tables leave open."""
SLIP = 2.0
"""Times that a stated energy may be off; beyond it a unit was mistaken, and the file is refused."""
MOST_SETTINGS = 4096


@dataclass(frozen=True)
class Setting:
    """A cluster at a clock, with what one job takes there.

    Attributes:
        cluster: name of it.
        frequency_hz: clock of the cluster; 0 where it is not known or cannot be set.
        cores: that the job runs on.
        latency_s: time of the job.
        power_w: drawn while it runs; NaN where nobody measured or published it.
        how: these two were come by.
    """

    cluster: str
    frequency_hz: float
    cores: int
    latency_s: float
    power_w: float
    how: Known = "declared"

    @property
    def energy_j(self) -> float:
        """Energy of one job: power times time."""
        return self.power_w * self.latency_s

    def __str__(self) -> str:
        return (
            f"{self.cluster} at {format_quantity(self.frequency_hz, 'Hz')}"
            if self.frequency_hz
            else self.cluster
        )


@dataclass(frozen=True)
class Cluster:
    """Cores that share a clock.

    Attributes:
        name: short, such as `a15`.
        title: for people.
        cores: how many.
        source: of the settings.
        settings: by rising clock.
        policy: of cpufreq that sets its clock, such as `policy4`; none where nothing does.
    """

    name: str
    title: str
    cores: int
    source: str
    settings: tuple[Setting, ...]
    policy: str = ""


@dataclass(frozen=True)
class Platform:
    """A device with several settings.

    Attributes:
        name: file name, and choice on the command line.
        title: for people.
        job: what the times are for, in words.
        clusters: with their settings.
        idle_w: drawn between jobs; whether it pays to be done early depends on it. NaN where the file has none.
        frequency_change_s: time lost when a cluster gets another clock.
        move_s: time lost when the next job runs on another cluster.
        findings: where the numbers of the file do not agree with each other.
        notes: anything a user must know about the numbers.
        places: other than the device itself where a job can run.
    """

    name: str
    title: str
    job: str
    clusters: tuple[Cluster, ...]
    idle_w: Assumption
    frequency_change_s: Assumption
    move_s: Assumption
    findings: tuple[Finding, ...] = ()
    notes: str = ""
    places: tuple[Place, ...] = ()

    @property
    def settings(self) -> tuple[Setting, ...]:
        """All settings, cluster by cluster."""
        return tuple(setting for cluster in self.clusters for setting in cluster.settings)

    def cluster(self, name: str) -> Cluster:
        """Return the cluster `name`.

        Raises:
            KeyError: when there is none.
        """
        for cluster in self.clusters:
            if cluster.name == name:
                return cluster
        raise KeyError(name)


def platforms() -> list[str]:
    """Return the names of the platforms, sorted."""
    return sorted(files_of(__name__))


def platform(name: str) -> Platform:
    """Return the platform that the file `name`.toml here describes, or that of the path `name`, which ends in `.toml`.

    Raises:
        SartoError: E111, when there is no such file; E112, when it lacks a field or has one that is unknown or wrong.
    """
    return described(__name__, name, "platform", parse_platform)


def parse_platform(name: str, text: str) -> Platform:
    """Return the platform that the TOML `text` describes.

    Args:
        name: of the platform.
        text: `title`, `job`, optional `notes`; tables `idle_w` (which may be 0, and be left out where no power is
            known), `frequency_change_s` and `move_s` with `value` and `source`; optional `[[places]]` (see `_places`);
            and for each `[[cluster]]` its `name`, `title`, `cores`, `source`, optional `policy` of cpufreq, and
            `settings`, a list of tables with `latency_s`, optional `power_w`, `frequency_hz`, `cores`, `energy_j` and
            `how` (`declared` where it is left out, or `measured`).

    Raises:
        SartoError: E112, when a field is missing, unknown or wrong.
    """
    title = f"the platform file {name}.toml"
    return parsed(text, lambda fields: _platform(name, fields), title, "devices/platforms/odroid_xu3.toml")


def _platform(name: str, fields: dict[str, Any]) -> Platform:
    title, job = (words(fields.pop(key), key) for key in ("title", "job"))
    notes = words(fields.pop("notes"), "notes") if "notes" in fields else ""
    change, move = (_cost(fields.pop(key), key, "s") for key in ("frequency_change_s", "move_s"))
    given = fields.pop("cluster")
    if not isinstance(given, list) or not given:
        raise ValueError("cluster must be a list of tables, [[cluster]]")
    read = [_cluster(one, f"cluster {number}") for number, one in enumerate(cast("list[object]", given), 1)]
    clusters = tuple(cluster for cluster, _ in read)
    names = [cluster.name for cluster in clusters]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"there are two clusters '{min(twice)}'")
    settings = [s for cluster in clusters for s in cluster.settings]
    if len(settings) > MOST_SETTINGS:
        raise ValueError(f"there are more than {MOST_SETTINGS} settings")
    known = [s for s in settings if s.power_w > 0]
    idle = _idle(fields.pop("idle_w", None), needed=bool(known))
    findings = (
        *(finding for _, found in read for finding in found),
        *_restless(idle, known),
        *_long({"frequency_change_s": change, "move_s": move}, settings),
    )
    if len(known) < len(settings):
        findings = (*findings, _unpowered(len(settings), len(known)))
    elsewhere = places(fields.pop("places", []), set(names))
    return Platform(name, title, job, clusters, idle, change, move, findings, notes, elsewhere)


def _cost(value: object, key: str, unit: str) -> Assumption:
    found = assumption(value, key, unit, zero=True)
    if found is None:
        raise KeyError(key)
    if unit == "W" and found.value > MOST_W:
        raise ValueError(f"{key}.value must lie between {LEAST:g} and {MOST_W:g}, or be 0")
    return found


def _idle(value: object, *, needed: bool) -> Assumption:
    """Return the power between jobs; a file without any power need not tell it."""
    if value is not None:
        return _cost(value, "idle_w", "W")
    if needed:
        raise KeyError("idle_w")
    return Assumption(math.nan, "W", "not measured")


def _unpowered(settings: int, known: int) -> Finding:
    if not known:
        text = (
            "power of no setting is known: what limits power or a mean energy, or goes by energy, is refused"
        )
        return Finding("power", "note", text)
    text = (
        f"power of {settings - known} of {settings} settings is not known: policies that go by energy take such "
        "settings last, and what limits power or a mean energy leaves them out"
    )
    return Finding("power", "note", text)


def _restless(idle: Assumption, known: Sequence[Setting]) -> list[Finding]:
    """Return where less is drawn by a job than by waiting."""
    least = min(known, key=lambda one: one.power_w, default=None)
    if least is None or not idle.value > least.power_w:
        return []
    waiting, working = (format_quantity(watts, "W") for watts in (idle.value, least.power_w))
    text = (
        f"waiting draws {waiting}, and {least} no more than {working} while it works; state both for the same parts "
        "of the device"
    )
    return [Finding("idle power", "warning", text)]


def _long(costs: Mapping[str, Assumption], settings: Sequence[Setting]) -> list[Finding]:
    """Return which changes of setting take longer than the longest job."""
    longest = max(settings, key=lambda one: one.latency_s)
    return [
        Finding(
            key.removesuffix("_s").replace("_", " "),
            "warning",
            f"{key} is {format_quantity(cost.value, 's')}, and the longest job, {longest}, takes "
            f"{format_quantity(longest.latency_s, 's')}; times are in s",
        )
        for key, cost in costs.items()
        if cost.value > longest.latency_s
    ]


def _cluster(value: object, key: str) -> tuple[Cluster, list[Finding]]:
    given = set(cast("dict[str, object]", value)) if isinstance(value, dict) else set[str]()
    known = {"name", "title", "cores", "source", "settings"} | ({"policy"} & given)
    fields = table(cast("object", value), key, known)
    name, title, source = (words(fields[part], f"{key}.{part}") for part in ("name", "title", "source"))
    cores = _count(fields["cores"], f"{name}.cores")
    rows = fields["settings"]
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{name}.settings must be a list of tables")
    read = [_setting(row, name, cores, number) for number, row in enumerate(cast("list[object]", rows), 1)]
    read.sort(key=lambda one: (one[0].cores, one[0].frequency_hz))
    settings = tuple(setting for setting, _ in read)
    places = [(setting.cores, setting.frequency_hz) for setting in settings]
    if len(set(places)) < len(places):
        raise ValueError(f"{name}.settings has the same clock and cores twice")
    findings = [finding for setting, energy in read if (finding := disagreement(setting, energy)) is not None]
    policy = words(fields["policy"], f"{name}.policy") if "policy" in fields else ""
    if policy and not re.fullmatch(r"policy\d{1,4}", policy):
        raise ValueError(f"{name}.policy must be a policy of cpufreq, such as 'policy0'")
    findings += slower(settings) + weaker(settings)
    return Cluster(name, title, cores, source, settings, policy), findings


def _setting(value: object, cluster: str, cores: int, number: int) -> tuple[Setting, float | None]:
    key = f"{cluster}.settings {number}"
    given = set(cast("dict[str, object]", value)) if isinstance(value, dict) else set[str]()
    known = {"frequency_hz", "cores", "energy_j", "how", "power_w"} & given
    fields = table(cast("object", value), key, {"latency_s", *known})
    latency = _number(fields["latency_s"], f"{key}.latency_s")
    power = _number(fields["power_w"], f"{key}.power_w", MOST_W) if "power_w" in known else math.nan
    if "energy_j" in known and "power_w" not in known:
        raise ValueError(f"{key}.power_w is missing, and energy_j is given")
    frequency = _number(fields["frequency_hz"], f"{key}.frequency_hz") if "frequency_hz" in known else 0.0
    used = _count(fields["cores"], f"{key}.cores") if "cores" in known else cores
    if used > cores:
        raise ValueError(f"{key}.cores: the cluster has {cores}, not {used}")
    how = fields.get("how", "declared")
    if how not in ("declared", "measured"):
        raise ValueError(f"{key}.how must be 'declared' or 'measured'")
    energy = _number(fields["energy_j"], f"{key}.energy_j") if "energy_j" in known else None
    setting = Setting(cluster, frequency, used, latency, power, how)
    if energy is not None and not 1 / SLIP <= energy / setting.energy_j <= SLIP:
        stated = format_quantity(energy, "J")
        raise ValueError(
            f"{key}.energy_j is {stated}, and power times time {format_quantity(setting.energy_j, 'J')}: "
            "times are in s, powers in W, energies in J"
        )
    return setting, energy


def disagreement(setting: Setting, energy_j: float | None) -> Finding | None:
    """Return what is wrong with a stated energy, or None where it is power times time within `TOLERANCE`."""
    off = 0.0 if energy_j is None else energy_j / setting.energy_j - 1
    if energy_j is None or abs(off) <= TOLERANCE:
        return None
    stated, power, time, product = (
        format_quantity(*pair)
        for pair in (
            (energy_j, "J"),
            (setting.power_w, "W"),
            (setting.latency_s, "s"),
            (setting.energy_j, "J"),
        )
    )
    text = f"{setting}: {stated} is stated, and {power} for {time} are {product} ({off:+.1%}); power times time is used"
    return Finding("energy", "warning", text.replace("%)", " %)"))


def slower(settings: tuple[Setting, ...]) -> list[Finding]:
    """Return where a higher clock on as many cores takes longer."""
    found: list[Finding] = []
    for low, high in pairwise(settings):
        if low.cores == high.cores and high.latency_s > low.latency_s:
            times = [format_quantity(one.latency_s, "s") for one in (low, high)]
            text = f"{high} takes {times[1]}, and {low} no more than {times[0]}; measure both again"
            found.append(Finding("time", "warning", text))
    return found


def weaker(settings: tuple[Setting, ...]) -> list[Finding]:
    """Return where a higher clock on as many cores draws less."""
    found: list[Finding] = []
    for low, high in pairwise(settings):
        if low.cores == high.cores and high.power_w < low.power_w:
            powers = [format_quantity(one.power_w, "W") for one in (low, high)]
            text = f"{high} draws {powers[1]}, and {low} no less than {powers[0]}; measure both again"
            found.append(Finding("power", "warning", text))
    return found


def _number(value: object, key: str, most: float = MOST) -> float:
    if type(value) not in (int, float) or not LEAST <= cast("float", value) <= most:
        raise ValueError(f"{key} must lie between {LEAST:g} and {most:g}")
    return float(cast("float", value))


def _count(value: object, key: str) -> int:
    if type(value) is not int or not 1 <= value <= 65536:
        raise ValueError(f"{key} must be a whole number from 1 to 65536")
    return value
