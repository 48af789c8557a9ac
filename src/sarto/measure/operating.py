"""Evidence of operating points on a platform, and of jobs that were simulated there.

>>> [str(e) for e in point_evidence(0.252, 0.141, "estimated", "declared", "table", 0.627, "measured", "given")]
['latency 252 ms (estimated)', 'power 141 mW (declared)', 'energy 35.53 mJ (estimated)', 'accuracy 0.627 (measured)']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sarto.core.evidence import Evidence, How

LATENCY, POWER, ENERGY, ACCURACY = "latency", "power", "energy", "accuracy"
"""Names of a point's evidence."""


def point_evidence(
    latency_s: float,
    power_w: float | None,
    how: How,
    power_how: How,
    tool: str,
    accuracy: float,
    accuracy_how: How,
    accuracy_tool: str,
) -> tuple[Evidence, ...]:
    """Return time, power, energy and accuracy of a job at a point.

    Args:
        latency_s: of the job; `how` it was come by, as is the energy, which is power times time.
        power_w: drawn meanwhile, `power_how` it was come by; None where nobody knows it, which leaves out the energy.
        how, power_how, accuracy_how: see `core.evidence`.
        tool: where time and power come from.
        accuracy: of the variant, from 0 to 1.
        accuracy_tool: where it comes from.
    """
    known: tuple[Evidence, ...] = ()
    if power_w is not None:
        energy = Evidence(ENERGY, power_w * latency_s, "J", how, tool)
        known = (Evidence(POWER, power_w, "W", power_how, tool), energy)
    return (
        Evidence(LATENCY, latency_s, "s", how, tool),
        *known,
        Evidence(ACCURACY, accuracy, "1", accuracy_how, accuracy_tool),
    )


def simulated_evidence(
    figures: Mapping[str, tuple[str, Sequence[float]]], jobs: int, platform: str, command: str
) -> tuple[Evidence, ...]:
    """Return the means of figures over scenarios, with the least and the most of them.

    Args:
        figures: name -> unit, and the figure of each scenario.
        jobs: of all scenarios.
        platform: whose figures it was simulated on.
        command: that shows it again.
    """
    tool = f"simulated on the figures of {platform}"
    return tuple(
        Evidence(
            what,
            sum(values) / len(values),
            unit,
            "estimated",
            tool,
            command,
            n=jobs,
            interval=(min(values), max(values)) if len(values) > 1 else None,
        )
        for what, (unit, values) in figures.items()
    )
