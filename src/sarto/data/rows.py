"""Arrays of sequences as one array of rows and the offsets of its items.

>>> import numpy as np
>>> values, offsets = rows_of(np.zeros((3, 4, 2), np.float16), None, "x")
>>> values.shape, values.dtype, offsets.tolist()
((12, 2), dtype('float32'), [0, 4, 8, 12])
>>> rows_of(np.arange(5, dtype=np.int16), np.array([0, 2, 5]), "audio")[0].shape
(5, 1)
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, Num, Shaped

from sarto.core.errors import SartoError


def rows_of(
    array: Shaped[np.ndarray, "..."], offsets: Shaped[np.ndarray, "..."] | None, name: str
) -> tuple[Num[np.ndarray, "row channel"], Int[np.ndarray, " item_plus_1"]]:
    """Return every step of every item, concatenated, and the offsets of the items.

    Args:
        array: (item, step, channel) or (item, step); with offsets (row, channel) or (row,).
        offsets: item i is rows `offsets[i]` to `offsets[i + 1]`; None when all items have the same length.
        name: what the file calls the array.

    Raises:
        SartoError: E103 not real numbers; E104 no items, steps or channels; E108 a shape or offsets that do not fit.
    """
    values = _numbers(array, name)
    wanted = (2, 3) if offsets is None else (1, 2)
    if values.ndim not in wanted:
        meaning = (
            "(item, step, channel) or (item, step)"
            if offsets is None
            else "(row, channel) or (row,) beside offsets"
        )
        hint = (
            "add 'offsets', where item i is x[offsets[i]:offsets[i + 1]]"
            if offsets is None
            else "leave 'offsets' out"
        )
        raise SartoError(
            "E108",
            f"'{name}' has shape {values.shape}",
            cause=f"{meaning} is needed",
            hint=hint if values.ndim else "",
        )
    if 0 in values.shape:
        raise SartoError(
            "E104", f"'{name}' is empty", cause=f"its shape is {values.shape}", hint="check what wrote it"
        )
    if offsets is not None:
        _check_offsets(offsets, len(values), name)
        return values.reshape(len(values), -1), offsets.astype(np.int64)
    items, steps = values.shape[:2]
    return values.reshape(items * steps, -1), np.arange(0, items * steps + 1, steps, dtype=np.int64)


def _numbers(array: Shaped[np.ndarray, "..."], name: str) -> Num[np.ndarray, "..."]:
    """Return integers as they are, truth values as 0 and 1, floats as float32 or float64; in native byte order."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind not in "biuf":
        hint = "store integers or floating-point numbers"
        raise SartoError(
            "E103", f"'{name}' does not hold numbers", cause=f"its type is {array.dtype}", hint=hint
        )
    if kind == "b":
        return array.astype(np.uint8)
    if kind == "f" and size not in (4, 8):
        return array.astype(np.float32 if size < 4 else np.float64)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _check_offsets(offsets: Shaped[np.ndarray, "..."], rows: int, name: str) -> None:
    hint = "offsets are the items' first rows and then the number of rows: 0, ..., len(x)"
    if offsets.ndim != 1 or offsets.dtype.kind not in "iu":
        cause = f"they are {offsets.dtype} of shape {offsets.shape}"
        raise SartoError("E108", "the offsets are not a list of whole numbers", cause=cause, hint=hint)
    if len(offsets) < 2:
        raise SartoError(
            "E104", f"'{name}' holds no item", cause=f"there are {len(offsets)} offsets", hint=hint
        )
    if offsets[0] != 0 or offsets[-1] != rows:
        cause = f"they run from {offsets[0]} to {offsets[-1]}, and '{name}' has {rows} rows"
        raise SartoError("E108", "the offsets do not cover the rows", cause=cause, hint=hint)
    later, earlier = offsets[1:], offsets[:-1]
    falling = np.flatnonzero(later < earlier)
    if len(falling):
        cause = f"item {falling[0]} would run from row {earlier[falling[0]]} to row {later[falling[0]]}"
        raise SartoError("E108", "the offsets fall", cause=cause, hint=hint)
    empty = np.flatnonzero(later == earlier)
    if len(empty):
        more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
        cause = f"it starts and ends at row {earlier[empty[0]]} of '{name}'"
        raise SartoError(
            "E104", f"item {empty[0]}{more} has no steps", cause=cause, hint="remove items without steps"
        )
