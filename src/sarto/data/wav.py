"""Reads WAV files into columns: one for each channel, one row for each sample, as raw numbers.

Samples of 8 bits are unsigned (0 to 255), those of 16, 24 and 32 bits signed, as in the files; floats are float32 or
float64. All files have the same rate, channels and type.

Source: SciPy's reader, `scipy.io.wavfile`.

>>> import pathlib, tempfile, wave
>>> with tempfile.TemporaryDirectory() as folder:
...     file = pathlib.Path(folder, "a.wav")
...     with wave.open(str(file), "wb") as out:
...         out.setparams((1, 2, 8000, 3, "NONE", ""))
...         out.writeframes(np.array([5, -6, 7], "<i2").tobytes())
...     table = read_wav([file], ["a.wav"])
>>> table.columns["channel_0"].tolist(), table.rate_hz, table.row(2)
([5, -6, 7], 8000.0, 'a.wav, sample 3')
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import Num
from scipy.io import wavfile

from sarto.core.errors import SartoError
from sarto.data.columns import ColumnTable, Placing, called
from sarto.data.source import unreadable
from sarto.data.spool import Part, Spool


def read_wav(files: Sequence[Path], titles: Sequence[str]) -> ColumnTable:
    """Return the samples of `files`, one after the other.

    Args:
        files: at least one.
        titles: how they are called, for a person.

    Raises:
        SartoError: E103 not such a file, or one that ends too early; E104 one without samples; E108 files that differ
            in rate, channels or type.
    """
    placing = Placing("sample")
    form = ""
    parts: list[list[Part]] = []
    with Spool() as spool:
        for file, title in zip(files, titles, strict=True):
            rate_hz, samples = _read(file, title)
            found = f"{rate_hz} Hz, {samples.shape[1]} channel{'s' * (samples.shape[1] > 1)}, {samples.dtype}"
            if form not in ("", found):
                cause = f"'{titles[0]}' has {form}, and '{title}' has {found}"
                message = "the recordings differ in rate, channels or type"
                raise SartoError("E108", message, cause=cause, hint="resample or convert them to one form")
            form = found
            placing.begin(title)
            placing.add(np.arange(1, len(samples) + 1))
            parts.append([spool.put(samples[:, i]) for i in range(samples.shape[1])])
        columns = {
            f"channel_{i}": spool.joined(channel) for i, channel in enumerate(zip(*parts, strict=True))
        }
    return ColumnTable(called(titles), dict(columns), {}, placing.places(), rate_hz=float(form.split()[0]))


def _read(file: Path, title: str) -> tuple[int, Num[np.ndarray, "sample channel"]]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            read: tuple[int, Any] = cast("Any", wavfile).read(file)
        except Exception as error:  # whatever a damaged header makes of the reader
            cause = str(getattr(error, "strerror", None) or error) or type(error).__name__
            raise unreadable(title, f"it is no WAV file that can be read: {cause}") from error
    rate_hz, samples = read
    early = [str(w.message) for w in said if "EOF" in str(w.message)]
    if early:
        raise unreadable(title, f"it ends too early ({early[0]})")
    if not len(samples):
        raise SartoError("E104", f"'{title}' has no samples", cause="its length is 0", hint="remove the file")
    if not rate_hz > 0:
        raise unreadable(title, f"its sampling rate is {rate_hz} Hz")
    if samples.dtype == np.int32:
        samples = samples >> (32 - _bits(file))  # the reader puts 24 bits into the upper three bytes
    return int(rate_hz), samples.reshape(len(samples), -1)


def _bits(file: Path) -> int:
    """Return the bits of a sample, as the header of a file that could be read says them."""
    with file.open("rb") as stream:
        order = "big" if stream.read(12).startswith(b"RIFX") else "little"
        while len(head := stream.read(8)) == 8:
            size = int.from_bytes(head[4:], order)
            if head[:4] == b"fmt ":
                return int.from_bytes(stream.read(16)[14:16], order)
            stream.seek(size + size % 2, 1)
    return 32
