"""Reads a `.npz` file of sequences.

Arrays are known by their names (capitals do not matter; the first that is there counts):

| role | names | shape |
|---|---|---|
| sequences | `x`, `values`, `data`, `signal`, `audio` | (item, step, channel) or (item, step) |
| the same beside offsets | | (row, channel) or (row,) |
| offsets | `offsets`, `off` | (item + 1,): item i is `x[offsets[i]:offsets[i + 1]]` |
| classes | `y`, `label`, `labels`, `target` | (item,) whole numbers or texts |
| class names | `label_names`, `class_names`, `classes` | (class,), which whole numbers in `y` index |
| channel names | `channels`, `channel_names` | (channel,) |
| units | `units` | (channel,) |
| sampling rate in Hz | `rate_hz`, `sample_rate`, `sampling_rate`, `fs` | one number |
| split | `split` | (item,) of the texts `train` and `test` |
| metadata | any other | (item,); whole numbers index `NAME_names` where there is such an array |

Data with a split of their own may also come as two halves: `x_train`, `y_train`, `off_train`, ... and `x_test`, ...
A file with several data sets prefixes each name, as in `ecg200_x_train`; `FILE.npz#ecg200` chooses one. Integers stay
the integers that the sensor gave, half precision becomes single. Nothing is ever unpickled.

>>> import numpy as np, tempfile, pathlib
>>> with tempfile.TemporaryDirectory() as folder:
...     file = pathlib.Path(folder, "toy.npz")
...     arrays = dict(x=np.arange(10).reshape(5, 2), offsets=[0, 2, 5], y=["a", "b"])
...     np.savez(file, **arrays, subject=[1, 0], subject_names=["s", "t"])
...     data = read_npz(file, "").data
>>> data.lengths.tolist(), data.classes, data.metadata["subject"].tolist()
([2, 3], ('a', 'b'), ['t', 's'])
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, Num, Shaped

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.contents import Contents, class_codes, named, plain
from sarto.data.goal import CLASSES, Goal
from sarto.data.rows import rows_of
from sarto.data.source import unreadable

Array = Shaped[np.ndarray, "..."]
VALUES = ("x", "values", "data", "signal", "audio")
OFFSETS = ("offsets", "off")
LABELS = ("y", "label", "labels", "target")
CLASS_NAMES = ("label_names", "class_names", "classes")
CHANNELS = ("channels", "channel_names")
UNITS = ("units",)
RATES = ("rate_hz", "sample_rate", "sampling_rate", "fs")


@dataclass(frozen=True)
class _Part:
    """Items that are stored together: all of them, or the training or test half; `key` is the name of their array."""

    key: str
    values: Num[np.ndarray, "row channel"]
    offsets: Int[np.ndarray, " item_plus_1"]
    columns: dict[str, Shaped[np.ndarray, " item"]]

    def __len__(self) -> int:
        return len(self.offsets) - 1


def read_npz(file: Path, prefix: str, goal: Goal = CLASSES) -> Contents:
    """Return the sequences in `file`.

    Args:
        file: the `.npz`.
        prefix: of a file with several data sets, the one to take; else empty.
        goal: what is to be learned, and the column that holds it, if not the usual one.

    Raises:
        SartoError: E102 the data set is not there, or none was chosen; E103 not an `.npz` of labelled sequences; E104
            no items; E105 a label is missing; E108 arrays that disagree; E112 there is no column `target`.
    """
    arrays = _choose(_arrays(file), prefix, file)
    parts = _parts(arrays, file)
    split = np.repeat(["train", "test"], [len(part) for part in parts]) if len(parts) == 2 else None
    columns = {
        name: np.concatenate([plain(part.columns[name]) for part in parts])
        for name in parts[0].columns
        if all(name in part.columns for part in parts)
    }
    marks = columns.get("split")
    if split is None and marks is not None and set(marks.tolist()) == {"train", "test"}:
        split = columns.pop("split")
    names = tuple(_label_name(arrays, parts, columns, target, file) for target in goal.targets or (None,))
    found = [columns.pop(name) for name in names]
    goals = (
        np.stack([_goals(values, name) for values, name in zip(found, names, strict=True)], axis=1)
        if goal.numeric
        else None
    )
    codes, classes = (
        (np.zeros(len(found[0]), np.int64), tuple[str, ...]())
        if goal.numeric
        else class_codes(found[0], _class_names(arrays, names[0]), names[0])
    )
    channels = _texts(arrays, CHANNELS, parts) or tuple(
        f"channel_{i}" for i in range(parts[0].values.shape[1])
    )
    rate = arrays.get(_key(arrays, RATES) or "")
    data = Dataset(
        name=prefix or file.stem,
        values=np.concatenate([part.values for part in parts]) if len(parts) > 1 else parts[0].values,
        offsets=np.concatenate([[0], np.cumsum(np.concatenate([np.diff(part.offsets) for part in parts]))]),
        target=codes,
        classes=classes,
        channels=channels,
        metadata={name: _decoded(arrays, name, column) for name, column in columns.items()},
        split=split,
        rate_hz=float(rate) if rate is not None and rate.ndim == 0 and rate.dtype.kind in "iuf" else None,
        units=_texts(arrays, UNITS, parts),
        goals=goals,
        outputs=names if goal.numeric else (),
        output_units=("",) * len(names) if goal.numeric else (),
    )

    def place(item: int, step: int, channel: int) -> str:
        part, number = (parts[0], item) if item < len(parts[0]) else (parts[1], item - len(parts[0]))
        return f"'{part.key}', item {number}, step {step}, channel {channels[channel]} (counted from 0)"

    bare = {name.removesuffix("_train").removesuffix("_test"): array for name, array in arrays.items()}
    unused = {
        name: str(array.shape)
        for name, array in bare.items()
        if name not in (*names, "split", *data.metadata)
    }
    return Contents(data, names[0], unused, place)


def _arrays(file: Path) -> dict[str, Array]:
    """Return every array of a `.npz`, without unpickling anything."""
    damage = (ValueError, EOFError, OSError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error)
    try:
        with file.open("rb") as stream:
            start = stream.read(6)
            if start == b"\x93NUMPY":
                raise unreadable(
                    file, "it is a single array (.npy) under another name; save it with numpy.savez"
                )
            if not zipfile.is_zipfile(stream):
                cut = (
                    "it is a zip that was cut off" if start[:2] == b"PK" else "it is no zip, as every .npz is"
                )
                raise unreadable(file, cut if start else "it has no bytes")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as archive:
                found: dict[str, object] = {name: archive[name] for name in archive.files}
    except damage as error:
        pickled = "it holds Python objects (a pickle), which may run code and are never loaded"
        raise unreadable(file, pickled if "allow_pickle" in str(error) else str(error)) from error
    arrays: dict[str, Array] = {name: array for name, array in found.items() if isinstance(array, np.ndarray)}
    if not arrays:
        raise unreadable(file, "it is a zip without arrays")
    return arrays


def _choose(arrays: dict[str, Array], prefix: str, file: Path) -> dict[str, Array]:
    """Return the arrays of the data set `prefix`, by their names without it."""
    if not prefix and (_key(arrays, VALUES) or _key(arrays, VALUES, "_train")):
        return arrays
    ends = tuple(f"_{name}{half}" for name in VALUES for half in ("", "_train"))
    sets = sorted({name[: -len(end)] for name in arrays for end in ends if name.lower().endswith(end)})
    if prefix in sets:
        return {
            name.removeprefix(f"{prefix}_"): a for name, a in arrays.items() if name.startswith(f"{prefix}_")
        }
    if not sets and not prefix:
        held = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise unreadable(
            file, f"there is no array of sequences, named {' or '.join(VALUES)}; it holds {held}"
        )
    what = f"has no data set '{prefix}'" if prefix else "holds several data sets"
    cause = f"there are {', '.join(sets)}" if sets else "its arrays have no prefixes"
    hint = f"choose one, as in {file.name}#{sets[0]}" if sets else f"give {file.name} alone"
    raise SartoError("E102", f"'{file.name}' {what}", cause=cause, hint=hint)


def _parts(arrays: dict[str, Array], file: Path) -> list[_Part]:
    """Return the items: in one part, or as the training and the test half."""
    parts: list[_Part] = []
    for half in [""] if _key(arrays, VALUES) else ["_train", "_test"]:
        key, offsets_key = _key(arrays, VALUES, half), _key(arrays, OFFSETS, half)
        if key is None:
            raise unreadable(file, f"there is '{_key(arrays, VALUES, '_train')}' but no 'x{half}'")
        values, offsets = rows_of(arrays[key], arrays[offsets_key] if offsets_key else None, key)
        lists = (*CLASS_NAMES, *CHANNELS, *UNITS)
        columns = {
            name.removesuffix(half): array
            for name, array in arrays.items()
            if name.endswith(half)
            and name not in (key, offsets_key)
            and not name.endswith("_names")
            and name.lower() not in lists
            and array.shape == (len(offsets) - 1,)
        }
        parts.append(_Part(key, values, offsets, columns))
    counts = {part.key: part.values.shape[1] for part in parts}
    if len(set(counts.values())) > 1:
        cause = ", ".join(f"'{key}' has {count}" for key, count in counts.items())
        raise SartoError(
            "E108", "the halves differ in their number of channels", cause=cause, hint="save the same ones"
        )
    return parts


def _label_name(
    arrays: dict[str, Array], parts: list[_Part], columns: Mapping[str, Array], target: str | None, file: Path
) -> str:
    """Return the name of the column that holds the classes."""
    usual = next((name for alias in LABELS for name in columns if name.lower() == alias), None)
    if (target or usual) in columns:
        return str(target or usual)
    if target:
        known = (
            f"the columns are {', '.join(columns)}"
            if columns
            else "there are no columns with one entry per item"
        )
        raise SartoError(
            "E112", f"there is no column '{target}'", cause=known, hint="name one of them as the target"
        )
    for part, half in zip(parts, [""] if len(parts) == 1 else ["_train", "_test"], strict=True):
        key = _key(arrays, LABELS, half)
        if key and arrays[key].shape != (len(part),):
            shape, steps = arrays[key].shape, len(part.values)
            cause = "there is one label per step" if shape == (steps,) else f"its shape is {shape}"
            hint = (
                "cut the streams into windows with one label each"
                if shape == (steps,)
                else "store one label per item"
            )
            raise SartoError(
                "E108", f"'{key}' has no label for each of the {len(part)} items", cause=cause, hint=hint
            )
    raise unreadable(
        file, f"there are no classes, named {' or '.join(LABELS)}; only labelled data can be learned from"
    )


def _goals(values: Array, name: str) -> Float[np.ndarray, " item"]:
    """Return numbers to be predicted, one per item."""
    if values.dtype.kind not in "iuf":
        hint = "name an array of numbers as the target, or leave the task out for classes"
        raise SartoError(
            "E103", f"'{name}' does not hold numbers", cause=f"its type is {values.dtype}", hint=hint
        )
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        item = int(np.argmin(np.isfinite(numbers)))
        cause = f"{name}[{item}] is {numbers[item]}"
        raise SartoError("E105", f"item {item} has no number", cause=cause, hint="remove it")
    return numbers


def _class_names(arrays: dict[str, Array], label_name: str) -> Array | None:
    usual = CLASS_NAMES if label_name.lower() in LABELS else ()
    key = _key(arrays, (f"{label_name.lower()}_names", *usual))
    return arrays[key] if key and arrays[key].ndim == 1 else None


def _decoded(arrays: dict[str, Array], name: str, column: Array) -> Array:
    names = arrays.get(f"{name}_names")
    return column if names is None or names.ndim != 1 else named(column, names, name)


def _texts(arrays: dict[str, Array], role: tuple[str, ...], parts: list[_Part]) -> tuple[str, ...]:
    """Return one text per channel, or none if the file has no such array."""
    key = _key(arrays, role)
    if key is None:
        return ()
    count = parts[0].values.shape[1]
    if arrays[key].shape != (count,):
        cause = (
            f"its shape is {arrays[key].shape}, and '{parts[0].key}' has shape {arrays[parts[0].key].shape}"
        )
        hint = "sequences are stored as (item, step, channel), and flat as (row, channel)"
        raise SartoError("E108", f"'{key}' does not name the {count} channels", cause=cause, hint=hint)
    return tuple(str(text) for text in plain(arrays[key]))


def _key(arrays: Mapping[str, Array], role: tuple[str, ...], half: str = "") -> str | None:
    """Return the name under which `arrays` has a role: the first alias that is there, whatever its capitals."""
    return next((name for alias in role for name in arrays if name.lower() == alias + half), None)
