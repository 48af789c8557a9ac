from __future__ import annotations

import numpy as np
import pytest

from sarto.learn._packing import pack_arrays, unpack_arrays
from sarto.models.input_error import InputError

MAGIC = b"EXAMPLE1"
DATA = pack_arrays(MAGIC, {"b": 1, "a": [2.5, None, "è"]}, [np.arange(6.0).reshape(2, 3), np.array([-0.0])])


def test_the_layout_is_fixed() -> None:
    """A change of these bytes is a new version: files and clients in the field have the old ones."""
    simple = pack_arrays(MAGIC, {"n": 1}, [np.array([1.0])])
    assert (
        simple[:-32].hex() == "4558414d504c4531" + "0100" + "07000000" + b'{"n":1}'.hex() + "000000000000f03f"
    )


def test_what_was_packed_comes_back() -> None:
    header, values = unpack_arrays(MAGIC, DATA)
    assert header == {"a": [2.5, None, "è"], "b": 1}
    assert values.tolist() == [0, 1, 2, 3, 4, 5, 0]
    assert np.signbit(values[-1])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "do not start with EXAMPLE1"),
        (b"PICKLE!!" + DATA[8:], "do not start with EXAMPLE1"),
        (DATA[:20], "do not start with"),
        (DATA[:-1], "SHA-256 does not match"),
        (DATA[:50] + bytes([DATA[50] ^ 1]) + DATA[51:], "SHA-256 does not match"),
        (DATA[:8] + b"\x02\x00" + DATA[10:], "version is 2, this program reads 1"),
    ],
)
def test_foreign_and_damaged_bytes_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(InputError) as caught:
        unpack_arrays(MAGIC, data)
    assert caught.value.code == "E103"
    assert words in caught.value.cause
