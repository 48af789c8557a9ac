"""Builds the finalists of a fit in their order until one fits, and the points of the front beside it.

Returns the deployment that is chosen and the others. Points that fail a gate (`sarto.search.gating`) come after those
that pass all; they are chosen only where none passes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial

from sarto.core.budget import Budget, Verdict, judge
from sarto.core.device import Host
from sarto.core.errors import SartoError
from sarto.core.points import front, unbeaten
from sarto.core.progress import Talk
from sarto.measure.model import PINNED, RawSequences
from sarto.search.deployment import FRONT_SEQUENCES, Deployment, Workshop
from sarto.search.failing import fails
from sarto.search.fit import SHOWN_FRONT
from sarto.search.gating import Gating
from sarto.search.loop import SearchResult, Trial, best_of_families
from sarto.search.propose import OBJECTIVES


def limits_work(budget: Budget) -> bool:
    """Return whether `budget` limits what an inference takes to compute."""
    return any(limit is not None for limit in (budget.instructions, budget.latency_s, budget.energy_j))


def deploy(
    shop: Workshop,
    found: SearchResult,
    budget: Budget,
    sequences: RawSequences,
    executor: Executor,
    talk: Talk,
    gating: Gating | None = None,
) -> tuple[Deployment, tuple[Deployment, ...]]:
    """Return the first finalist whose measured image fits (or the one nearest to it), and the points of the front.

    Those that fail a gate come after those that pass all.
    """
    # Work differs from sequence to sequence: where it is limited, all are run that the verdict is on.
    few, on_device = _head(sequences, FRONT_SEQUENCES), FRONT_SEQUENCES
    if limits_work(budget):
        few, on_device = sequences, PINNED
    tried: list[Deployment] = []
    misfits: list[Trial] = []
    too_large: SartoError | None = None
    known = {t.number for t in found.finalists}
    rest = sorted((t for t in found.trials if t.number not in known), key=lambda t: (t.score.loss, t.number))
    finalists = found.finalists
    if gating is not None:
        with talk.stage("gates", len(found.trials)) as stage:
            finalists, rest = gating.ordered(finalists, rest, stage)
    with talk.stage("build", 1) as stage:
        for trial in (*finalists, *rest):
            if any(_no_smaller(trial, misfit) for misfit in misfits):
                continue
            misfits.append(trial)
            try:
                tried.append(shop.deploy(trial, few, on_device))
            except SartoError as error:
                too_large = _too_large(error)
                continue
            if hard(tried[-1], budget).fits:
                misfits.pop()
                if gating is None or gating.settles(tried[-1]):
                    break
        stage.advance(1, f"{len(tried)} images")
    if not tried:
        assert too_large is not None
        raise too_large
    fitting = [d for d in tried if hard(d, budget).fits]
    if gating is not None:
        fitting.sort(key=lambda d: fails(gating.told(d).point))
    chosen = (
        fitting[0] if fitting else min(tried, key=lambda d: -min(m.relative for m in hard(d, budget).margins))
    )
    known = {d.trial.number for d in tried}
    again = {t.number: t for t in found.finalists}
    points = [again.get(t.number, t) for t in _front(found) if t.number not in known]
    others = [d for d in tried if d is not chosen]
    with talk.stage("front", len(points)) as stage:
        for result in _results(shop, points, few, on_device, executor):
            try:
                others.append(result())
            except SartoError as error:
                _too_large(error)
            stage.advance(1, others[-1].trial.name if others else "")
    kept = {p.name for p in front([d.point for d in (chosen, *others)], OBJECTIVES)}
    kept |= {t.name for t in best_of_families(found.finalists)}
    shown = [d for d in others if d.point.name in kept]
    if gating is None:
        return chosen, tuple(shown)
    return gating.told(chosen), tuple(map(gating.told, shown))


def _results(
    shop: Workshop, points: list[Trial], sequences: RawSequences, on_device: int, executor: Executor
) -> list[Callable[[], Deployment]]:
    """Return what gives the deployments of `points`: side by side, or one after the other where time is measured."""
    if isinstance(shop.device, Host):
        return [partial(shop.deploy, trial, sequences, on_device) for trial in points]
    return [executor.submit(shop.deploy, trial, sequences, on_device).result for trial in points]


def _too_large(error: SartoError) -> SartoError:
    """Return `error` if it says that the device is too small for the image, which an estimate can miss by bytes."""
    if error.code not in ("E202", "E203"):
        raise error
    return error


def _no_smaller(trial: Trial, misfit: Trial) -> bool:
    """Return whether `trial` needs at least as much of everything as a trial that did not fit."""
    alike = trial.candidate.structure == misfit.candidate.structure
    return alike and trial.flash_b >= misfit.flash_b and trial.ram_b >= misfit.ram_b


def hard(deployment: Deployment, budget: Budget) -> Verdict:
    """Return the verdict on all limits that do not need labels."""
    return judge(
        replace(budget, min_accuracy=None, min_r2=None), {e.what: e for e in deployment.point.evidence}
    )


def _head(sequences: RawSequences, items: int) -> RawSequences:
    offsets = sequences.offsets[: items + 1]
    return RawSequences(sequences.raw[: offsets[-1]], offsets)


def _front(found: SearchResult) -> list[Trial]:
    """Return the trials on the front of validation loss, flash and RAM, the `SHOWN_FRONT` best first.

    The best of every family, as the finalists are ranked, is among them, or follows.
    """
    trials = found.trials
    kept = [trials[i] for i in unbeaten([(t.score.loss, t.flash_b, t.ram_b) for t in trials])]
    shown = sorted(kept, key=lambda t: (t.score.loss, t.number))[:SHOWN_FRONT]
    known = {t.number for t in shown}
    return [*shown, *(t for t in best_of_families(found.finalists) if t.number not in known)]
