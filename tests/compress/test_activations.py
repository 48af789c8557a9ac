"""What the integers of activations stand for is in the file, in both layouts, and nothing else is taken for it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.compress import container
from sarto.compress.container import HASH_B, MAGIC, Contents, from_bytes, read, to_bytes
from sarto.compress.state import State, restored
from sarto.core.quantization import Numbers
from sarto.models.input_error import InputError
from sarto.models.network.module import Network
from sarto.models.network.named import named
from tests.compress.test_container import joined, sealed, tensors

NUMBERS = {
    "input": Numbers((0.0625,), 8, False),
    "fc2_relu": Numbers((3.0,), 16),
    "fc3": Numbers((0.1,), 1, False),
}


def of_activations(layout: str, numbers: dict[str, Numbers]) -> bytes:
    network = named("mlp", (4,), 2, width=3)
    return to_bytes(network, tensors(network), packed=layout == "packed", activations=numbers)[0]


@pytest.mark.parametrize("layout", ["packed", "large"])
def test_what_activations_stand_for_comes_back(layout: str, tmp_path: Path) -> None:
    file, backwards = tmp_path / "net.sarto", dict(reversed(NUMBERS.items()))
    file.write_bytes(of_activations(layout, backwards))
    back = read(file)
    assert list(back.activations) == ["input", "fc2_relu", "fc3"]
    assert back.activations == NUMBERS | {"fc3": Numbers((float(np.float32(0.1)),), 1, False)}
    assert from_bytes(file.read_bytes()).activations == back.activations
    file.write_bytes(of_activations(layout, {}))
    assert read(file).activations == {}


def test_a_network_whose_file_is_large_is_restored_from_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "PACKED_B", 100)
    state = State(Network(named("mlp", (4,), 2, width=9), seed=0))
    data, _ = state.packed()
    assert data[: len(MAGIC)] != MAGIC
    wanted, back = state.network.arrays(), restored(data).arrays()
    assert {n: a.tobytes() for n, a in back.items()} == {n: a.tobytes() for n, a in wanted.items()}
    for bad in (data[:-1], data[:7], b"", data.replace(b"F32", b"F64"), data.replace(b"F32", b"I32")):
        with pytest.raises(InputError, match="E131"):
            restored(bad)


def test_weights_with_a_scale_say_what_they_stand_for() -> None:
    network = named("mlp", (4,), 2, width=3)
    good = tensors(network)
    found = Contents(network, good, NUMBERS).quantization.tensors
    scaled = {name for name, stored in good.items() if stored.kind == "scaled"}
    assert scaled
    assert set(found) == {*NUMBERS, *scaled}
    assert all(found[n] == Numbers(tuple(map(float, good[n].floats)), 4) for n in scaled)


@pytest.mark.parametrize(
    "numbers",
    [
        {"fc9_relu": Numbers((1.0,), 8)},
        {"input": Numbers((1.0, 2.0), 8)},
        {"input": Numbers((0.0,), 8)},
        {"input": Numbers((1e-50,), 8)},
        {"input": Numbers((1e50,), 8)},
        {"input": Numbers((float("nan"),), 8)},
        {"input": Numbers((1.0,), 17)},
        {"input": Numbers((), 8, codebook=(0.0,))},
    ],
)
def test_numbers_that_cannot_be_stored_are_refused_by_name(numbers: dict[str, Numbers]) -> None:
    with pytest.raises(InputError, match=f"E123.*'{next(iter(numbers))}'"):
        of_activations("packed", numbers)


@pytest.mark.parametrize(
    "block",
    [
        "00",  # none, which is said by no block
        "ff0101",  # more than there are nodes
        "01000700803f00",  # no node
        "01630700000080",  # a node that is not there
        "0101270000803f",  # a word that says nothing
        "01010700000000",  # a scale of 0
        "0101070000c07f",  # no number
        "01010700",  # cut
        "01010700 00803f00".replace(" ", ""),  # too long
    ],
)
def test_a_damaged_block_of_activations_is_refused(block: str) -> None:
    whole = of_activations("packed", {})
    with pytest.raises(InputError, match="E131"):
        from_bytes(sealed(whole[len(MAGIC) + HASH_B :] + bytes.fromhex(block)))


def test_a_good_block_of_activations_is_read() -> None:
    whole = of_activations("packed", {})
    back = from_bytes(sealed(whole[len(MAGIC) + HASH_B :] + bytes.fromhex("0101070000803f")))
    assert back.activations == {"input": Numbers((1.0,), 8, False)}


@pytest.mark.parametrize(
    "given", [[], {"input": 3}, {"input": [1, 8, True]}, {"nobody": [1.0, 8, True]}, None]
)
def test_a_large_file_with_other_numbers_of_activations_is_refused(given: Any, tmp_path: Path) -> None:
    file = tmp_path / "net.sarto"

    def changed(header: dict[str, Any], description: dict[str, Any]) -> None:
        del header
        description["activations"] = given

    file.write_bytes(of_activations("large", {}))
    file.write_bytes(joined(file, changed, sealed_again=True))
    with pytest.raises(InputError, match="E131"):
        read(file)
