"""A network's description: shapes, names, refusals, and the named ones."""

import json
from typing import Any

import pytest

from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.named import NAMED, named

SHAPES = {1: (7,), 2: (3, 20), 3: (3, 12, 12)}


def conv(**changed: Any) -> Architecture:
    """A network of one convolution on 3x8x8 items."""
    attributes = {"channels": 4, "kernel": (3, 3), **changed}
    return Architecture((3, 8, 8), (Node("c", "conv", ("input",), attributes),))


@pytest.mark.parametrize(
    ("changed", "shape"),
    [
        ({}, (4, 6, 6)),
        ({"padding": 1}, (4, 8, 8)),
        ({"stride": 2}, (4, 3, 3)),
        ({"dilation": (2, 1)}, (4, 4, 6)),
        ({"kernel": (8, 8)}, (4, 1, 1)),
    ],
)
def test_the_shape_that_a_convolution_leaves(changed: dict[str, Any], shape: tuple[int, ...]) -> None:
    assert conv(**changed).shapes["c"] == shape


def test_groups_share_the_channels() -> None:
    net = conv(channels=6, groups=3, bias=False)
    assert net.parameters == {"c.weight": (6, 1, 3, 3)}


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"kernel": (9, 3)}, "larger than its input"),
        ({"groups": 2}, "cannot be cut into 2 groups"),
        ({"kernel": (3,)}, "does not fit shape"),
        ({"stride": 0, "kernel": (0, 0)}, "at least 1"),
        ({"size": 3}, "conv has no size"),
        ({"channels": float("inf")}, "must be finite"),
        ({"channels": (4,)}, "one number"),
        ({"bias": 2}, "true or false"),
        ({"kernel": (1, 1, 1, 1)}, "one to three numbers"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_node_named(changed: dict[str, Any], cause: str) -> None:
    with pytest.raises(InputError, match="node 'c'") as caught:
        conv(**changed)
    assert caught.value.code == "E121"
    assert cause in caught.value.cause


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([("a", "relu", ["b"]), ("b", "relu", ["input"])], "reads 'b'"),
        ([("a", "relu", ["input"]), ("a", "relu", ["input"])], "two nodes 'a'"),
        ([("a", "add", ["input"])], "reads 1 nodes"),
        ([("input", "relu", ["input"])], "cannot name a node"),
        ([("a", "softmax", ["input"])], "node 'a'"),
        ([], "no network of 0 nodes"),
    ],
)
def test_a_graph_that_cannot_run_is_refused(nodes: list[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Architecture.from_json({"input_shape": [4], "nodes": [[*node, {}] for node in nodes]})


@pytest.mark.parametrize("name", NAMED)
def test_named_networks_fit_every_shape_they_take_and_survive_json(name: str) -> None:
    for dimensions in NAMED[name][1]:
        shape = (1, 28, 28) if name == "lenet5" else SHAPES[dimensions]
        net = named(name, shape, 5)
        assert net.shapes[net.output] == (5,)
        assert Architecture.from_json(json.loads(json.dumps(net.to_json()))) == net


def test_published_numbers_of_parameters() -> None:
    """ResNet-20 as its paper counts it has 0.27 million; this one's shortcuts are convolutions with their norms."""
    shortcuts = 16 * 32 + 32 * 64 + 2 * (32 + 64)
    means = sum(
        size
        for name, (size, *_) in named("residual", (3, 32, 32), 10, blocks=3).parameters.items()
        if name.endswith((".mean", ".variance"))
    )
    full = named("residual", (3, 32, 32), 10, blocks=3)
    trained = full.size - means
    assert trained - shortcuts == 269722
    assert named("lenet300", (1, 28, 28), 10).size == 266610


@pytest.mark.parametrize(
    ("data", "cause"),
    [(None, "TypeError"), ({}, "KeyError"), ({"input_shape": [3], "nodes": [["a"]]}, "ValueError"),
     ({"input_shape": [3], "nodes": [["a", "leaky_relu", ["input"], {"slope": "x"}]]}, "TypeError")],
)  # fmt: skip
def test_what_is_no_description_is_refused(data: Any, cause: str) -> None:
    with pytest.raises(InputError, match="no description of a network") as caught:
        Architecture.from_json(data)
    assert cause in caught.value.cause


@pytest.mark.parametrize(
    ("name", "shape", "settings", "message"),
    [
        ("resnet", (3, 8, 8), {}, "no network 'resnet'"),
        ("cnn1d", (7,), {}, "items of shape"),
        ("mlp", (7,), {"width": 0}, "width=0"),
        ("mlp", (7,), {"heads": 2}, "no such setting"),
    ],
)
def test_a_name_or_setting_that_is_not_there(
    name: str, shape: tuple[int, ...], settings: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        named(name, shape, 3, **settings)
