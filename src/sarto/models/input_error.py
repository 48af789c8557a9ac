"""The error for a bad argument in Python: it has a code and a hint as every Sarto error, and is a `ValueError` too.

scikit-learn's tools, and whoever calls an estimator from Python, expect a `ValueError` for values that cannot be used.

>>> isinstance(InputError("E116", "leak = 2"), ValueError)
True
"""

from __future__ import annotations

from sarto.core.errors import SartoError


class InputError(SartoError, ValueError):
    """A bad parameter or bad data."""

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.message, self.cause, self.hint)


def _rebuild(code: str, message: str, cause: str, hint: str) -> InputError:
    return InputError(code, message, cause=cause, hint=hint)
