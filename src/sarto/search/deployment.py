"""A chosen candidate becomes an operating point: final training, lowering, C, and what that takes on the device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sarto.core.budget import Budget, Verdict, judge
from sarto.core.device import AnyDevice
from sarto.core.evidence import Evidence
from sarto.core.graph import Graph
from sarto.core.graph.reject import Rule
from sarto.core.points import OperatingPoint
from sarto.core.threads import one_blas_thread
from sarto.deploy.c.emit import emit
from sarto.deploy.reject import with_reject
from sarto.measure.model import Measured, RawSequences, measure_model
from sarto.measure.quality import validation_evidence
from sarto.search.loop import Trial
from sarto.search.problem import Problem
from sarto.search.trial import final

FRONT_SEQUENCES = 2
"""Sequences run for points of the front that were not chosen: enough for their instructions."""


@dataclass(frozen=True, eq=False)
class Deployment:
    """A candidate that was trained, built and measured."""

    trial: Trial
    graph: Graph
    sources: dict[str, str]
    measured: Measured
    point: OperatingPoint

    def verdict(self, budget: Budget, extra: tuple[Evidence, ...] = ()) -> Verdict:
        """Return the verdict on the point, with `extra` evidence such as the test accuracy."""
        return judge(budget, {e.what: e for e in (*self.point.evidence, *extra)})


@dataclass(frozen=True)
class Workshop:
    """What every deployment of one search shares."""

    problem: Problem
    device: AnyDevice
    optimise: str
    title: str
    command: str
    seed: int
    cache: Path
    words: str = ""

    def deploy(self, trial: Trial, sequences: RawSequences, on_device: int) -> Deployment:
        """Return `trial` trained on all training items, built for the whole device, and measured on `sequences`.

        The same in every process: training uses one BLAS thread, whoever calls.
        """
        with one_blas_thread():
            graph = final(self.problem, trial.candidate, trial.score.ridge)
        return self._measured(trial, graph, sequences, on_device)

    def again(
        self, found: Deployment, sequences: RawSequences, on_device: int, rule: Rule | None = None
    ) -> Deployment:
        """Return what was deployed, measured on other `sequences`; with a `rule` it has a reject option."""
        graph = found.graph if rule is None else with_reject(found.graph, rule)
        return self._measured(found.trial, graph, sequences, on_device)

    def _measured(self, trial: Trial, graph: Graph, sequences: RawSequences, on_device: int) -> Deployment:
        sources = emit(graph, self.title, self.words)
        measured = measure_model(
            graph,
            sources,
            self.device,
            sequences,
            optimise=self.optimise,
            command=self.command,
            on_device=on_device,
            cache=self.cache,
        )
        score = trial.score
        quality = validation_evidence(
            score.error, score.loss, score.items, seed=self.seed, command=self.command, subject=graph.sha256
        )
        point = OperatingPoint(trial.name, trial.candidate.to_json(), (*quality, *measured.evidence))
        return Deployment(trial, graph, sources, measured, point)
