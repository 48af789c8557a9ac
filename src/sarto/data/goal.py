"""What is to be learned of data: classes, numbers, or later values of channels.

>>> Goal.of("forecasting", "temp, load", 4)
Goal(task='forecasting', targets=('temp', 'load'), horizon=4)
>>> Goal.of("classification", None, None).numeric
False
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sarto.core.errors import SartoError

Task = Literal["classification", "regression", "forecasting"]
TASKS: tuple[Task, ...] = ("classification", "regression", "forecasting")


@dataclass(frozen=True)
class Goal:
    """A task, the columns it is about if named, and for forecasting the steps between a window's end and the value."""

    task: Task = "classification"
    targets: tuple[str, ...] = ()
    horizon: int = 0

    @property
    def numeric(self) -> bool:
        """Whether numbers are to be predicted."""
        return self.task != "classification"

    @property
    def target(self) -> str | None:
        """The one column that was named, or None."""
        return self.targets[0] if self.targets else None

    @staticmethod
    def of(task: str, target: str | None, horizon: int | None) -> Goal:
        """Return the goal that was asked for.

        Args:
            task: one of `TASKS`.
            target: column, or several with commas between them; None for the usual one.
            horizon: steps, for forecasting; 1 by default.

        Raises:
            SartoError: E112, when it cannot be.
        """
        known: Task | None = next((t for t in TASKS if t == task), None)
        if known is None:
            hint = f"choose {', '.join(TASKS[:-1])} or {TASKS[-1]}"
            raise SartoError("E112", f"there is no task '{task}'", cause="tasks have names", hint=hint)
        if known != "classification" and target is not None:
            targets = tuple(dict.fromkeys(name.strip() for name in target.split(",")))
        else:
            targets = () if target is None else (target,)
        if known != "forecasting" and horizon is not None:
            raise SartoError(
                "E112", f"a horizon of {horizon} steps for {known}", cause="only forecasts have one",
                hint="leave it out, or choose --task forecasting",
            )  # fmt: skip
        if known == "forecasting" and not targets:
            raise SartoError(
                "E112", "nothing says what to forecast", cause="any channel may be meant",
                hint="name one or more with --target",
            )  # fmt: skip
        if horizon is not None and horizon < 1:
            raise SartoError(
                "E112",
                f"a horizon of {horizon} steps",
                cause="the future begins after 1 step",
                hint="1 is the least",
            )
        return Goal(known, targets, (horizon or 1) if known == "forecasting" else 0)


CLASSES = Goal()
"""Classes, in the usual column."""
