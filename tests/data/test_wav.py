"""WAV files: every kind of sample as it is in the file, and each thing that can be wrong with them."""

import struct
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import wavfile as untyped

from sarto.core.errors import SartoError
from sarto.data.columns import ColumnTable, Texts
from sarto.data.load import load
from sarto.data.wav import read_wav

wavfile: Any = untyped


def pcm(file: Path, samples: Any, width: int, channels: int = 1, rate_hz: int = 8000) -> Path:
    """Write whole numbers as samples of `width` bytes."""
    offset = 128 if width == 1 else 0
    frames = b"".join(int(s + offset).to_bytes(width, "little", signed=width > 1) for s in samples)
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as out:
        out.setparams((channels, width, rate_hz, 0, "NONE", ""))
        out.writeframes(frames)
    return file


def columns(table: ColumnTable) -> list[list[float]]:
    return [np.asarray(column).tolist() for column in table.columns.values()]


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_whole_numbers_of_every_width(tmp_path: Path, width: int) -> None:
    largest = 2 ** (8 * width - 1) - 1
    samples = [0, 1, -1, largest, -largest - 1, 256 % largest]
    table = read_wav([pcm(tmp_path / "a.wav", samples, width)], ["a"])
    assert columns(table) == [[s + 128 * (width == 1) for s in samples]]
    assert table.rate_hz == 8000.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_and_channels(tmp_path: Path, dtype: Any) -> None:
    samples = np.array([[0.5, -0.5], [0.25, 1.0], [0.0, -1.0]], dtype)
    wavfile.write(tmp_path / "a.wav", 44100, samples)
    table = read_wav([tmp_path / "a.wav"] * 2, ["a", "b"])
    assert columns(table) == np.concatenate([samples, samples]).T.tolist()
    column = table.columns["channel_0"]
    assert not isinstance(column, Texts)
    assert column.dtype == dtype
    assert table.place(4, "channel_1") == "b, sample 2, column 'channel_1'"


def test_recordings_are_items(tmp_path: Path) -> None:
    for name, samples in {"yes/1": [1, 2, 3], "yes/2": [4, 5], "no/1": [6, 7, 8, 9]}.items():
        pcm(tmp_path / f"{name}.wav", samples, 2)
    data = load(tmp_path)
    assert (data.classes, data.target.tolist(), data.lengths.tolist()) == (
        ("no", "yes"),
        [0, 1, 1],
        [4, 3, 2],
    )
    assert (data.values.dtype, data.rate_hz, data.channels) == (np.int16, 8000.0, ("channel_0",))
    assert data.item(2).ravel().tolist() == [4, 5]
    windows = load(tmp_path, window=2)
    assert windows.lengths.tolist() == [2] * 4
    assert windows.group_name == "file"


def test_two_channels_are_no_two_steps(tmp_path: Path) -> None:
    for name in ("u/1", "v/2"):
        pcm(tmp_path / f"{name}.wav", [1, 2, 3, 4, 5, 6], 2, channels=2)
    data = load(tmp_path)
    assert (data.channels, data.lengths.tolist()) == (("channel_0", "channel_1"), [3, 3])


def damaged(content: bytes, kind: str) -> bytes:
    at = content.index(b"fmt ")
    return {
        "cut": content[:-2],
        "cut header": content[:30],
        "other": b"OggS" + content[4:],
        "empty": b"",
        "no data": content[:36],
        "no channels": content[: at + 10] + struct.pack("<H", 0) + content[at + 12 :],
        "strange bits": content[: at + 22] + struct.pack("<H", 200) + content[at + 24 :],
        "no rate": content[: at + 12] + struct.pack("<I", 0) + content[at + 16 :],
        "compressed": content[: at + 8] + struct.pack("<H", 0x55) + content[at + 10 :],
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "cut",
        "cut header",
        "other",
        "empty",
        "no data",
        "no channels",
        "strange bits",
        "no rate",
        "compressed",
    ],
)
def test_damaged_files_are_named(tmp_path: Path, kind: str) -> None:
    file = pcm(tmp_path / "a.wav", range(20), 2)
    file.write_bytes(damaged(file.read_bytes(), kind))
    with pytest.raises(SartoError) as caught:
        read_wav([file], ["u/a.wav"])
    assert caught.value.code in ("E103", "E104")
    assert "'u/a.wav'" in caught.value.message
    assert caught.value.cause


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"width": 2, "rate_hz": 16000}, "'a' has 8000 Hz, 1 channel, int16, and 'b' has 16000 Hz"),
        ({"width": 2, "channels": 2}, "'b' has 8000 Hz, 2 channels, int16"),
        ({"width": 4}, "'b' has 8000 Hz, 1 channel, int32"),
    ],
)
def test_files_of_different_forms_are_refused(tmp_path: Path, other: dict[str, int], words: str) -> None:
    first = pcm(tmp_path / "a.wav", range(20), 2)
    second = pcm(tmp_path / "b.wav", range(20), **other)
    with pytest.raises(SartoError) as caught:
        read_wav([first, second], ["a", "b"])
    assert caught.value.code == "E108"
    assert words in caught.value.cause


def test_no_samples(tmp_path: Path) -> None:
    with pytest.raises(SartoError) as caught:
        read_wav([pcm(tmp_path / "a.wav", [], 2)], ["a"])
    assert caught.value.code == "E104"


def test_digits_written_as_recordings_come_back(tmp_path: Path, real_data: Path) -> None:
    """Every fifth of 3,000 spoken digits, as WAV files with a table."""
    whole = load(real_data / "fsdd" / "fsdd.npz")
    digits = whole.select(np.arange(0, len(whole), 5))
    lines = ["file,label,speaker"]
    for i in range(len(digits)):
        name = f"{i:04}.wav"
        wavfile.write(tmp_path / name, 8000, digits.item(i).ravel())
        lines.append(f"{name},{digits.classes[digits.target[i]]},{digits.metadata['speaker'][i]}")
    (tmp_path / "digits.csv").write_text("\n".join(lines) + "\n")
    read = load(tmp_path)
    assert read.sha256 == digits.sha256
    assert read.rate_hz == 8000.0


def test_the_bits_are_found_behind_other_chunks(tmp_path: Path) -> None:
    file = pcm(tmp_path / "a.wav", [1, -2, 100_000], 3)
    content = file.read_bytes()
    junk = b"JUNK" + struct.pack("<I", 5002) + b"fmt " * 1250 + b"xy"
    size = struct.pack("<I", len(content) + len(junk) - 8)
    file.write_bytes(content[:4] + size + content[8:12] + junk + content[12:])
    assert columns(read_wav([file], ["a"])) == [[1, -2, 100_000]]
