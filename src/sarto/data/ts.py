r"""Reads `.ts` files, the format of the UCR and UEA archives of time series classification.

After a header of `@tag value` lines (capitals in tags do not matter) and `@data`, each line is one item: its channels,
separated by `:`, each a list of numbers separated by `,`, and after the last `:` its class:

    @problemName toy
    @univariate false
    @dimensions 2
    @equalLength false
    @classLabel true sit walk
    @data
    1.0,2.0,3.0 : -4,5e-1,6 : walk

`#` or `%` starts a comment line, `?` stands for a missing value. With `@targetLabel true` each line ends
in a number to be predicted instead. Files with time stamps are refused.

Source: A. Bagnall et al., "The UEA multivariate time series classification archive, 2018", arXiv:1811.00075.

>>> import pathlib, tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     file = pathlib.Path(folder, "toy.ts")
...     _ = file.write_text("@univariate false\n@classLabel true sit walk\n@data\n1,2,3:-4,.5,6e1:walk\n7:8:sit\n")
...     data = read_ts((file,)).data
>>> data.values.T.tolist(), data.lengths.tolist(), data.target.tolist(), data.classes
([[1.0, 2.0, 3.0, 7.0], [-4.0, 0.5, 60.0, 8.0]], [3, 1], [1, 0], ('sit', 'walk'))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.contents import Contents
from sarto.data.goal import CLASSES, Goal
from sarto.data.number import read_number
from sarto.data.source import unreadable

FLAGS = ("timestamps", "missing", "univariate", "equallength", "targetlabel")
COMMENTS = ("#", "%")
COUNTS = ("dimensions", "serieslength")


@dataclass(frozen=True)
class Header:
    """What stands above `@data`; None for what is not said.

    Attributes:
        classes: the class names, in the order of the header.
        channels: their number.
        steps: the length of every item.
        equal_length: whether all items have the same length.
        data_line: number of the `@data` line, counted from 1.
    """

    classes: tuple[str, ...]
    channels: int | None
    steps: int | None
    equal_length: bool
    data_line: int


def read_ts(files: tuple[Path, ...], goal: Goal = CLASSES) -> Contents:
    """Return the items of one file, or of a training and a test file with that split.

    Args:
        files: one or two.
        goal: what is to be learned.

    Raises:
        SartoError: E103 not such a file, or one without classes (or numbers, if those are wanted) or with time stamps;
            E104 no items; E108 a line that disagrees with the header or with the lines above it. Missing values come
            back as NaN.
    """
    texts = [_lines(file) for file in files]
    headers = [read_header(lines, file, goal) for lines, file in zip(texts, files, strict=True)]
    found = [list(_items(lines, head, file)) for lines, head, file in zip(texts, headers, files, strict=True)]
    counts = [items[0][1].shape[1] for items in found]
    if len(set(counts)) > 1:
        cause = ", ".join(f"{file.name} has {count}" for file, count in zip(files, counts, strict=True))
        raise SartoError(
            "E108", "the files differ in their number of channels", cause=cause, hint="are they one data set?"
        )
    classes = tuple(dict.fromkeys(name for header in headers for name in header.classes))
    values = [item for items in found for _, item, _ in items]

    def place(item: int, step: int, channel: int) -> str:
        which, number = (0, item) if item < len(found[0]) else (1, item - len(found[0]))
        line = found[which][number][0]
        text, column = _token(texts[which][line - 1], step, channel)
        where = f"{files[which].name}, line {line}, column {column}"
        return f"{where}: '{text}' (item {number}, step {step}, channel {channel}, counted from 0)"

    data = Dataset(
        name=files[0].stem,
        values=np.concatenate(values),
        offsets=np.concatenate([[0], np.cumsum([len(item) for item in values])]),
        target=np.array(
            [0 if goal.numeric else classes.index(label) for items in found for _, _, label in items]
        ),
        classes=classes,
        channels=tuple(f"channel_{i}" for i in range(counts[0])),
        split=np.repeat(["train", "test"], [len(items) for items in found]) if len(files) == 2 else None,
        goals=np.array([[float(label)] for items in found for _, _, label in items])
        if goal.numeric
        else None,
        outputs=("target",) if goal.numeric else (),
        output_units=("",) if goal.numeric else (),
    )
    return Contents(data, "target" if goal.numeric else "class", {}, place)


def read_header(lines: list[str], file: Path, goal: Goal) -> Header:
    """Return the header of a file that holds what is to be learned.

    Raises:
        SartoError: E103 a tag that is unknown, has a wrong value, or rules the file out; no `@data`.
    """
    flags: dict[str, bool] = {}
    counts: dict[str, int] = {}
    classes: tuple[str, ...] = ()
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or line.startswith(COMMENTS):
            continue
        tag, values = words[0].lower().removeprefix("@"), words[1:]
        if not words[0].startswith("@"):
            raise unreadable(
                file,
                f"line {number} should start with a tag, such as @problemName, and starts '{words[0][:20]}'",
            )
        if tag == "data":
            return _header(flags, counts, classes, number, file, goal)
        flag = {"true": True, "false": False}.get(values[0].lower()) if values else None
        if tag == "classlabel" and flag is not None:
            flags[tag], classes = flag, tuple(values[1:])
        elif tag in FLAGS and flag is not None:
            flags[tag] = flag
        elif tag in COUNTS and values and values[0].isdecimal():
            counts[tag] = int(values[0])
        elif tag != "problemname":
            known = tag in (*FLAGS, *COUNTS, "classlabel")
            raise unreadable(
                file, f"line {number}, '{' '.join(words)[:60]}', is no {'valid' if known else 'known'} tag"
            )
    raise unreadable(file, "it has no @data line")


def _header(
    flags: dict[str, bool],
    counts: dict[str, int],
    classes: tuple[str, ...],
    number: int,
    file: Path,
    goal: Goal,
) -> Header:
    if flags.get("timestamps"):
        raise unreadable(file, "its values carry time stamps (@timeStamps true)")
    if goal.numeric and not flags.get("targetlabel"):
        raise unreadable(file, "it has no @targetLabel true, so there are no numbers to predict")
    if not goal.numeric and (not flags.get("classlabel") or not classes):
        if flags.get("targetlabel"):
            raise unreadable(
                file, "it has numbers to predict (@targetLabel true): choose the task regression"
            )
        raise unreadable(file, "it has no @classLabel true with class names, so there are no classes")
    channels = counts.get("dimensions", 1 if flags.get("univariate") else None)
    return Header(classes, channels, counts.get("serieslength"), flags.get("equallength", False), number)


def _lines(file: Path) -> list[str]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise unreadable(file, str(error.strerror)) from error
    if b"\0" in content or not content.strip():
        raise unreadable(file, "it is not text" if content.strip() else "it is empty")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _items(
    lines: list[str], header: Header, file: Path
) -> Iterator[tuple[int, Float[np.ndarray, "step channel"], str]]:
    """Yield line number, values and class of each item."""
    wanted: tuple[int | None, int | None] = (header.steps if header.equal_length else None, header.channels)
    empty = True
    for number, line in enumerate(lines[header.data_line :], header.data_line + 1):
        if not line.strip() or line.startswith(COMMENTS):
            continue
        place = f"{file.name}, line {number}"
        values, label = _item(line, header, place)
        for name, count, known in zip(("steps", "channels"), values.shape, wanted, strict=True):
            if known not in (None, count):
                cause = f"the header, or the first item, says {known}"
                hint = (
                    "correct the header; items of unequal length need @equalLength false"
                    if name == "steps"
                    else ""
                )
                raise SartoError(
                    "E108", f"{place} has {count} {name}", cause=cause, hint=hint or "is the line whole?"
                )
        wanted = (len(values) if header.equal_length else None, values.shape[1])
        empty = False
        yield number, values, label
    if empty:
        cause = f"nothing follows @data in line {header.data_line}"
        raise SartoError("E104", f"'{file.name}' holds no item", cause=cause, hint="check what wrote it")


def _item(line: str, header: Header, place: str) -> tuple[Float[np.ndarray, "step channel"], str]:
    """Return the values and the class of one line."""
    *parts, label = line.split(":")
    label = label.strip()
    number = None if header.classes else read_number(label)
    if not header.classes and (not parts or number is None or not np.isfinite(number)):
        cause = f"it ends in '{label[-20:]}'"
        raise SartoError("E108", f"{place} does not end in a number", cause=cause, hint="is the line whole?")
    if header.classes and (not parts or label not in header.classes):
        cause = f"it ends in '{label[-20:]}', and the classes are {', '.join(header.classes)}"
        raise SartoError("E108", f"{place} does not end in a class", cause=cause, hint="is the line whole?")
    try:
        channels = [[float(token) for token in part.split(",")] for part in parts]
        plain = not any("_" in part for part in parts)  # float reads 1_000 as Python does
    except ValueError:
        channels, plain = [], False
    channels = channels if plain else _numbers(line, place)
    lengths = [len(channel) for channel in channels]
    if len(set(lengths)) > 1:
        cause = f"channels 0 to {len(lengths) - 1} have {', '.join(map(str, lengths))} steps"
        raise SartoError(
            "E108", f"{place} has channels of unequal length", cause=cause, hint="cut them to one length"
        )
    return np.array(channels).T, label


def _numbers(line: str, place: str) -> list[list[float]]:
    """Return the values of a line in which some are missing; a token that is neither is an error."""
    channels: list[list[float]] = []
    for channel, part in enumerate(line.split(":")[:-1]):
        channels.append([])
        for step, token in enumerate(part.split(",")):
            number = read_number(token)
            if number is None:
                text, column = _token(line, step, channel)
                message = f"{place}, column {column}: '{text[:20]}' is not a number"
                raise SartoError(
                    "E103", message, cause="values are decimal numbers, or ? where missing", hint="correct it"
                )
            channels[-1].append(number)
    return channels


def _token(line: str, step: int, channel: int) -> tuple[str, int]:
    """Return the text of a value in its line and its column, counted from 1."""
    parts = line.split(":")
    tokens = parts[channel].split(",")
    before = sum(len(part) + 1 for part in parts[:channel]) + sum(len(token) + 1 for token in tokens[:step])
    text = tokens[step]
    return text.strip(), before + len(text) - len(text.lstrip()) + 1
