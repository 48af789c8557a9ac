"""What is asked for now: deadline, accuracy, power; and what gives way first when not all of it can be had.

>>> Goal.of(deadline="400ms", accuracy=0.65, power="900mW")
Goal(deadline_s=0.4, accuracy=0.65, power_w=0.9, energy_j=inf, relax=('accuracy', 'deadline'))
>>> Goal(relax=("deadline",)).firm_first
('power', 'accuracy', 'deadline')
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real

from sarto.core.errors import SartoError
from sarto.core.units import parse_quantity

LIMITS = ("power", "deadline", "accuracy")
"""What may be limited; the firmest first, unless `relax` says otherwise."""


def _quantity(name: str, given: object, dimension: str, example: str) -> float:
    """Return a limit in words as a number; infinite where there is none."""
    if given is None:
        return math.inf
    if isinstance(given, str):
        return parse_quantity(given, dimension).value
    raise SartoError(
        "E116",
        f"a goal of {name} {given!r}",
        cause="it is stated as a text with its unit",
        hint=f'such as {name}="{example}"',
    )


def _accuracy(given: object) -> float:
    if given is None:
        return -math.inf
    if type(given) is not bool and isinstance(given, Real):
        return float(given)
    raise SartoError(
        "E116", f"a goal of accuracy {given!r}", cause="it is no number", hint="such as accuracy=0.65"
    )


@dataclass(frozen=True)
class Goal:
    """Limits of a job, each of them infinite where there is none.

    Attributes:
        deadline_s: time that the job may take, in s.
        accuracy: the least, as a share: at most 1.
        power_w: the most that may be drawn while it runs, in W.
        energy_j: the most that jobs may take in the mean, in J; heeded by the policy `energy_budget` alone.
        relax: limits that may be broken when not all can be met, that which gives way first in front. What is not
            named is broken only when no point at all meets it.
    """

    deadline_s: float = math.inf
    accuracy: float = -math.inf
    power_w: float = math.inf
    energy_j: float = math.inf
    relax: tuple[str, ...] = field(default=("accuracy", "deadline"))

    def __post_init__(self) -> None:
        limits = (self.deadline_s, self.power_w, self.energy_j)
        if any(math.isnan(limit) or limit <= 0 for limit in limits) or math.isnan(self.accuracy):
            raise SartoError(
                "E116",
                f"a goal of {self.deadline_s:g} s, {self.power_w:g} W, {self.energy_j:g} J, accuracy {self.accuracy:g}",
                cause="deadline, power and energy are above 0, and the accuracy is a number",
                hint="leave out what is not limited",
            )
        if self.accuracy > 1:
            raise SartoError(
                "E116",
                f"a goal of accuracy {self.accuracy:g}",
                cause="an accuracy is a share, at most 1",
                hint=f"{self.accuracy / 100:g} for {self.accuracy:g} %"
                if self.accuracy <= 100
                else "such as 0.65",
            )
        if not set(self.relax) <= set(LIMITS) or len(set(self.relax)) < len(self.relax):
            raise SartoError(
                "E116",
                f"limits that give way: {', '.join(self.relax)}",
                cause=f"each of {', '.join(LIMITS)} may be named once",
                hint="as in accuracy,deadline",
            )

    @staticmethod
    def of(
        *,
        deadline: str | None = None,
        accuracy: float | None = None,
        power: str | None = None,
        energy: str | None = None,
        relax: tuple[str, ...] = ("accuracy", "deadline"),
    ) -> Goal:
        """Return the goal of limits in words, such as `400ms`, `900mW` and `60mJ`.

        Raises:
            SartoError: E110, when one is no quantity; E116, when it cannot be a limit, or is of another kind.
        """
        return Goal(
            _quantity("deadline", deadline, "time", "400ms"),
            _accuracy(accuracy),
            _quantity("power", power, "power", "900mW"),
            _quantity("energy", energy, "energy", "60mJ"),
            relax,
        )

    @cached_property
    def firm_first(self) -> tuple[str, ...]:
        """The limits in the order in which they are kept: the firmest first."""
        return (*(name for name in LIMITS if name not in self.relax), *reversed(self.relax))

    def most(self, limit: str) -> float:
        """Return the most of power, time or accuracy with its sign changed that a point may have."""
        return {"power": self.power_w, "deadline": self.deadline_s, "accuracy": -self.accuracy}[limit]
