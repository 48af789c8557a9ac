"""Operating points of ONNX files: every file at several numbers of threads, timed in turn on this computer.

Returned are the points and, by the variant of each, the function that runs it, which is what `runtime.session` takes.
Threads of ONNX Runtime are fixed when a session is made, so that a number of them is a variant of its own. Inputs are
drawn from a seed, in the shapes that the files state: a time does not depend on values, and the accuracy is what the
caller knows of the file.

>>> import tempfile
>>> from sarto.models.network.named import named
>>> from sarto.deploy.onnx.floats import float_model
>>> net = named("mlp", (4,), 2, width=3, depth=1)
>>> data = float_model(net, {name: np.ones(shape, np.float32) for name, shape in net.parameters.items()})
>>> with tempfile.TemporaryDirectory() as folder:
...     file = Path(folder) / "net.onnx"
...     _ = file.write_bytes(data)
...     points, run = onnx_ladder({"net": file}, {"net": 0.8}, threads=(1,), repeats=3)
>>> points[0].name, points[0].find("latency").how, points[0].settings["cores"]
('net on 1 thread', 'measured', 1)
>>> run["net on 1 thread"](np.ones((1, 4), np.float32))[0].tolist()
[[16.0, 16.0]]
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Num

from sarto.core.errors import SartoError
from sarto.core.points import OperatingPoint
from sarto.core.seed import generator
from sarto.measure.ladder import timed_points
from sarto.measure.session import Session

ITEMS = 3
REPEATS = 15
Inputs = Mapping[str, Num[np.ndarray, "..."]]
Run = Callable[[Num[np.ndarray, "..."]], list[Num[np.ndarray, "..."]]]


def onnx_ladder(
    files: Mapping[str, Path],
    accuracy: Mapping[str, float],
    *,
    threads: Sequence[int] | None = None,
    repeats: int = REPEATS,
    seed: int = 0,
) -> tuple[list[OperatingPoint], dict[str, Run]]:
    """Return the points, and what runs each variant on an item of its first input.

    Args:
        files: variant -> ONNX file.
        accuracy: of each.
        threads: numbers of them; by default powers of two up to the cores that may be used, and these.
        repeats: how often each point runs each of `ITEMS` items.
        seed: of the inputs.

    Raises:
        SartoError: E181, when a file cannot be run; E116, when there is none, or one has no accuracy.
    """
    counts = _counts() if threads is None else list(threads)
    sessions: dict[str, tuple[Session, list[Inputs], str, int]] = {}
    for name, file in files.items():
        for count in counts:
            session = _opened(file, count)
            variant = f"{name} on {count} thread{'s' if count > 1 else ''}"
            sessions[variant] = (session, _items(file, session, seed), name, count)
    timed = timed_points(
        {variant: _timed(session, items) for variant, (session, items, _, _) in sessions.items()},
        range(ITEMS if files else 0),
        {v: accuracy[name] for v, (_, _, name, _) in sessions.items() if name in accuracy},
        repeats=repeats,
    )
    points = [
        replace(
            point,
            settings={
                **point.settings,
                "model": sessions[point.name][2],
                "cluster": "cpu",
                "cores": sessions[point.name][3],
            },
        )
        for point in timed
    ]
    return points, {variant: _run(session) for variant, (session, _, _, _) in sessions.items()}


def _counts() -> list[int]:
    most = len(os.sched_getaffinity(0))
    return sorted({most, *(2**k for k in range(most.bit_length()) if 2**k <= most)})


def _opened(file: Path, threads: int) -> Session:
    try:
        return Session(file.read_bytes(), threads=threads)
    except Exception as error:  # onnxruntime has errors of its own, of no common kind
        raise _unusable(file, str(error).splitlines()[0] if str(error) else type(error).__name__) from error


def _items(file: Path, session: Session, seed: int) -> list[Inputs]:
    """Return inputs of the shapes that a file states, drawn from a seed, after they have gone through it once."""
    rng = generator(seed, "onnx ladder")
    try:
        given = session.given()
        items: list[Inputs] = [
            {
                name: (rng.standard_normal(shape) if kind.kind == "f" else rng.integers(0, 2, shape)).astype(
                    kind
                )
                for name, (shape, kind) in given.items()
            }
            for _ in range(ITEMS)
        ]
        session.run(items[0])
    except Exception as error:
        raise _unusable(file, str(error).splitlines()[0] if str(error) else type(error).__name__) from error
    return items


def _timed(session: Session, items: Sequence[Inputs]) -> Callable[[int], object]:
    return lambda number: session.run(items[number])


def _run(session: Session) -> Run:
    (first, *others) = session.given()

    def run(x: Num[np.ndarray, "..."]) -> list[Num[np.ndarray, "..."]]:
        assert not others, "a model of several inputs is run by its session"
        return session.run({first: x})

    return run


def _unusable(file: Path, cause: str) -> SartoError:
    return SartoError(
        "E181",
        f"'{file}' cannot be run",
        cause=cause,
        hint="its inputs are tensors of numbers, and sizes that it leaves open are taken as 1",
    )
