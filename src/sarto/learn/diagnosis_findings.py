"""What a diagnosis has to say in words: each finding with its numbers and what to do about it.

A warning is about a state that is no function of the recent input, or about neurons that say nothing; a note about what
decides how the model is used. The limits are those at which the words become true, and stand in them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sarto.core.finding import Finding
from sarto.learn.diagnosis_layer import LayerDiagnosis, Observed
from sarto.models.reservoir._cell import BOUNDED

TENFOLD = math.log(10)
HALF = 0.5
FEW_DIRECTIONS = 0.05
ALONE = 0.99
"""Share of a drive's variance beyond which the rest does not show: a tenth of its deviation."""
SOON = 10
"""A gap that would close within so many times the steps that were looked at does fall."""
SLACK = 1e-6


def findings(seen: Observed) -> Iterator[Finding]:
    """Yield what is to be said, warnings first."""
    found = [*_still(seen), *_dynamics(seen), *_beginning(seen)]
    for index, layer in enumerate(seen.layers, 1):
        name = f"layer {index}: " if len(seen.layers) > 1 else ""
        found += [*_criteria(name, layer, seen), *(_neurons(name, layer) if seen.varies else [])]
    yield from sorted(found, key=lambda finding: finding.severity != "warning")


def counted(number: int, what: str) -> str:
    """Return a number of things in words.

    >>> counted(1, "step"), counted(2, "step")
    ('1 step', '2 steps')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"


def _still(seen: Observed) -> Iterator[Finding]:
    """Yield that nothing can be told of the neurons, where no input varies."""
    if not seen.varies:
        yield Finding(
            "constant input",
            "warning",
            "no channel varies in what was looked at, so that it does not tell what neurons do on data that do: check "
            "the data, or give longer sequences",
        )


def _dynamics(seen: Observed) -> Iterator[Finding]:
    """Yield whether small changes grow along the data, or are gone long before the end."""
    grown = seen.exponent * seen.length
    if grown > TENFOLD:
        yield Finding(
            "sensitive states",
            "warning",
            f"small differences grow by {100 * math.expm1(seen.exponent):.2g} % a step along these data (largest "
            f"Lyapunov exponent {seen.exponent:.3g}), so that almost equal inputs end in different states: use a "
            "smaller radius, or a larger input scaling, which holds the neurons down",
        )
        return
    mean = seen.growth.mean[:, -1]
    gone = np.flatnonzero(mean < seen.tolerance)
    if gone.size and (span := seen.growth.steps[int(gone[0])]) < HALF * seen.length:
        yield Finding(
            "short memory",
            "note",
            f"a change of the state fades below {100 * seen.tolerance:.1g} % within {span} steps, and half of the "
            f"sequences have {seen.length} or more: the last state alone tells of their end. Pool over the steps "
            "(mean, mean_square), or use a smaller leak for a longer memory",
        )


def _beginning(seen: Observed) -> Iterator[Finding]:
    """Yield what the echo-state gap says on washouts."""
    steps, last = len(seen.echo.gap) - 1, float(seen.echo.gap[-1].max())
    needed = seen.echo.washout(seen.tolerance)
    if needed is None:
        expected = seen.echo.expected(seen.tolerance)
        falls = expected < SOON * steps
        when = (
            f"; as it falls, {expected:.0f} steps would do"
            if falls
            else ", and it hardly falls: no washout helps"
        )
        yield Finding(
            "echo-state gap",
            "note" if falls else "warning",
            f"after {counted(steps, 'step')} of these data, states that began differently are {100 * last:.3g} % of "
            f"their size apart{when}. Begin every sequence at rest, as fit and predict do, never with what another one "
            "left; or use a larger leak or a smaller radius",
        )
    elif needed > seen.washout:
        yield Finding(
            "washout",
            "note",
            f"the state forgets how it began within {needed} steps (gap below {100 * seen.tolerance:.1g} %), "
            f"the washout is {seen.washout}: the first {needed} steps of a stream that is entered in its middle "
            "are not to be used",
        )


def _criteria(name: str, layer: LayerDiagnosis, seen: Observed) -> Iterator[Finding]:
    """Yield what the matrices of a layer say."""
    over = layer.radius > 1 + SLACK
    if layer.step_bound is not None and layer.step > layer.step_bound * (1 + SLACK):
        held = "and only saturation bounds the state" if layer.activation in BOUNDED else "without end"
        yield Finding(
            "step above its bound",
            "warning",
            f"{name}the step {layer.step:.3g} is above {layer.step_bound:.3g}, so that a step at rest amplifies "
            f"(effective radius {layer.radius:.4g}), {held}: use a smaller leak or radius, or a larger diffusion",
        )
    elif over and layer.activation not in BOUNDED:
        yield Finding(
            "states without bound",
            "warning",
            f"{name}the effective radius is {layer.radius:.4g}, and {layer.activation} bounds nothing: the state can "
            "grow by this factor in every step. Use a smaller radius",
        )
    elif over:
        fades = seen.exponent < 0
        yield Finding(
            "radius above 1",
            "note" if fades else "warning",
            f"{name}the effective radius at rest is {layer.radius:.4g}: without input the state need not fade. Along "
            + (
                f"these data it does, small changes shrink by {-100 * math.expm1(seen.exponent):.2g} % a step"
                if fades
                else "these data it does not either: use a smaller radius"
            ),
        )


def _neurons(name: str, layer: LayerDiagnosis) -> Iterator[Finding]:
    """Yield what the neurons of a layer do wrong."""
    did = layer.activity
    if did.dead.any():
        yield Finding(
            "dead neurons",
            "warning",
            f"{name}{int(did.dead.sum())} of {layer.units} neurons do not move on these data: they cost memory and "
            "time for nothing. Use a larger input scaling, another seed, or fewer units",
        )
    if (share := float(did.saturated.mean())) > HALF:
        yield Finding(
            "saturated neurons",
            "warning",
            f"{name}neurons are at their limits in {100 * share:.3g} % of the steps, where they pass on less than a "
            "tenth of a change: use a smaller input scaling, bias scaling or radius",
        )
    middle = float(np.median(did.input_share))
    if middle > ALONE:
        yield Finding(
            "driven by the input alone",
            "note",
            f"{name}the recurrence brings {100 * (1 - middle):.2g} % of what moves the neurons: they hardly see more "
            "than the present input. A larger radius or a smaller input scaling gives them a past",
        )
    elif middle < 1 - ALONE:
        yield Finding(
            "input drowned",
            "note",
            f"{name}the input brings {100 * middle:.2g} % of what moves the neurons: a larger input scaling lets them "
            "hear it",
        )
    if layer.rank < FEW_DIRECTIONS * layer.units:
        yield Finding(
            "few directions",
            "note",
            f"{name}the states of {layer.units} neurons spread over {layer.rank:.2g} directions (effective rank): "
            "fewer units would do as well, or another radius, leak or input scaling tells them apart",
        )
