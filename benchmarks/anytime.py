"""Anytime inference in generated C: groups added to the bit, and a cascade that stops when one class leads by enough.

For each task and seed a nested network of 4 groups (`_dynamic_c`), in integers, as C on this host. `extend`: each test
item runs at a quarter, and is extended to full width; items with any score other than that of a fresh run at the width,
by the interpreter of its graph, are counted. `model_cascade` is held to the cascade in NumPy in the same way.

The leads are chosen on validation items (`sarto.learn.cascade`): of least mean work at no less accuracy there than the
full width has, and a second time than three quarters have. The cascade then stands beside the best fixed width: the
cheapest that is at least as accurate on the test items as the cascade is; where none is, the full width. Work is in
instructions of the emulated Cortex-M4: those of a run at a width, and of a cascade that stops there.

The control stops the same share of items at each width, drawn at random: what it costs is the same, and its accuracy is
an expectation.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np

from benchmarks._bench import Bench
from benchmarks._dynamic_c import Ground, instructions, nested, with_predict
from benchmarks._dynamic_tasks import GROUPS, WIDTHS
from benchmarks._outcome import Bar, Figure, Outcome, above, at_most, over_seeds
from sarto.core.evidence import How
from sarto.core.graph import infer
from sarto.core.graph.operations import INT32_MAX
from sarto.core.graph.widths import cut
from sarto.data.examples import Examples
from sarto.deploy.c.emit import emit
from sarto.deploy.lower.network import Lowered
from sarto.learn.cascade import Cascade, fit_cascade, stopped_at_random
from sarto.measure.model import of_items
from sarto.measure.widths import WidthProgram, at_width

MINUTES = 8
SEEDS = 3
TASKS_SHOWN = ("digits", "har")
AIMS = {"100 %": 4, "75 %": 3}
"""The fixed width whose accuracy on validation a cascade is to keep."""
SHOWN: tuple[tuple[str, str, str, How], ...] = (
    ("accuracy", "test accuracy", "1", "measured"),
    ("at random", "test accuracy, as many stopped at random", "1", "estimated"),
    ("best fixed accuracy", "test accuracy of the best fixed width", "1", "measured"),
    ("mean width", "mean width", "groups", "measured"),
    ("work", "mean instructions", "instructions", "emulated"),
    ("over best fixed", "mean instructions over the best fixed width", "1", "emulated"),
    ("over full", "mean instructions over full width", "1", "emulated"),
)
"""Key of a run, what it is called, its unit and how it was come by."""


def run(bench: Bench) -> Outcome:
    """Return differing items, and what cascades take at which accuracy."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    for name in TASKS_SHOWN[:1] if bench.quick else TASKS_SHOWN:
        runs = list[dict[str, Any]]()
        for seed in range(1 if bench.quick else SEEDS):
            settings = {"task": name, "seed": seed, "quick": bench.quick}
            runs.append(bench.once(settings, measured, name, seed, bench.quick))
            bench.say(f"{name}, seed {seed}: {runs[-1]}")
        found, asked = _of_task(name, runs)
        figures |= found
        bars += asked
    return Outcome(figures, () if bench.quick else tuple(bars))


def measured(name: str, seed: int, quick: bool) -> dict[str, Any]:
    """Return what one seed of a task came to."""
    ground = Ground.of(name, seed, quick)
    lowered = nested(ground)
    sources = emit(lowered.graph)
    fixed = [float(instructions(at_width(sources, w), lowered, ground.tested).mean()) for w in WIDTHS]
    stopped = [_stopped(sources, lowered, ground.tested, width) for width in WIDTHS]
    held, tested = _scores(lowered, ground.held), _scores(lowered, ground.tested)
    right = (tested.argmax(axis=2) == ground.tested.y).mean(axis=1)
    found: dict[str, Any] = {
        "items": len(ground.tested),
        "fixed accuracy": right.tolist(),
        "fixed work": fixed,
        "work": stopped,
    }
    for aim, width in AIMS.items():
        wanted = float((held[width - 1].argmax(axis=1) == ground.held.y).mean())
        cascade = fit_cascade(held, ground.held.y, np.array(stopped), wanted)
        found[aim] = _judged(cascade, tested, ground.tested.y, np.array(stopped), right, fixed)
        found[aim]["differing in C"] = _differing_cascade(sources, lowered, ground.tested, cascade, tested)
    found["differing"] = _differing(sources, lowered, ground.tested, tested)
    return found


def _scores(lowered: Lowered, examples: Examples) -> Any:
    items = lowered.items(examples.x)
    return np.stack([infer(cut(lowered.graph, width), items).scores for width in WIDTHS])


def _stopped(sources: dict[str, str], lowered: Lowered, examples: Examples, width: int) -> float:
    """Return the instructions of a cascade that stops at a width."""
    least = [INT32_MAX] * (width - 1) + [0] * (GROUPS - width)
    text = f"static const int32_t least[] = {{{', '.join(map(str, least))}}};\n"
    text += "    const int best = model_cascade(arena, least);"
    return float(instructions(with_predict(sources, text), lowered, examples).mean())


def _judged(
    cascade: Cascade, scores: Any, y: Any, work: Any, right: Any, fixed: list[float]
) -> dict[str, Any]:
    """Return accuracy and work of a cascade on test items, of its control, and of the best fixed width."""
    widths = cascade.widths(scores)
    accuracy = float((cascade.classes(scores) == y).mean())
    enough = [width for width in WIDTHS if right[width - 1] >= accuracy]
    best = enough[0] if enough else GROUPS
    return {
        "accuracy": accuracy,
        "work": float(work[widths - 1].mean()),
        "mean width": float(widths.mean()),
        "at random": stopped_at_random(scores, y, widths),
        "best fixed": int(best),
        "best fixed accuracy": float(right[best - 1]),
        "over best fixed": float(work[widths - 1].mean()) / fixed[best - 1],
        "over full": float(work[widths - 1].mean()) / fixed[-1],
    }


def _differing(sources: dict[str, str], lowered: Lowered, examples: Examples, scores: Any) -> int:
    """Return the items of which some width, reached by extending, has another score than a fresh run."""
    program, found = WidthProgram(sources), 0
    for number, lines in enumerate(of_items(lowered.items(examples.x)).listed()):
        program.give(lines)
        seen = [(program.run(1), program.scores)]
        seen += [(program.extend(), program.scores) for _ in WIDTHS[1:]]
        found += any(
            (mine != scores[i, number]).any() or answer != scores[i, number].argmax()
            for i, (answer, mine) in enumerate(seen)
        )
    return found


def _differing_cascade(
    sources: dict[str, str], lowered: Lowered, examples: Examples, cascade: Cascade, scores: Any
) -> int:
    """Return the items that the generated C stops at another width, or says another class of."""
    program, widths, classes = WidthProgram(sources), cascade.widths(scores), cascade.classes(scores)
    found = 0
    for number, lines in enumerate(of_items(lowered.items(examples.x)).listed()):
        program.give(lines)
        answer = program.cascade(cascade.least)
        found += bool(answer != classes[number] or program.groups != widths[number])
    return found


def _of_task(name: str, runs: list[dict[str, Any]]) -> tuple[dict[str, Figure], list[Bar]]:
    figures: dict[str, Figure] = {}
    differing = sum(one["differing"] for one in runs)
    items = sum(one["items"] for one in runs)
    what = f"{name}: items that differ after extending"
    figures[what] = Figure(differing, "1", "measured", items)
    bars = [at_most(what, differing, 0)]
    for width in WIDTHS:
        at = f"{100 * width // GROUPS} %"
        rows = [one["fixed accuracy"][width - 1] for one in runs]
        figures |= over_seeds(f"{name}: test accuracy at {at}", rows, "1", "measured")
        rows = [one["fixed work"][width - 1] for one in runs]
        figures |= over_seeds(f"{name}: instructions at {at}", rows, "instructions", "emulated")
        rows = [one["work"][width - 1] for one in runs]
        figures |= over_seeds(
            f"{name}: instructions of a cascade that stops at {at}", rows, "instructions", "emulated"
        )
    for aim in AIMS:
        found = [one[aim] for one in runs]
        for key, what, unit, how in SHOWN:
            figures |= over_seeds(
                f"{name}, cascade for {aim}: {what}", [one[key] for one in found], unit, how
            )
        gain = statistics.fmean(one["accuracy"] - one["at random"] for one in found)
        ratio = statistics.fmean(one["over best fixed"] for one in found)
        bars += [
            at_most(
                f"{name}, cascade for {aim}: items that C answers otherwise",
                sum(one["differing in C"] for one in found),
                0,
            ),
            at_most(f"{name}, cascade for {aim}: mean instructions over the best fixed width", ratio, 1),
            above(f"{name}, cascade for {aim}: accuracy less stopping as many at random", gain, 0),
        ]
    return figures, bars
