"""A knob: how many threads NumPy's products of matrices use, in the whole process.

More threads than cores that may be used only wait for each other, so that `Affinity` and this go together. Other
libraries have a number of their own (`torch.set_num_threads`, or that of an ONNX Runtime session, fixed when it is
made): `Call` sets what has two functions.

>>> from sarto.runtime.knobs import Knobs
>>> with Knobs([Threads()], act=True) as knobs:
...     print(knobs.set("threads", "2").state in ("set", "unchanged"), Threads().read())
True 2
"""

from __future__ import annotations

from dataclasses import dataclass

from sarto.core.threads import blas_threads, set_blas_threads

MOST = 1024


@dataclass(frozen=True)
class Threads:
    """Threads of BLAS."""

    name: str = "threads"
    local: bool = True

    def read(self) -> str:
        """Return how many there are."""
        return str(blas_threads())

    def normal(self, value: str) -> str:
        """Return a number as it is read back."""
        return value.lstrip("0") or value if value.isascii() and value.isdecimal() else value

    def write(self, value: str) -> None:
        """Set how many.

        Raises:
            ValueError: when it is no whole number from 1 on.
        """
        if not (value.isascii() and value.isdecimal() and 1 <= int(value) <= MOST):
            raise ValueError(f"'{value}' is no number of threads from 1 to {MOST}")
        set_blas_threads(int(value))
