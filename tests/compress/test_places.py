"""Where integers are made."""

from __future__ import annotations

import pytest

from sarto.compress.places import places, positive
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.named import named


def test_a_residual_block_has_integers_behind_what_bends() -> None:
    arch = Architecture(
        (2, 8),
        (
            Node("a", "conv", ("input",), {"channels": 2, "kernel": (1,)}),
            Node("r", "relu", ("a",)),
            Node("b", "conv", ("r",), {"channels": 2, "kernel": (1,)}),
            Node("s", "add", ("b", "r")),
            Node("q", "relu6", ("s",)),
            Node("m", "global_mean_pool", ("q",)),
            Node("l", "linear", ("m",), {"features": 3}),
            Node("v", "reshape", ("l",), {"shape": (3, 1)}),
        ),
    )
    assert places(arch) == ("input", "r", "b", "q", "m")
    assert positive(arch, True) == {"input", "r", "q", "m"}
    assert positive(arch, False) == {"r", "q", "m"}


def test_what_two_nodes_read_is_made_integers_before_it_is_bent() -> None:
    nodes = (
        Node("a", "linear", ("input",), {"features": 2}),
        Node("r", "relu", ("a",)),
        Node("s", "add", ("a", "r")),
        Node("o", "linear", ("s",), {"features": 2}),
    )
    assert places(Architecture((3,), nodes)) == ("input", "a", "r", "s")


@pytest.mark.parametrize("name", ["mlp", "cnn1d"])
def test_scores_are_none_of_them(name: str) -> None:
    arch = named(name, (2, 16), 3)
    assert arch.output not in places(arch)
