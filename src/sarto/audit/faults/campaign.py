"""Runs a campaign: faults of a space, stratum by stratum, until what is said of them is sure enough; and its report.

Every stratum is a random sample without putting back. It is judged in rounds that double, and left where the interval
of its critical share is at most `error` to either side (`sample.looks` says why that interval can be trusted). What was
judged is kept in a folder, if one is given, so that the same campaign goes on where it was interrupted. Neither that
nor the number of workers changes any figure.

>>> from sarto.audit.faults.container import ContainerSpace
>>> from sarto.compress.container import to_bytes
>>> from sarto.compress.stored import Stored
>>> from sarto.models.network.named import named
>>> net = named("mlp", (4,), 2, width=3, depth=1)
>>> tensors = {name: Stored.of_values(np.ones(shape, np.float32)) for name, shape in net.parameters.items()}
>>> found = run(ContainerSpace(*to_bytes(net, tensors)), Plan(error=0.05, confidence=0.95))
>>> found.rates.faults < found.bits, found.rates.kinds["due"].share, found.tables[0].columns[:3]
(True, 1.0, ('layer', 'part', 'faults'))
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64

from sarto.audit.faults.report import Report, Sampled, Told, reported
from sarto.audit.faults.sample import By, Cell, Looks, Stratum, draw, looks, narrow, strata
from sarto.audit.faults.verdicts import CRITICAL, Judged
from sarto.core.errors import SartoError
from sarto.core.evidence import How
from sarto.core.executors import SerialExecutor
from sarto.core.progress import Silent, Stage, Talk
from sarto.core.store import Store, content_hash, package_sha256

AT_ONCE = 64
"""Faults that are judged, kept and counted as one piece of work."""


@runtime_checkable
class Space(Protocol):
    """Faults that can be judged: of a graph, an image, a container or a network in floats."""

    @property
    def name(self) -> str:
        """What is faulty, in one word."""
        ...

    @property
    def how(self) -> How:
        """How verdicts come about."""
        ...

    @property
    def cells(self) -> Sequence[Cell]:
        """All of its faults, by layer, part and bit."""
        ...

    @property
    def sha256(self) -> str:
        """Hash over all that verdicts depend on."""
        ...

    def __len__(self) -> int: ...

    def judge(self, places: Int64[np.ndarray, "fault 2"]) -> Judged:
        """Return what faults do, each given by the number of its cell and its own in the cell."""
        ...


@dataclass(frozen=True)
class Plan:
    """How sure a campaign is to be.

    Attributes:
        by: what has a sample of its own.
        error: half-width of the interval of each stratum's critical share at which it is left.
        confidence: of every interval.
        most: faults of a stratum at most; its interval then stays as wide as it is. None is no limit.
        seed: of the draw.
    """

    by: By = "layer"
    error: float = 0.05
    confidence: float = 0.95
    most: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for what, value in (("error", self.error), ("confidence", self.confidence)):
            if not 0 < value < 1:
                raise SartoError(
                    "E149",
                    f"a campaign with the {what} {value:g}",
                    cause=f"the {what} is a share: above 0 and below 1",
                    hint="such as an error of 0.01 at a confidence of 0.99",
                )


def run(
    space: Space,
    plan: Plan,
    *,
    executor: Executor | None = None,
    talk: Talk | None = None,
    cache: Path | None = None,
    command: str = "",
    subject_sha256: str = "",
    raw_fit_per_mbit: float | None = None,
) -> Report:
    """Return what the faults of `space` do.

    Args:
        space: the faults.
        plan: how sure to be.
        executor: judges pieces of work side by side; None judges here.
        talk: hears how many faults are done.
        cache: folder in which to keep what was judged.
        command: that shows the evidence again.
        subject_sha256: hash of the artifact.
        raw_fit_per_mbit: failures of 10^6 bits in 10^9 hours; None leaves FIT and MTTF out.

    Raises:
        SartoError: E148, when there is no fault in the space.
    """
    parts = strata(space.cells, plan.by)
    if not parts:
        raise SartoError(
            "E148",
            f"there is nothing in the {space.name} that could be faulty",
            cause="it has no bits in the places that were named",
            hint="name other places",
        )
    plans = [looks(part.size, plan.error, plan.confidence, most=plan.most) for part in parts]
    work = _Work(space, plan, parts, plans, executor or SerialExecutor(), Store(cache) if cache else None)
    with (talk or Silent()).stage(f"faults of the {space.name}", sum(p.sizes[-1] for p in plans)) as stage:
        sampled = work.all(stage)
    told = Told(space.name, space.how, plan.confidence, plan.seed, command, subject_sha256)
    return reported(told, space.cells, sampled, raw_fit_per_mbit)


@dataclass(frozen=True)
class _Work:
    space: Space
    plan: Plan
    strata: list[Stratum]
    looks: list[Looks]
    executor: Executor
    store: Store | None

    def all(self, stage: Stage) -> list[Sampled]:
        """Judge every stratum up to the look at which it is sure enough."""
        key = content_hash(
            "faults", self.space.sha256, self.plan.seed, self.plan.by, AT_ONCE, package_sha256()
        )
        found: list[list[Judged]] = [[] for _ in self.strata]
        orders = [
            draw(s.size, plan.sizes[-1], self.plan.seed, s.name)
            for s, plan in zip(self.strata, self.looks, strict=True)
        ]
        open_ = list(range(len(self.strata)))
        for look in range(max(len(plan.sizes) for plan in self.looks)):
            waiting: list[tuple[int, str, Future[Judged] | Judged]] = []
            for number in open_:
                sizes = self.looks[number].sizes
                first, last = (sizes[look - 1] if look else 0), sizes[look]
                for begin in range(first, last, AT_ONCE):
                    end = min(begin + AT_ONCE, last)
                    name = content_hash(key, self.strata[number].name, begin, end)
                    waiting.append((number, name, self._begun(name, number, orders[number][begin:end])))
            for number, name, piece in waiting:
                judged = piece if isinstance(piece, Judged) else self._kept(name, piece.result())
                found[number].append(judged)
                stage.advance(len(judged), self.strata[number].name)
            open_ = [number for number in open_ if not self._done(number, look, found[number], stage)]
        return [Sampled(s, o, tuple(f)) for s, o, f in zip(self.strata, orders, found, strict=True)]

    def _begun(self, name: str, number: int, chosen: Int64[np.ndarray, " fault"]) -> Future[Judged] | Judged:
        if self.store is not None and (kept := self.store.get(name)) is not None:
            return Judged(kept["inputs"], *(np.array(kept[f], np.int64) for f in _FIELDS))
        places = self.strata[number].places(chosen)
        if isinstance(self.executor, SerialExecutor):
            return self._kept(name, self.space.judge(places))
        return self.executor.submit(_judge, self.space, self.space.sha256, places)

    def _kept(self, name: str, judged: Judged) -> Judged:
        if self.store is not None:
            counts = {field: getattr(judged, field).tolist() for field in _FIELDS}
            self.store.put(name, {"inputs": judged.inputs, **counts})
        return judged

    def _done(self, number: int, look: int, found: list[Judged], stage: Stage) -> bool:
        """Return whether a stratum is sure enough, or was seen as far as it is to be."""
        plan, size = self.looks[number], self.strata[number].size
        n = sum(map(len, found))
        critical = sum(int((j.kinds == CRITICAL).sum()) for j in found)
        if look + 1 < len(plan.sizes) and not narrow(critical, n, size, self.plan.error, plan.confidence):
            return False
        stage.advance(plan.sizes[-1] - n)
        return True


_FIELDS = ("changed", "wrong", "failed", "wrong_by_input")
_READY: dict[str, Any] = {}
"""The space that this process judged last, with what it found out on the way."""


def _judge(space: Space, key: str, places: Int64[np.ndarray, "fault 2"]) -> Judged:
    """Judge faults in whichever process."""
    if key not in _READY:
        _READY.clear()
        _READY[key] = space
    return _READY[key].judge(places)
