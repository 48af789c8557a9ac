"""Whether data can be learned from: no missing values, and a training part with every class and no dead channel.

>>> import numpy as np
>>> from sarto.core.dataset import Dataset
>>> data = Dataset("toy", np.ones((4, 1)), np.array([0, 2, 4]), np.array([0, 1]), ("rest",), ("sit", "walk"))
>>> check_training_part(data, np.array([0, 1]))
Traceback (most recent call last):
...
sarto.core.errors.SartoError: error[E107]: ...
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, Num

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.contents import Place
from sarto.data.spool import spans

TOO_LARGE = 1e30
"""Numbers to be predicted lie below this, so that their squares are numbers too."""


def check_values(data: Dataset, items: Int[np.ndarray, " item"], channels: list[int], place: Place) -> None:
    """Check that every value is finite.

    Args:
        data: the data, as chosen.
        items: which item of the file each item is.
        channels: which channel of the file each channel is.
        place: finds a value of the file.

    Raises:
        SartoError: E105 a value is missing or not finite; its cause says where the first one stands.
    """
    if data.values.dtype.kind != "f":
        return
    lost = 0
    inside: set[int] = set()
    first: tuple[int, int] | None = None
    for span in spans(len(data.values), data.values):
        bad = np.argwhere(~np.isfinite(data.values[span]))
        if len(bad):
            bad[:, 0] += span.start
            inside.update(np.searchsorted(data.offsets, bad[:, 0], side="right").tolist())
            first = first or (int(bad[0, 0]), int(bad[0, 1]))
            lost += len(bad)
    if first is None:
        return
    row, channel = first
    item = min(inside) - 1
    where = place(int(items[item]), row - int(data.offsets[item]), channels[channel])
    kind = "infinite" if np.isinf(data.values[row, channel]) else "missing"
    verb = "is" if lost == 1 else "are"
    message = f"{lost} of {data.values.size} values {verb} missing or infinite, in {len(inside)} of {len(data)} items"
    hint = "fill them in, or leave out those items (where) or channels"
    raise SartoError("E105", message, cause=f"the first, {kind}: {where}", hint=hint)


def check_training_part(data: Dataset, items: Int[np.ndarray, " item"]) -> None:
    """Check that the training items `items` show every class and that no channel is constant in them.

    Raises:
        SartoError: E106 a constant channel; E107 one class only, or a class that occurs only outside the training part.
    """
    if data.goals is not None:
        _check_goals(data, items)
    counts = np.bincount(data.target[items], minlength=len(data.classes))
    if data.goals is None and len(data.classes) < 2:
        cause = f"all {len(data)} items are '{', '.join(data.classes)}'"
        raise SartoError("E107", "there is only one class", cause=cause, hint="add items of another class")
    if not counts.all():
        index = int(np.argmin(counts))
        message = f"class '{data.classes[index]}' has no training item"
        cause = f"all its {int((data.target == index).sum())} items are in the test part"
        hint = "move some to the training part, or leave the class out (where)"
        raise SartoError("E107", message, cause=cause, hint=hint)
    ends = extremes(data)
    least, most = ends[0][items].min(axis=0), ends[1][items].max(axis=0)
    constant = np.flatnonzero(least == most)
    if len(constant):
        names = ", ".join(f"'{data.channels[i]}' = {least[i]:g}" for i in constant[:6])
        more = f" and {len(constant) - 6} more" if len(constant) > 6 else ""
        verb = "is" if len(constant) == 1 else "are"
        message = f"{len(constant)} of {len(data.channels)} channels {verb} constant in the training part"
        hint = (
            "leave them out by naming the channels to use"
            if len(constant) < len(data.channels)
            else "check the recording"
        )
        raise SartoError(
            "E106", message, cause=f"{names}{more}, in all {len(items)} training items", hint=hint
        )


def _check_goals(data: Dataset, items: Int[np.ndarray, " item"]) -> None:
    """Check that every number to be predicted varies in the training part."""
    assert data.goals is not None
    goals = data.goals[items]
    for name, values in zip(data.outputs, goals.T, strict=True):
        if not np.abs(values).max() < TOO_LARGE:
            message = f"'{name}' holds numbers that are too large"
            cause = f"such as {values[np.argmax(np.abs(values))]:g}, and they must lie below {TOO_LARGE:g}"
            raise SartoError("E103", message, cause=cause, hint="give it in another unit")
        if not np.ptp(values) > 0:
            message = f"'{name}' is the same in all {len(items)} training items"
            cause = f"it is {values[0]:g}, and there is nothing to predict"
            raise SartoError("E107", message, cause=cause, hint="add items with other values")


def extremes(data: Dataset) -> tuple[Num[np.ndarray, "item channel"], Num[np.ndarray, "item channel"]]:
    """Return the least and the greatest value of each channel in each item."""
    shape, kind = (len(data), data.values.shape[1]), data.values.dtype
    least = np.full(shape, np.inf if kind.kind == "f" else np.iinfo(kind).max, kind)
    most = np.full(shape, -np.inf if kind.kind == "f" else np.iinfo(kind).min, kind)
    for span in spans(len(data.values), data.values):
        begin, end = np.searchsorted(data.offsets, [span.start, span.stop - 1], side="right") - 1
        starts = np.maximum(data.offsets[begin : end + 1] - span.start, 0)
        part, held = data.values[span], slice(begin, end + 1)
        least[held] = np.minimum(least[held], np.minimum.reduceat(part, starts, axis=0))
        most[held] = np.maximum(most[held], np.maximum.reduceat(part, starts, axis=0))
    return least, most
