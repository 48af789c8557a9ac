"""Reads one column of text, part by part: numbers, dates or texts, as its first value that is not missing says.

Whole numbers stay whole numbers, in the smallest signed type from 16 bits on that holds a part; others, and those
beyond `EXACT`, are float32 where seven digits are all there is, else float64. Dates, in a column that tells the time by
its name, are seconds.

>>> import numpy as np
>>> reader = ColumnReader("acc", as_text=False, spool=None)
>>> reader.add(["1.5", ""], np.array([2, 3]))
>>> reader.add(["70000", "-2"], np.array([4, 5]))
>>> reader.column().tolist(), reader.column().dtype
([1.5, nan, 70000.0, -2.0], dtype('float64'))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int, Num

from sarto.core.errors import SartoError
from sarto.data.columns import Column, Texts
from sarto.data.number import MISSING, read_number
from sarto.data.spool import Part, Spool
from sarto.data.stamps import DATE_HINT, microseconds, tells_time

EXACT = 2**53
"""Whole numbers from here on are not told apart in double precision."""
FLOAT32_CHARACTERS = 7
"""Digits that float32 always keeps; a number written with no more characters, sign and point aside, needs no more."""
MANY = 1 << 20
"""Different texts beyond which a column that nobody asked for is not kept: it describes neither items nor classes."""
_WHOLE = (np.int16, np.int32, np.int64)


@dataclass
class ColumnReader:
    """Collects a column.

    Attributes:
        name: of the column.
        as_text: its texts are wanted, though they may be numbers.
        spool: where parts are kept, or None for memory.
        file: what is read from, for a person.
        comma: numbers may have a decimal comma.
    """

    name: str
    as_text: bool
    spool: Spool | None
    file: str = ""
    comma: bool = False
    rows: int = 0
    _kind: Literal["unknown", "numbers", "dates", "texts", "many"] = "unknown"
    _parts: list[Num[np.ndarray, " row"]] = field(default_factory=list[Any])
    _kept: list[Part] = field(default_factory=list[Part])
    _codes: dict[str, int] = field(default_factory=dict[str, int])
    _origin: float | None = None

    def add(self, tokens: Sequence[str], lines: Int[np.ndarray, " row"]) -> None:
        """Take the next rows, and the lines in which they stand."""
        if self._kind == "unknown":
            self._decide(tokens)
        if self._kind == "texts":
            self._keep(np.array(self._coded(tokens), np.int32))
            if not self.as_text and len(self._codes) > MANY:
                self._kind, self._parts, self._kept, self._codes = "many", [], [], {}
        elif self._kind == "dates":
            self._keep(self._dates(tokens, lines))
        elif self._kind != "many":
            self._keep(self._numbers(tokens, lines))
        self.rows += len(tokens)

    def column(self) -> Column | None:
        """Return the whole column, or None for one of more different texts than are kept."""
        if self._kind == "many":
            return None
        whole = np.concatenate(self._parts) if self.spool is None else self.spool.joined(self._kept)
        return Texts(whole, tuple(self._codes)) if self._kind == "texts" else whole

    @property
    def dated(self) -> bool:
        """Whether the column holds dates, in seconds."""
        return self._kind == "dates"

    def _decide(self, tokens: Sequence[str]) -> None:
        """Decide what the column holds, if any of `tokens` says so; all before are missing."""
        first = next((t for t in tokens if self.as_text or t.strip().lower() not in MISSING), None)
        if first is None:
            return
        if not self.as_text and read_number(self._point(first)) is not None:
            self._kind = "numbers"
            return
        self._kind = "dates" if tells_time(self.name) and not self.as_text else "texts"
        self._parts, self._kept = [], []
        if self.rows:
            missing = np.nan if self._kind == "dates" else np.int32(self._code(""))
            self._keep(np.full(self.rows, missing))

    def _keep(self, part: Num[np.ndarray, " row"]) -> None:
        if self.spool is None:
            self._parts.append(part)
        else:
            self._kept.append(self.spool.put(part))

    def _coded(self, tokens: Sequence[str]) -> list[int]:
        try:
            return list(map(self._codes.__getitem__, tokens))
        except KeyError:
            return [self._code(token.strip()) for token in tokens]

    def _code(self, text: str) -> int:
        return self._codes.setdefault(text, len(self._codes))

    def _point(self, token: str) -> str:
        return token.replace(",", ".") if self.comma else token

    def _numbers(self, tokens: Sequence[str], lines: Int[np.ndarray, " row"]) -> Num[np.ndarray, " row"]:
        joined = "".join(tokens)
        if self.comma and "," in joined:
            tokens = [self._point(token) for token in tokens]
        try:
            if "_" in joined:  # float reads 1_000 as Python does
                raise ValueError
            values = np.array(list(map(float, tokens)))
        except ValueError:
            values = np.array([self._number(t, line) for t, line in zip(tokens, lines.tolist(), strict=True)])
        largest = np.abs(values).max()
        if joined.isascii() and joined.replace("-", "").isdigit() and largest < EXACT:
            return values.astype(next(t for t in _WHOLE if largest <= np.iinfo(t).max))
        exact = tells_time(self.name) or "e" in joined or "E" in joined or _needs_double(tokens)
        return values if exact else values.astype(np.float32)

    def _number(self, token: str, line: int) -> float:
        value = read_number(token)
        if value is None:
            raise SartoError(
                "E103",
                f"{self.file}, line {line}, column '{self.name}': '{token.strip()[:20]}' is not a number",
                cause="the values above it in this column are numbers",
                hint="correct it, or leave it empty where the value is missing",
            )
        return value

    def _dates(self, tokens: Sequence[str], lines: Int[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
        try:
            stamps = microseconds(tokens)
        except ValueError:
            stamps = np.array([self._date(t, line) for t, line in zip(tokens, lines.tolist(), strict=True)])
        if self._origin is None and np.isfinite(stamps).any():
            self._origin = float(np.nanmin(stamps))
        return (stamps - (self._origin or 0.0)) * 1e-6

    def _date(self, token: str, line: int) -> float:
        try:
            return float(microseconds([token])[0])
        except ValueError as error:
            message = f"{self.file}, line {line}, column '{self.name}' is no time"
            cause = f"it is '{token.strip()[:30]}'"
            raise SartoError("E103", message, cause=cause, hint=DATE_HINT) from error


def _needs_double(tokens: Sequence[str]) -> bool:
    """Return whether a number is written with more characters than float32 keeps, sign and point aside."""
    longest = max(map(len, tokens))
    if FLOAT32_CHARACTERS < longest <= FLOAT32_CHARACTERS + len("-."):
        longest = max(len(token) - ("-" in token) - ("." in token) for token in tokens)
    return longest > FLOAT32_CHARACTERS
