"""Which channels, items and group column of a data set are meant.

>>> import numpy as np
>>> matching(("watch_ax", "watch_gx", "phone_ax"), ["watch*"])
[0, 1]
>>> holds({"purity": np.array([0.5, 0.9]), "speaker": np.array(["jackson", "theo"])}, "purity>=0.6").tolist()
[False, True]
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np
from jaxtyping import Bool, Shaped

from sarto.core.errors import SartoError
from sarto.data.contents import Contents

GROUP_NAMES = ("subject", "patient", "speaker", "user", "person", "participant", "site", "sensor", "group")
"""Column names that say which items belong together; the same with `_id`."""
NO_GROUP = "none"
_COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_CONDITION = re.compile(r"\s*([^\s=!<>]+)\s*(==|!=|<=|>=|=|<|>)\s*([^\s=<>].*?)\s*")


def names_a_group(column: str) -> bool:
    """Return whether a column is by its name one that says which items belong together."""
    return column.lower().removesuffix("_id") in GROUP_NAMES


def matching(channels: Sequence[str], patterns: Sequence[str]) -> list[int]:
    """Return the indices of the channels that match any pattern (`*` and `?` as in file names), in their own order.

    Raises:
        SartoError: E112, when a pattern matches no channel.
    """
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in channels):
            hint = _nearest(pattern, channels)
            cause = f"the channels are {', '.join(channels)}"
            raise SartoError(
                "E112", f"no channel matches '{pattern}'", cause=cause, hint=hint or "name one of them"
            )
    return [i for i, name in enumerate(channels) if any(fnmatchcase(name, pattern) for pattern in patterns)]


def holds(columns: Mapping[str, Shaped[np.ndarray, " item"]], condition: str) -> Bool[np.ndarray, " item"]:
    """Return for which items a condition such as `purity>=0.6` or `speaker!=jackson` holds.

    Args:
        columns: the metadata, one entry per item.
        condition: a column, one of `== = != < <= > >=`, and a number or a text.

    Raises:
        SartoError: E112, when the condition cannot be read, or compares with what the column never holds.
    """
    match = _CONDITION.fullmatch(condition)
    if match is None:
        cause = "a condition is a column, a comparison and a value"
        raise SartoError(
            "E112", f"'{condition}' is no condition", cause=cause, hint="write it as in 'purity>=0.6'"
        )
    name, sign, text = match.groups()
    column = _column(columns, name, f"'{condition}' asks for")
    text = text[1:-1] if text[0] == text[-1] and text[0] in "'\"" and len(text) > 1 else text
    if column.dtype.kind in "biuf":
        try:
            return np.asarray(_COMPARE[sign](column, float(text)), dtype=bool)
        except ValueError as error:
            cause = f"'{name}' holds numbers and '{text}' is none"
            raise SartoError(
                "E112", f"'{condition}' cannot be decided", cause=cause, hint="compare with a number"
            ) from error
    held = np.unique(column).tolist()
    if sign not in ("==", "=", "!="):
        cause = f"'{name}' holds texts, which have no order"
        raise SartoError("E112", f"'{condition}' cannot be decided", cause=cause, hint="use == or !=")
    if text not in held:
        cause = f"'{name}' holds {_some(held)}"
        raise SartoError(
            "E112",
            f"'{name}' is never '{text}'",
            cause=cause,
            hint=_nearest(text, held) or "name one of them",
        )
    return np.asarray(_COMPARE[sign](column, text), dtype=bool)


def group_column(contents: Contents, group: str | None) -> str | None:
    """Return the column by which items belong together, or None.

    Args:
        contents: the data.
        group: a column; `"none"` for no groups; None for the one column called as in `GROUP_NAMES`, or else the one
            that the reader says, if the data have no split of their own.

    Raises:
        SartoError: E105 an item is in no group; E108 a column of that name has not one entry per item; E112 no such
            column, or several could be meant.
    """
    columns = contents.data.metadata
    if group == NO_GROUP and NO_GROUP not in columns:
        return None
    if group is None:
        if contents.data.split is not None:
            return None
        named = [name for name in columns if names_a_group(name)]
        broken = [name for name in contents.unused if names_a_group(name)]
        if broken:
            raise _broken(broken[0], contents)
        if len(named) > 1:
            cause = f"the data have {' and '.join(named)}, and a split by one may share the other"
            hint = f"name the column, or '{NO_GROUP}' for a split without groups"
            raise SartoError(
                "E112", "which column says what belongs together is not clear", cause=cause, hint=hint
            )
        if not named and contents.together is None:
            return None
        group = named[0] if named else contents.together
        assert group is not None
    if group in contents.unused and group not in columns:
        raise _broken(group, contents)
    column = _column(columns, group, "the group is")
    lost = (
        np.isnan(column)
        if column.dtype.kind == "f"
        else column == ""
        if column.dtype.kind == "U"
        else np.zeros(len(column))
    )
    if lost.any():
        cause = f"its '{group}' is missing"
        raise SartoError(
            "E105",
            f"item {int(np.argmax(lost))} is in no group",
            cause=cause,
            hint="fill it in, or leave it out",
        )
    return group


def _broken(name: str, contents: Contents) -> SartoError:
    cause = f"its shape is {contents.unused[name]}, and there are {len(contents.data)} items"
    return SartoError(
        "E108", f"'{name}' has not one entry per item", cause=cause, hint=f"mend it, or group by '{NO_GROUP}'"
    )


def _column(
    columns: Mapping[str, Shaped[np.ndarray, " item"]], name: str, what: str
) -> Shaped[np.ndarray, " item"]:
    if name not in columns:
        cause = f"the columns are {', '.join(columns)}" if columns else "the data have no columns"
        message = f"{what} '{name}', and there is no such column"
        raise SartoError(
            "E112", message, cause=cause, hint=_nearest(name, columns) or "name one of them" * bool(columns)
        )
    return columns[name]


def _some(values: Sequence[object]) -> str:
    shown = ", ".join(str(value) for value in values[:12])
    return f"{shown} and {len(values) - 12} more" if len(values) > 12 else shown


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, [str(entry) for entry in known], n=1)
    return f"did you mean {near[0]}?" if near else ""
