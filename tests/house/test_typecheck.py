"""Types and shapes are checked while the tests run, wherever a function comes from."""

import concurrent.futures
import importlib
import multiprocessing
import pickle
import sys
import textwrap
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
from jaxtyping import TypeCheckError, install_import_hook

import sarto.core.rooms as rooms
from tests import typecheck

SAMPLE = """
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from decimal import Decimal


def total(x: Float[np.ndarray, "batch step"]) -> Float[np.ndarray, " step"]:
    return x.sum(0)


def wrong(x: Float[np.ndarray, "batch step"]) -> Float[np.ndarray, " step"]:
    return x.sum(1)


def scale(factor: float, other: Decimal | None = None) -> float:
    return 2 * factor


@dataclass(frozen=True)
class Node:
    name: str
    parent: Node | None = None

    def same(self) -> Self:
        return self

    def pair(self, others: tuple[int, list[Self]], count: int) -> Self:
        return self

    @classmethod
    def root(cls) -> tuple[Self, int]:
        return cls("root"), 1
"""


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """A module written as ours are, and imported through the hook."""
    folder = tmp_path_factory.mktemp("sample")
    (folder / "house_sample.py").write_text(textwrap.dedent(SAMPLE))
    sys.path.insert(0, str(folder))
    with install_import_hook("house_sample", "tests.typecheck.check"):
        yield importlib.import_module("house_sample")
    sys.path.remove(str(folder))
    del sys.modules["house_sample"]


def test_sarto_itself_is_checked() -> None:
    with pytest.raises(TypeCheckError):
        rooms.methods(3)  # pyright: ignore[reportArgumentType]


def test_shapes_are_checked(sample: ModuleType) -> None:
    assert sample.total(np.ones((2, 3))).tolist() == [2, 2, 2]
    with pytest.raises(TypeCheckError):
        sample.total(np.ones(3))
    with pytest.raises(TypeCheckError):
        sample.wrong(np.ones((2, 3)))


def test_what_beartype_cannot_read_does_not_stop_the_rest(sample: ModuleType) -> None:
    assert sample.scale(3, "a name that is known to the static checker alone") == 6
    with pytest.raises(TypeCheckError):
        sample.scale("3")
    node = sample.Node("leaf", sample.Node.root()[0])
    assert node.same() is node
    with pytest.raises(TypeCheckError):
        sample.Node(3)
    assert pickle.loads(pickle.dumps(node)) == node


def test_self_alone_is_not_checked(sample: ModuleType) -> None:
    node = sample.Node("leaf")
    assert node.pair((1, [node]), 3) is node
    with pytest.raises(TypeCheckError):
        node.pair((1, [node]), "3")


@pytest.mark.parametrize("start", ["spawn", "forkserver"])
def test_checked_functions_cross_into_processes(start: str) -> None:
    context = multiprocessing.get_context(start)
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(rooms.methods, "sarto.core").result() == rooms.methods("sarto.core")


def test_in_each_test_the_first_calls_are_checked_and_then_one_in_so_many() -> None:
    def plain() -> str:
        return "plain"

    call = typecheck.sampled(plain, lambda: "checked")
    for _ in range(2):
        typecheck.begin_test()
        done = [call() for _ in range(typecheck.FIRST + 2 * typecheck.SHARE)]
        assert set(done[: typecheck.FIRST]) == {"checked"}
        assert done[typecheck.FIRST :].count("checked") == 2
