"""The stages of a fit: data, search, front, test, folder.

What the search is told is the same in every run: losses, sizes, and on an emulated device counts. On a host the time of
an inference is measured, which is not. So the search knows nothing of it there, and its limit is kept afterwards: the
finalists, then all other trials by their loss, the smallest models of every family among them, are built and timed one
after the other while no worker has anything to do, and the first whose median time is within the limit is chosen. Each
time is kept beside the built program, so that a call that was stopped goes on with the times that it had measured, and
takes the same model. A search from the beginning tries the same models, and takes another one only if the limit lies
within the noise of the time of one that it would prefer. The time of a point without a limit decides nothing.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sarto.core.budget import Budget, Verdict
from sarto.core.dataset import Dataset
from sarto.core.device import AnyDevice, Host
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.executors import available_workers, open_executor
from sarto.core.graph import Graph, Outcome, numbers
from sarto.core.progress import Talk
from sarto.core.store import Store, package_sha256
from sarto.core.threads import one_blas_thread
from sarto.data.load import load
from sarto.data.splits import Split, split
from sarto.deploy.sensor import SensorFormat
from sarto.devices import any_device
from sarto.measure.deviation import deviation_evidence, guess_evidence
from sarto.measure.making import Meter, Spent
from sarto.measure.model import PINNED, RawSequences
from sarto.measure.quality import accuracy_evidence
from sarto.search.building import deploy, limits_work
from sarto.search.candidates import Candidate, Shape, able, cost, families, ground_of, shape_of, smallest
from sarto.search.claimed import claim
from sarto.search.deployment import Deployment, Workshop
from sarto.search.faulty import FaultGates, parted
from sarto.search.fit import OPTIMISE, SHOWN_FRONT, TRIALS, FitRequest
from sarto.search.folder import write_folder
from sarto.search.gated import Gated, columns_of
from sarto.search.gating import Gating
from sarto.search.loop import BATCH, FINALISTS, Scorer, SearchResult, Trial, search, shares
from sarto.search.overhead import ImageOverheads, SampleImages
from sarto.search.predicted import named
from sarto.search.problem import Problem, prepare
from sarto.search.rejecting import Items, Rejected, room_beside, set_aside, told, with_option

MOST_WORKERS = max(BATCH, SHOWN_FRONT)
"""More never have anything to do at the same time."""


@dataclass(frozen=True, eq=False)
class Run:
    """All that a fit found, for the folder."""

    request: FitRequest
    data: Dataset
    parts: Split
    problem: Problem
    workers: int
    device: AnyDevice
    optimise: str
    found: SearchResult
    chosen: Deployment
    others: tuple[Deployment, ...]
    test: Dataset
    sequences: RawSequences
    outcome: Outcome
    rejected: Rejected | None
    quality: tuple[Evidence, ...]
    verdict: Verdict
    spent: Spent
    peak_memory_b: int


def run(request: FitRequest, talk: Talk, work: Path, start: float) -> Path:
    """Run every stage and write the folder; returns it."""
    target, meter = any_device(request.device), Meter()
    names, lacked = able(families(request.families, request.cells), request.families)
    of_groups, of_faults = parted(request.gates)
    if of_faults and request.reject is not None:
        cause = "the option comes after a model is chosen"
        hint = "leave one out; sarto audit OUT --faults asks of what is finished"
        raise SartoError("E112", "--reject with a gate of faults", cause=cause, hint=hint)
    with talk.stage("data", 1) as stage:
        data = load(
            request.source,
            group=request.group,
            channels=request.channels,
            where=request.where,
            task=request.task,
            target=request.target,
            horizon=request.horizon,
            sequence=request.sequence,
            window=request.window,
            hop=request.hop,
        )
        parts, aside = split(data, request.seed), None
        if request.reject is not None:
            parts, aside = set_aside(data, parts, request.reject, request.seed)
        train = data.select(parts.train)
        problem, sensor = _problem(request, train)
        gated = _gated(request, of_groups, train)
        claim(request.out, request.identity())
        problem.save(work / "problem.npz")
        wanted = f"{len(data.classes)} classes" if data.classes else f"{len(data.outputs)} numbers to predict"
        stage.advance(1, f"{len(data)} items, {len(data.channels)} channels, {wanted}, {parts.how}")
    for remark in (*data.remarks, *lacked):
        talk.note(remark)
    optimise = request.optimise or OPTIMISE
    workers = min(request.workers or available_workers(), MOST_WORKERS)
    shape = shape_of(problem)
    room = request.budget if request.reject is None else room_beside(request.budget, len(problem.classes))
    limits = _limits(room, target)
    counted, ground = limits_work(limits), ground_of(problem)
    overheads = ImageOverheads(SampleImages(shape, target, optimise, work / "images", ground), counted)
    with one_blas_thread(), open_executor(workers) as executor:
        score = Scorer(
            work / "problem.npz", problem.sha256, package_sha256(), Store(work / "trials"), executor
        )
        trials = request.trials or TRIALS
        found = search(
            shape,
            overheads,
            limits,
            score,
            families=names,
            cells=request.cells,
            trials=trials,
            seed=request.seed,
            talk=talk,
            time_s=request.time_s,
            prepare=partial(overheads.prepare, executor=executor),
        )
        searched = [family for group, _ in shares(names, trials) for family in group]
        least = partial(smallest, searched, request.cells, shape, request.seed)
        if not found.trials:
            talk.note("nothing fits the budget; the smallest models are tried instead")
            found = _nearest(_tried(least(), shape, overheads, score), limits)
        elif isinstance(target, Host) and request.budget.latency_s is not None:
            after = 1 + max(t.number for t in found.trials)
            found = _with(_tried(least(), shape, overheads, score, after), found, limits)
        shop = Workshop(
            problem,
            target,
            optimise,
            _title(request, data),
            request.command,
            request.seed,
            work / "images",
            _raw_words(data, sensor),
        )
        test = data.select(parts.test)
        raw = RawSequences(sensor.encode(test.values), test.offsets.astype(np.int64))
        gating = None
        if request.gates:
            store, faults = Store(work / "gates"), None
            if of_faults:
                given = RawSequences(sensor.encode(train.values), train.offsets.astype(np.int64))
                of_built = FaultGates(
                    of_faults, target, optimise, request.command, work / "faults", talk, executor
                )
                faults = partial(of_built.evidence, given=given)
            gating = Gating(gated, problem, work / "problem.npz", store, executor, request.command, faults)
        chosen, others = deploy(shop, found, room, raw, executor, talk, gating)
    # Every test item on the host, at most `PINNED` on the device; the test labels are looked at only below, once.
    rejected: Rejected | None = None
    if request.reject is not None and aside is not None:
        with talk.stage("reject", 1) as stage:
            held = Items.of(aside, sensor)
            chosen, rule = with_option(shop, chosen, held, raw, request.reject, request.budget)
            answers, scores = chosen.measured.outcome.classes, chosen.measured.outcome.scores
            rejected = told(answers, scores, test, request.reject, request.command)
            stage.advance(1, f"{100 * rejected.evidence[0].value:.4g} % answered")
        if rule.centre is None:
            talk.note("there are too few items for a box around what is known: there are margins alone")
    else:
        chosen = shop.again(chosen, raw, PINNED)
    if gating is not None:
        chosen = gating.told(chosen)
    outcome = chosen.measured.outcome
    if rejected is not None:  # how good the model is, is told of the class that it would say
        outcome = replace(outcome, classes=outcome.scores.argmax(axis=1))
    quality = _quality(request.command, problem, test, chosen.graph, outcome)
    quality += rejected.evidence if rejected is not None else []
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return write_folder(
        Run(
            request=request,
            data=data,
            parts=parts,
            problem=problem,
            workers=workers,
            device=target,
            optimise=optimise,
            found=found,
            chosen=chosen,
            others=others,
            test=test,
            sequences=raw,
            outcome=outcome,
            rejected=rejected,
            quality=tuple(quality),
            verdict=chosen.verdict(request.budget, tuple(quality)),
            spent=Spent(
                time.monotonic() - start, sum(u.ru_utime + u.ru_stime for u in usage), *meter.taken()
            ),
            peak_memory_b=max(u.ru_maxrss for u in usage) * 1024,
        )
    )


def _gated(request: FitRequest, gates: Sequence[str], train: Dataset) -> Gated | None:
    """Return the gates of groups, and the training items that they look at; None without gates."""
    if not gates:
        return None
    if train.goals is not None:
        hint = "audit the finished model: sarto audit OUT"
        raise SartoError("E161", "gates cannot choose here", cause=f"the task is {request.task}", hint=hint)
    known = columns_of(train, request.gate_table)
    return Gated.of(gates, known, named(train.classes, train.target), request.gate_groups)


def _problem(request: FitRequest, train: Dataset) -> tuple[Problem, SensorFormat]:
    sensor = SensorFormat.calibrate(train.values, request.sensor_bits, request.sensor_scale)
    hop = request.window if request.hop is None else request.hop
    if hop is not None:
        lengths = np.unique(train.lengths)
        if len(lengths) > 1 or not 1 <= hop <= lengths[0]:
            raise SartoError(
                "E112",
                f"--hop {hop}",
                cause=f"windows are {lengths[0]} to {lengths[-1]} steps long",
                hint="a hop needs windows of one length, and lies between 1 and that length",
            )
    return prepare(train, sensor, hop, request.seed), sensor


def _quality(command: str, problem: Problem, test: Dataset, graph: Graph, outcome: Outcome) -> list[Evidence]:
    """Return how good the outcome of `test` is, and what guesses any model should beat reach."""
    how: dict[str, Any] = dict(part="test", command=command)
    tool = "integer interpreter, equal to the generated C on every item"
    if test.goals is None:
        return accuracy_evidence(
            test.target, outcome.classes, test.classes, tool=tool, subject=graph.sha256, **how
        )
    assert problem.goals is not None
    found = deviation_evidence(
        test.goals,
        numbers(graph, outcome),
        test.outputs,
        test.output_units,
        groups=test.groups,
        block=test.overlap,
        tool=tool,
        subject=graph.sha256,
        **how,
    )
    mean = np.broadcast_to(problem.goals.mean(axis=0), test.goals.shape)
    found.append(guess_evidence(test.goals, mean, "the mean", tool="mean of the training items", **how))
    if test.last is not None:
        found.append(
            guess_evidence(
                test.goals, test.last, "the last value", tool="persistence: nothing changes", **how
            )
        )
    return found


def _title(request: FitRequest, data: Dataset) -> str:
    return f"{request.name or data.name}: {', '.join(data.classes or data.outputs)} from {', '.join(data.channels)}"


def _raw_words(data: Dataset, sensor: SensorFormat) -> str:
    """Return what a count of each raw word is worth, and how often a sample comes, as far as it is known."""
    units = data.units or ("",) * len(data.channels)
    counts = [
        f"{name} in counts of {scale:.9g}{f' {unit}' if unit else ''}"
        for name, unit, scale in zip(data.channels, units, sensor.scale.tolist(), strict=True)
    ]
    rate = f"; {data.rate_hz:g} samples a second" if data.rate_hz else ""
    return f"Raw words: {', '.join(counts)}{rate}."


def _limits(budget: Budget, target: AnyDevice) -> Budget:
    """Return the limits that a candidate is held to, flash and RAM at most those of the device."""
    if isinstance(target, Host):
        return Budget(flash_b=budget.flash_b, ram_b=budget.ram_b)
    return Budget(
        flash_b=min(budget.flash_b or target.flash.size_b, target.flash.size_b),
        ram_b=min(budget.ram_b or target.ram.size_b, target.ram.size_b),
        instructions=budget.instructions,
        latency_s=budget.latency_s,
        energy_j=budget.energy_j,
    )


def _tried(
    candidates: list[Candidate], shape: Shape, overheads: ImageOverheads, score: Scorer, first: int = 0
) -> list[Trial]:
    """Return the scored trials of `candidates`, numbered from `first` on."""
    return [
        Trial(number, candidate, scored, *cost(candidate, shape, overheads))
        for number, (candidate, scored) in enumerate(zip(candidates, score(candidates), strict=True), first)
    ]


def _over(trial: Trial, limits: Budget) -> float:
    """Return the largest share that the trial takes of a limit of flash or RAM, 0 where there is neither."""
    pairs = ((trial.flash_b, limits.flash_b), (trial.ram_b, limits.ram_b))
    return max((got / limit for got, limit in pairs if limit), default=0.0)


def _with(more: list[Trial], found: SearchResult, limits: Budget) -> SearchResult:
    """Return `found` with those of the trials `more` that fit `limits`; its finalists stay."""
    return replace(found, trials=(*found.trials, *(t for t in more if _over(t, limits) <= 1)))


def _nearest(trials: list[Trial], limits: Budget) -> SearchResult:
    """Return the smallest models there are, those that break the limits least first, when nothing fits."""

    def excess(trial: Trial) -> tuple[float, float, int]:
        return _over(trial, limits), trial.score.loss, trial.number

    return SearchResult(tuple(trials), 0, 0, tuple(sorted(trials, key=excess)[:FINALISTS]))
