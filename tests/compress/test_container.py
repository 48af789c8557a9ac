"""Containers: what goes in comes out in every bit, the table adds up, and no bytes can do harm."""

import hashlib
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.compress._large import HASH, KEY
from sarto.compress._packing import Packer, pack_architecture
from sarto.compress.container import FREE_B, HASH_B, MAGIC, Contents, from_bytes, read, to_bytes, write
from sarto.compress.stored import Stored
from sarto.core.errors import SartoError
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.named import NAMED, named

SHAPES = {1: (6,), 2: (2, 16), 3: (1, 16, 16)}


def tensors(network: Architecture, seed: int = 0) -> dict[str, Stored]:
    """Every kind of tensor in turn, for the weights; plain ones in both precisions for all else."""
    rng, found = np.random.default_rng(seed), dict[str, Stored]()
    for number, (name, shape) in enumerate(network.parameters.items()):
        size = int(np.prod(shape))
        if len(shape) == 1:
            values = rng.normal(size=shape).astype(np.float32)
            found[name] = Stored.of_values(values, "float16" if number % 2 else "float32")
        elif number % 3 == 0:
            table = np.array([0, -0.5, 0.25, 1.5], np.float16)
            found[name] = Stored.of_table(shape, rng.choice(4, size, p=[0.9, 0.04, 0.04, 0.02]), table)
        elif number % 3 == 1:
            scale = rng.uniform(0.1, 1, shape[0]).astype(np.float32)
            found[name] = Stored.of_integers(rng.integers(-7, 8, shape), scale, 4)
        else:
            table = np.array([-1, 1], np.float32)
            found[name] = Stored.of_table(shape, rng.integers(0, 2, size), table)
    return found


def same(first: Stored, second: Stored) -> bool:
    """Return whether two tensors are stored alike and stand for the same bits."""
    alike = (first.kind, first.shape, first.alphabet, first.zero, first.floats.dtype)
    return (
        alike == (second.kind, second.shape, second.alphabet, second.zero, second.floats.dtype)
        and first.floats.tobytes() == second.floats.tobytes()
        and first.restore().tobytes() == second.restore().tobytes()
    )


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", NAMED)
def test_every_network_comes_back_in_every_bit(name: str, packed: bool, tmp_path: Path) -> None:
    network = (
        named(name, SHAPES[NAMED[name][1][-1]], 3) if name != "lenet300" else named("mlp", (6,), 3, width=70)
    )
    given, file = tensors(network), tmp_path / "net.sarto"
    table = write(file, network, given, packed=packed)
    back = read(file)
    assert back.architecture == network
    assert list(back.tensors) == list(network.parameters)
    assert all(same(given[n], back.tensors[n]) for n in given)
    assert sum(map(int, table.column("bytes"))) == file.stat().st_size
    assert {"header", "codebook", "scales", "symbols", "tables", "bias"} <= set(table.column("part")) or len(
        given
    ) < 8


@pytest.mark.parametrize("coder", ["rans", "context", "huffman"])
def test_a_coder_can_be_chosen_and_the_best_is_never_longer(coder: str) -> None:
    network = named("mlp", (40,), 5, width=60)
    given = tensors(network)
    data, _ = to_bytes(network, given, coder)
    assert all(same(given[n], t) for n, t in from_bytes(data).tensors.items())
    assert len(to_bytes(network, given)[0]) <= len(data)


def test_a_small_file_has_a_small_header() -> None:
    """What is neither weights nor biases of LeNet-300-100 takes less than 150 bytes."""
    network = named("lenet300", (1, 28, 28), 10)
    zeros = {
        n: Stored.of_table(s, np.zeros(int(np.prod(s)), np.int64), np.zeros(2, np.float16))
        for n, s in network.parameters.items()
    }
    data, _ = to_bytes(network, zeros)
    assert len(data) < 150


def test_it_is_read_without_torch(tmp_path: Path) -> None:
    network = named("mlp", (4,), 2, width=3)
    write(tmp_path / "net.sarto", network, tensors(network))
    program = (
        "import sys; from pathlib import Path; from sarto.compress.container import read; "
        f"print(len(read(Path({str(tmp_path / 'net.sarto')!r})).arrays())); assert 'torch' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (result.stdout.strip(), result.returncode) == ("6", 0), result.stderr


def test_tensors_of_another_network_are_refused() -> None:
    network = named("mlp", (4,), 2, width=3)
    given = tensors(network)
    for bad in ({**given, "fc1.bias": Stored.of_values(np.zeros(2, np.float32))}, {}):
        with pytest.raises(InputError, match=r"E123.*parameter 'fc1"):
            to_bytes(network, bad)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    network, file = named("mlp", (4,), 2, width=3), tmp_path / "net.sarto"
    file.write_bytes(b"before")
    with pytest.raises(InputError):
        write(file, network, {})
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]


def sealed(body: bytes) -> bytes:
    """Return a packed container of any body, with its right hash."""
    return MAGIC + hashlib.sha256(body).digest()[:HASH_B] + body


def test_a_network_larger_than_allowed_is_refused_before_it_is_allocated(tmp_path: Path) -> None:
    network = named("mlp", (4,), 2, width=3)
    data, _ = to_bytes(network, tensors(network))
    with pytest.raises(InputError, match=r"E132.*140 B of parameters, and 139 B"):
        from_bytes(data, most_b=139)
    huge = Architecture.from_json(
        {"input_shape": [1 << 30], "nodes": [["a", "linear", ["input"], {"features": 1 << 30}]]}
    )
    out = Packer()
    pack_architecture(out, huge)
    with pytest.raises(InputError, match="E132"):
        from_bytes(sealed(bytes(out.data) + b"\x00"))


def outcomes(data: bytes, good: dict[str, Stored], path: Path | None = None) -> str:
    """Return `same` where the exact network was read, or the code of the error."""
    try:
        if path is None:
            back = from_bytes(data, 1 << 22)
        else:
            path.write_bytes(data)
            back = read(path, 1 << 22)
        return "same" if all(same(good[n], back.tensors[n]) for n in good) else "other"
    except SartoError as error:
        return error.code


@pytest.mark.parametrize("layout", ["packed", "large"])
def test_flipped_bits_and_cut_ends_are_noticed(layout: str, tmp_path: Path) -> None:
    network = named("separable", (1, 8), 3, width=4)
    good = tensors(network)
    data, _ = to_bytes(network, good, packed=layout == "packed")
    path = None if layout == "packed" else tmp_path / "net.sarto"
    assert outcomes(data, good, path) == "same"
    rng = np.random.default_rng(0)
    for _ in range(120):
        bad = bytearray(data)
        bad[rng.integers(len(bad))] ^= 1 << rng.integers(8)
        assert outcomes(bytes(bad), good, path) in ("E131", "E132", "same")
    for cut in rng.integers(0, len(data), 30):
        assert outcomes(data[:cut], good, path) == "E131"
    if layout == "packed":
        assert outcomes(data + b"\0", good) == "E131"


def test_hostile_bytes_with_the_right_hash_are_an_error_or_a_network(tmp_path: Path) -> None:
    network = named("separable", (1, 8), 3, width=4)
    data, _ = to_bytes(network, tensors(network))
    rng, codes = np.random.default_rng(1), set[str]()
    for _ in range(300):
        body = bytearray(data[len(MAGIC) + HASH_B :])
        for _ in range(rng.integers(1, 4)):
            body[rng.integers(min(len(body), 400))] = rng.integers(256)
        try:
            from_bytes(sealed(bytes(body)), 1 << 22).arrays()
        except InputError as error:
            codes.add(error.code)
    assert "E131" in codes
    assert codes <= {"E131", "E132"}


@pytest.mark.parametrize("content", [b"", b"SRT1", b"{}", bytes(64), b"\x08\0\0\0\0\0\0\0{}      "])
def test_what_is_no_container(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "net.sarto"
    file.write_bytes(content)
    with pytest.raises(InputError, match="E131"):
        read(file)
    with pytest.raises(InputError, match="E131"):
        read(tmp_path / "none.sarto")


def test_a_large_file_is_read_tensor_by_tensor(tmp_path: Path) -> None:
    network, file = named("mlp", (4,), 2, width=3), tmp_path / "net.sarto"
    write(file, network, tensors(network), packed=False)
    data: Any = bytearray(file.read_bytes())
    data[-1] ^= 1  # in the last tensor of the file
    file.write_bytes(data)
    back = read(file)
    wrong = [name for name in back.tensors if outcome_of(back, name) != "good"]
    assert len(wrong) == 1


def outcome_of(contents: Contents, name: str) -> str:
    """Return whether a tensor can be read."""
    try:
        contents.tensors[name].restore()
    except InputError as error:
        return error.code
    return "good"


def joined(file: Path, change: Callable[[dict[str, Any], dict[str, Any]], None], sealed_again: bool) -> bytes:
    """Return a large container with its header and description changed, and the hash of the latter right or not."""
    data = file.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    metadata = header["__metadata__"]
    description = json.loads(metadata[KEY])
    change(header, description)
    metadata[KEY] = json.dumps(description, separators=(",", ":"))
    if sealed_again:
        metadata[HASH] = hashlib.sha256(metadata[KEY].encode()).hexdigest()[:16]
    raw = json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + data[8 + size :]


def test_a_large_file_with_another_description_is_refused(tmp_path: Path) -> None:
    """Two strides, an offset: each of them alone would make another network of the very same tensors."""
    network, file = named("separable", (1, 16), 3, width=4), tmp_path / "net.sarto"
    write(file, network, tensors(network), packed=False)

    def changed(header: dict[str, Any], description: dict[str, Any]) -> None:
        description["architecture"]["nodes"][0][3]["stride"] = [2]

    file.write_bytes(joined(file, changed, sealed_again=True))
    assert read(file).architecture != network
    write(file, network, tensors(network), packed=False)
    file.write_bytes(joined(file, changed, sealed_again=False))
    with pytest.raises(InputError, match="its description does not have the hash") as caught:
        read(file)
    assert caught.value.code == "E131"


@pytest.mark.parametrize(
    ("dtype", "width"), [("F8_E4M3", 1), ("BF16", 2), ("I32", 4), ("F64", 8)], ids=lambda v: str(v)
)
def test_tensors_of_other_types_are_refused(dtype: str, width: int, tmp_path: Path) -> None:
    network, file = named("mlp", (4,), 2, width=3), tmp_path / "net.sarto"
    write(file, network, tensors(network), packed=False)

    def changed(header: dict[str, Any], description: dict[str, Any]) -> None:
        first, last = header["fc1.bias"]["data_offsets"]
        header["fc1.bias"] |= {"dtype": dtype, "shape": [(last - first) // width]}

    file.write_bytes(joined(file, changed, sealed_again=True))
    with pytest.raises(InputError, match="E131"):
        read(file).arrays()


def layer(
    features: int | float | bool | tuple[int, ...], word: int, rest: list[int], columns: int = 3
) -> bytes:
    """Return a packed container of one linear layer without bias, of a record `word` and whole numbers, then zeros."""
    out = Packer()
    out.value((columns,))
    out.raw(b"\x01\x00")  # one node, linear
    out.text("a")
    out.whole(0)
    out.whole(3)
    out.value(features)
    out.value(False)
    out.whole(word)
    for number in rest:
        out.whole(number)
    out.raw(bytes(24))
    return sealed(bytes(out.data))


@pytest.mark.parametrize("features", [float("inf"), float("nan"), 1e300, 0.5, (2,), (1,) * 8, -1, 1 << 62])
def test_a_hostile_attribute_is_refused_in_words(features: Any) -> None:
    with pytest.raises(InputError, match="E131"):
        from_bytes(layer(features, 0, []))


def test_a_zero_outside_of_the_alphabet_is_refused() -> None:
    """It once raised an OverflowError of NumPy when the tensor was restored."""
    for zero in (3, 1 << 62):
        with pytest.raises(InputError, match="E131"):
            from_bytes(layer(2, 2, [2, zero, 1]))


def test_sizes_that_cancel_out_are_refused() -> None:
    """A negative dimension once made room under the limit for a tensor of a terabyte."""
    out = Packer()
    out.value((4,))
    out.whole(1)
    out.raw(b"\xff")
    out.text("reshape")
    out.text("a")
    out.whole(0)
    out.whole(1)
    out.value((-2, -2))
    with pytest.raises(InputError, match=r"E131[^$]*at least 1"):
        from_bytes(sealed(bytes(out.data)))


def test_a_small_file_may_not_declare_a_large_network_unless_that_is_allowed() -> None:
    """Of three hundred thousand pruned weights in a row, 26 bytes of file; it would take gigabytes at a gigabyte."""
    data = layer(1, 1, [0], columns=FREE_B // 4 * 2)
    with pytest.raises(InputError, match="E132"):
        from_bytes(data)
    with pytest.raises(InputError, match="E131"):  # its symbols are none, but its size is allowed
        from_bytes(data, 1 << 30)


def test_a_row_is_decoded_in_a_small_multiple_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all its columns as numbers of Python at once it takes 32 times its size."""
    monkeypatch.setattr("sarto.compress.code._sparse.AT_ONCE", 256)
    network = Architecture((1 << 13,), (Node("a", "linear", ("input",), {"features": 1, "bias": False}),))
    symbols = (np.random.default_rng(0).random(1 << 13) < 0.01).astype(np.int64)
    given = {"a.weight": Stored.of_table((1, 1 << 13), symbols, np.array([0, 1], np.float16))}
    data, _ = to_bytes(network, given, "context")
    tracemalloc.start()
    try:
        from_bytes(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 26 * 4 * (1 << 13)
