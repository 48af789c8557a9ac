"""The decisions of a manager in C, for a device without an operating system.

`c_sources` returns the files: C99 without any library, with no memory but one struct of fixed size, so that a point is
chosen in bounded time. It does what `Manager` does with the policies `min_energy` and `max_accuracy`: it learns
slowdown and margin, and knows changes of setting, hysteresis, and limits that give way in the order of the goal. It
calculates with doubles, as Python does, and in the same order, so that it chooses the same points; logarithm and
exponential are its own, to about 1e-15. On a core without doubles the compiler's own arithmetic is used.

>>> from sarto.devices.platforms import platform
>>> from sarto.runtime.points import Variant, grid
>>> xu3 = platform("odroid_xu3")
>>> points = Points.of(grid([Variant("half", 0.63, 0.5), Variant("full", 0.71, 1.0)], xu3))
>>> texts = c_sources(points, "min_energy", changes=Changes.of(xu3))
>>> sorted(texts)
['decide.c', 'decide.h', 'points.c', 'points.h']
>>> texts["points.c"].splitlines()[-1]
'const uint16_t manager_cluster[MANAGER_POINTS] = {0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1};'
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from sarto.core.errors import SartoError
from sarto.core.store import write_atomic
from sarto.runtime import slowdown
from sarto.runtime.manager import Changes
from sarto.runtime.points import Points
from sarto.runtime.policies.max_accuracy import Policy as MaxAccuracy
from sarto.runtime.policies.min_energy import Policy as MinEnergy

POLICIES = {"min_energy": MinEnergy, "max_accuracy": MaxAccuracy}
MOST_POINTS = 4096
NONE = Changes()


def c_sources(
    points: Points,
    policy: str,
    *,
    changes: Changes = NONE,
    late: float = 0.05,
) -> dict[str, str]:
    """Return the C files of a manager: name -> text.

    Args:
        points: to choose from, with power.
        policy: to choose by.
        changes: what a change of setting takes.
        late: share of jobs that may be late.

    Raises:
        SartoError: E176, when it cannot be done in C: a power that is not known, too many points, a place
            elsewhere, another policy.
    """
    if points.places:
        raise SartoError(
            "E176",
            f"no C for points at {', '.join(points.places.values())}",
            cause="the manager in C knows the device itself, no links",
            hint="leave the platform's places out",
        )
    if policy not in POLICIES or not points.knows_power or len(points) > MOST_POINTS or not 0 < late < 1:
        raise SartoError(
            "E176",
            f"no C for {len(points)} points and the policy {policy}",
            cause=f"the policy is one of {', '.join(POLICIES)}, each of up to {MOST_POINTS} points has a power, and "
            "late lies between 0 and 1",
            hint="choose another policy, or give each point a power",
        )
    known = slowdown.Slowdown(len(points.clusters), late)
    values: dict[str, object] = {
        "POINTS": len(points),
        "CLUSTERS": len(points.clusters),
        "POLICY": f"MANAGER_{policy.upper()}",
        "HYSTERESIS": POLICIES[policy]().hysteresis,
        "FREQUENCY_S": changes.frequency_s,
        "MOVE_S": changes.move_s,
        "LATE": late,
        "RATE": known.rate,
        "FADE": known.fade,
        "FIRST_MARGIN": known.margin,
        "FRESH": slowdown.FRESH,
        "LEAST_SPREAD": slowdown.LEAST_SPREAD,
        "SURPRISE": slowdown.SURPRISE,
        "MOST": slowdown.MOST,
    }
    columns = {
        "double manager_latency_s": points.latency_s,
        "double manager_power_w": points.power_w,
        "double manager_energy_j": points.energy_j,
        "double manager_lacking": -points.accuracy,
        "double manager_frequency_hz": points.frequency_hz,
        "uint16_t manager_cluster": points.cluster,
    }
    table = "".join(
        f"const {name}[MANAGER_POINTS] = {{{', '.join(map(repr, column.tolist()))}}};\n"
        for name, column in columns.items()
    )
    folder = files("sarto.runtime")
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in ("decide.c", "decide.h")}
    defined = "".join(f"#define MANAGER_{name} {value}\n" for name, value in values.items())
    return {
        "points.c": f'#include "decide.h"\n\n{table}',
        "points.h": f"#ifndef SARTO_POINTS_H\n#define SARTO_POINTS_H\n\n{defined}\n#endif\n",
        **texts,
    }


def write_c(
    points: Points,
    policy: str,
    folder: Path,
    *,
    changes: Changes = NONE,
    late: float = 0.05,
) -> tuple[Path, ...]:
    """Write the files of `c_sources` into a folder, and return them.

    Raises:
        SartoError: as `c_sources`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, text in c_sources(points, policy, changes=changes, late=late).items():
        written.append(folder / name)
        write_atomic(written[-1], text)
    return tuple(written)
