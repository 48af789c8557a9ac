"""Asks the gates of a fit about its trials, and puts those that pass before those that fail.

What a trial says of the training items is worked out by the folds of the search once more (`sarto.search.held_out`),
and kept, so that a call that was stopped goes on with it. Finalists are asked first, and others only if none of them
passes.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path

from sarto.core.evidence import Evidence
from sarto.core.progress import Stage
from sarto.core.store import Store, content_hash, package_sha256
from sarto.search.deployment import Deployment
from sarto.search.gated import Gated
from sarto.search.held_out import held_out_saved
from sarto.search.loop import Trial
from sarto.search.predicted import named
from sarto.search.problem import Problem


@dataclass
class Gating:
    """Gates, and what is needed to ask them about a trial.

    Attributes:
        gated: the gates and the items.
        problem: of the search.
        path: where it is saved.
        store: for what trials say.
        executor: runs the folds.
        command: that shows the evidence again.
    """

    gated: Gated
    problem: Problem
    path: Path
    store: Store
    executor: Executor
    command: str
    _found: dict[int, Evidence] = field(default_factory=dict[int, Evidence])

    def ordered(
        self, finalists: tuple[Trial, ...], rest: list[Trial], stage: Stage
    ) -> tuple[tuple[Trial, ...], list[Trial]]:
        """Return the trials, those that pass every gate first; the order among them stays.

        Args:
            finalists: the best, best first.
            rest: the others, best first.
            stage: hears each trial that is asked about.
        """
        if self._passing(finalists, stage):
            return tuple(sorted(finalists, key=self._failing)), rest
        self._passing(rest, stage)
        every = sorted((*finalists, *rest), key=self._failing)
        return tuple(every), []

    def told(self, deployment: Deployment) -> Deployment:
        """Return a deployment whose point says how many gates it fails, if it was asked."""
        evidence = self._found.get(deployment.trial.number)
        if evidence is None:
            return deployment
        found = replace(evidence, subject_sha256=deployment.graph.sha256)
        return replace(
            deployment, point=replace(deployment.point, evidence=(*deployment.point.evidence, found))
        )

    def _failing(self, trial: Trial) -> bool:
        evidence = self._found.get(trial.number)
        return evidence is None or evidence.value > 0

    def _passing(self, trials: tuple[Trial, ...] | list[Trial], stage: Stage) -> bool:
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
            self._found[number] = self.gated.evidence(said, None, self.command)
            stage.advance(1, f"{trial.name}: {self._found[number].value:.0f} fail")
        return any(not self._failing(t) for t in trials)

    def _key(self, trial: Trial) -> str:
        return content_hash(
            self.problem.sha256, package_sha256(), trial.candidate.to_json(), trial.score.ridge
        )
