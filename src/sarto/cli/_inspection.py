"""What `sarto fit` would see in data, in words: sizes, classes, the split, and what looks wrong.

>>> seen = inspect("BasicMotions", 0, {})
>>> seen.facts["items"], seen.facts["split"], seen.warnings
('80', 'as in the data: 40 to train and validate, 40 to test', [])
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from sarto.core.dataset import Dataset
from sarto.data.checks import extremes
from sarto.data.load import load
from sarto.data.splits import Split, folds, split
from sarto.data.spool import SPAN, let_go
from sarto.measure.deviation import r2
from sarto.search.problem import FOLDS

_FEW = 12
"""Names shown before the rest is counted: about a line of them."""


@dataclass(frozen=True)
class Inspection:
    """What was seen: the data, named facts, a row for each class or number under the names `parts`, and warnings."""

    data: Dataset
    facts: dict[str, str]
    what: str
    parts: tuple[str, ...]
    rows: list[tuple[str, ...]]
    warnings: list[str]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        named = {row[0]: dict(zip(self.parts, map(json.loads, row[1:]), strict=True)) for row in self.rows}
        return {
            "facts": self.facts,
            "classes" if self.what == "class" else "numbers": named,
            "warnings": self.warnings,
        }


def inspect(source: str, seed: int, chosen: dict[str, Any]) -> Inspection:
    """Return what is in `source`.

    Args:
        source: as for `sarto fit`.
        seed: of the split.
        chosen: `group`, `target`, `channels`, `where` of `sarto.data.load.load`.

    Raises:
        SartoError: as `load`, `split` and `folds`, for data that cannot be learned from.
    """
    data = load(source, **chosen)
    parts = split(data, seed)
    folds(data, parts.train, FOLDS, seed)
    lengths = data.lengths
    spread = f"{lengths.min()} to {lengths.max()} steps, half of them at most {np.median(lengths):g}"
    facts = {
        "source": data.source,
        "items": f"{len(data)}",
        "channels": f"{len(data.channels)}: {_some(data.channels)}",
        "values": f"{data.values.dtype}" + (", raw sensor words" if data.values.dtype.kind in "iu" else ""),
        "lengths": f"all {lengths[0]} steps" if len(set(lengths.tolist())) == 1 else spread,
        "rate": f"{data.rate_hz:g} Hz" if data.rate_hz else "not stated",
        "columns": _some(tuple(data.metadata)) or "none",
        "groups": "none" if data.groups is None else f"{len(np.unique(data.groups))} by {data.group_name}",
        "split": f"{parts.how}: {len(parts.train)} to train and validate, {len(parts.test)} to test",
    }
    if data.goals is not None:
        facts["to beat"] = "R2 of 0 by always saying the mean"
        if data.last is not None:
            facts["to beat"] += f", and of {r2(data.goals, data.last):.3g} by saying that nothing changes"
        columns = ("least", "median", "most", "standard deviation")
        values = [*np.quantile(data.goals, (0, 0.5, 1), axis=0), data.goals.std(axis=0)]
        rows = [(name, *(f"{v[i]:.6g}" for v in values)) for i, name in enumerate(data.outputs)]
        return Inspection(data, facts, "number", columns, rows, _warnings(data, parts))
    counts = np.bincount(data.target)
    facts["to beat"] = (
        f"{100 * counts.max() / len(data):.3g} % right by always saying '{data.classes[counts.argmax()]}'"
    )
    columns = {"items": counts}
    columns |= {
        n: np.bincount(data.target[i], minlength=len(counts))
        for n, i in (("train", parts.train), ("test", parts.test))
    }
    if data.groups is not None:
        columns[f"{data.group_name}s"] = np.array(
            [len(np.unique(data.groups[data.target == c])) for c in range(len(counts))]
        )
    rows = [(name, *(str(column[c]) for column in columns.values())) for c, name in enumerate(data.classes)]
    return Inspection(data, facts, "class", tuple(columns), rows, _warnings(data, parts))


def _warnings(data: Dataset, parts: Split) -> list[str]:
    return [
        *data.remarks,
        *_rare_classes(data, parts),
        *_long_items(data),
        *_still_channels(data),
        *_twins(data, parts),
    ]


def _rare_classes(data: Dataset, parts: Split) -> list[str]:
    """Warn of classes that some fold of the validation cannot hold."""
    owners, what = (
        (np.arange(len(data)), "training items")
        if data.groups is None
        else (data.groups, f"training {data.group_name}s")
    )
    found: list[str] = []
    for index, name in enumerate(data.classes):
        number = len(np.unique(owners[parts.train][data.target[parts.train] == index]))
        if number < FOLDS:
            found.append(f"class '{name}' has {number} {what}, fewer than the {FOLDS} folds of validation")
    return found


def _long_items(data: Dataset) -> list[str]:
    """Warn of items beyond Tukey's outer fence, the third quartile + 3 times the distance of the quartiles.

    Source: Tukey, Exploratory Data Analysis, 1977, section 2E.
    """
    first, third = np.quantile(data.lengths, (0.25, 0.75))
    fence = third + 3 * (third - first)
    far = int((data.lengths > fence).sum())
    if not far:
        return []
    return [
        f"{far} of {len(data)} items are much longer than the rest, over {fence:g}, up to {data.lengths.max()} steps: "
        "cut them into windows if what is looked for is short"
    ]


def _still_channels(data: Dataset) -> list[str]:
    """Warn of channels that do not move at all within some items: a sensor that hung or was cut off."""
    least, most = extremes(data)
    still = (least == most) & (data.lengths > 1)[:, None]
    return [
        f"channel '{name}' stands still in {count} of {len(data)} items"
        for name, count in zip(data.channels, still.sum(axis=0), strict=True)
        if count
    ]


def _twins(data: Dataset, parts: Split) -> list[str]:
    """Warn of test items that are copies of training items."""
    known = set(_digests(data, parts.train))
    copies = sum(digest in known for digest in _digests(data, parts.test))
    return [f"{copies} test items are copies of training items: the test will flatter"] if copies else []


def _digests(data: Dataset, items: Int[np.ndarray, " item"]) -> Iterator[bytes]:
    read = 0
    for item in items.tolist():
        values = np.ascontiguousarray(data.item(item))
        yield hashlib.blake2b(values.data, digest_size=16).digest()
        read += len(values)
        if read > SPAN:
            let_go(data.values)
            read = 0


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + more
