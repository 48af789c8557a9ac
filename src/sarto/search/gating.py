"""Asks the gates of a fit about its trials, and puts those that pass before those that fail.

What a trial says of the training items is worked out by the folds of the search once more (`sarto.search.held_out`),
and kept, so that a call that was stopped goes on with it. Finalists are asked first, and others only if none of them
passes. Gates of faults are asked of what is built, in that order, until one passes (`sarto.search.faulty`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path

from sarto.core.evidence import Evidence
from sarto.core.graph import Graph
from sarto.core.progress import Stage
from sarto.core.store import Store, content_hash, package_sha256
from sarto.search.deployment import Deployment
from sarto.search.failing import also, fails
from sarto.search.faulty import MOST
from sarto.search.gated import Gated
from sarto.search.held_out import held_out_saved
from sarto.search.loop import Trial
from sarto.search.predicted import named
from sarto.search.problem import Problem


@dataclass
class Gating:
    """Gates, and what is needed to ask them about a trial.

    Attributes:
        gated: the gates of groups, and the items; None without any.
        problem: of the search.
        path: where it is saved.
        store: for what trials say.
        executor: runs the folds.
        command: that shows the evidence again.
        faults: returns what gates of faults say of a graph and its sources; None without any.
    """

    gated: Gated | None
    problem: Problem
    path: Path
    store: Store
    executor: Executor
    command: str
    faults: Callable[[Graph, Mapping[str, str]], tuple[Evidence, ...]] | None = None
    _found: dict[int, Evidence] = field(default_factory=dict[int, Evidence])
    _faulty: dict[int, tuple[Evidence, ...]] = field(default_factory=dict[int, tuple[Evidence, ...]])

    def ordered(
        self, finalists: tuple[Trial, ...], rest: list[Trial], stage: Stage
    ) -> tuple[tuple[Trial, ...], list[Trial]]:
        """Return the trials, those that pass every gate first; the order among them stays.

        Args:
            finalists: the best, best first.
            rest: the others, best first.
            stage: hears each trial that is asked about.
        """
        if self.gated is None:
            return finalists, rest
        if self._passing(self.gated, finalists, stage):
            return tuple(sorted(finalists, key=self._failing)), rest
        self._passing(self.gated, rest, stage)
        every = sorted((*finalists, *rest), key=self._failing)
        return tuple(every), []

    def settles(self, deployment: Deployment) -> bool:
        """Return whether no other needs to be built than this one, which fits; asks the gates of faults about it.

        It need not, if it passes, if enough were asked about, or if it fails a gate of groups: those that pass these
        came before it.
        """
        if self.faults is None or fails(self.told(deployment).point):
            return True
        self._faulty[deployment.trial.number] = self.faults(deployment.graph, deployment.sources)
        return len(self._faulty) == MOST or not fails(self.told(deployment).point)

    def told(self, deployment: Deployment) -> Deployment:
        """Return a deployment whose point says how many gates it fails, if it was asked."""
        number, found = deployment.trial.number, ()
        if number in self._found:
            found = (replace(self._found[number], subject_sha256=deployment.graph.sha256),)
        return replace(deployment, point=also(deployment.point, (*found, *self._faulty.get(number, ()))))

    def _failing(self, trial: Trial) -> bool:
        evidence = self._found.get(trial.number)
        return evidence is None or evidence.value > 0

    def _passing(self, gated: Gated, trials: tuple[Trial, ...] | list[Trial], stage: Stage) -> bool:
        """Ask about every trial; return whether one of them passes."""
        asked = {t.number: (t, self._key(t)) for t in trials if t.number not in self._found}
        running = {
            number: self.executor.submit(held_out_saved, str(self.path), t.candidate.to_json(), t.score.ridge)
            for number, (t, key) in asked.items()
            if self.store.get(key) is None
        }
        for number, (trial, key) in asked.items():
            if number in running:
                self.store.put(key, running[number].result())
            said = named(self.problem.classes, self.store.get(key) or [])
            self._found[number] = gated.evidence(said, None, self.command)
            stage.advance(1, f"{trial.name}: {self._found[number].value:.0f} fail")
        return any(not self._failing(t) for t in trials)

    def _key(self, trial: Trial) -> str:
        return content_hash(
            self.problem.sha256, package_sha256(), trial.candidate.to_json(), trial.score.ridge
        )
