"""A model that has begun to err more often: an alarm from its mistakes, as labels come in.

    e = 1 + lambda (x - m),   lambda = (q - m) / (m (1 - m))          x in [0, 1]: the mistake; m: the accepted rate

is an e-value (`sarto.learn.continual.alarm`) as long as the expected mistake, given all before, is at most m: the rate
may fall and change. It grows fastest when the rate has become q, as the likelihood ratio of q and m. Bets run side by
side on several q, whose odds are `ODDS` times those of m.

m is what the user accepts, or what is known of the model: `accepted_rate` is the upper confidence bound of its rate on
validation items (Clopper and Pearson). With the observed rate itself in its place, chance alone would raise alarms.

Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024), for e;
Clopper and Pearson, Biometrika 26 (1934).

>>> watch = ErrorDrift(accepted_rate(wrong=8, of=100), run_length=1000)
>>> rng = np.random.default_rng(0)
>>> [alarm for alarm in map(watch.add, (rng.random(500) < 0.08).tolist()) if alarm]
[]
>>> alarms = [alarm for alarm in map(watch.add, (rng.random(200) < 0.5).tolist()) if alarm]
>>> 500 < alarms[0].when < 530
True
"""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv

from sarto.learn.continual.alarm import Alarm, ShiryaevRoberts
from sarto.models.input_error import InputError

ODDS = (1.5, 2.0, 4.0, 8.0)
"""Odds of a mistake that are betted on, in units of the accepted odds."""
CONFIDENCE = 0.95


class ErrorDrift:
    """Watches the mistakes of a model.

    Args:
        accepted: m, in (0, 1).
        run_length: mistakes and right answers until a false alarm, on average at least.
    """

    def __init__(self, accepted: float, run_length: float) -> None:
        if not 0 < accepted < 1:
            raise InputError(
                "E168",
                f"an accepted error rate of {accepted}",
                cause="it must lie between 0 and 1",
                hint="use accepted_rate",
            )
        odds = np.array(ODDS) * accepted / (1 - accepted)
        self._rate = accepted
        self._bets = (odds / (1 + odds) - accepted) / (accepted * (1 - accepted))
        self._test = ShiryaevRoberts("errors", run_length)

    @property
    def statistic(self) -> float:
        """What an alarm compares with the run length."""
        return self._test.statistic

    def add(self, mistake: float) -> Alarm | None:
        """Take whether an answer was wrong, or its loss in [0, 1], and return the alarm if it is time for it.

        Raises:
            InputError: E168, when it does not lie between 0 and 1.
        """
        if not 0 <= mistake <= 1:
            raise InputError("E168", f"a mistake of {mistake}", cause="it lies between 0 and 1")
        return self._test.add(1 + self._bets * (mistake - self._rate))


def accepted_rate(wrong: int, of: int) -> float:
    """Return what the error rate is below with a confidence of `CONFIDENCE`, when `wrong` of some items are.

    Raises:
        InputError: E168, when these are no counts, or all are wrong.
    """
    if not 0 <= wrong < of:
        raise InputError(
            "E168",
            f"{wrong} of {of} answers wrong",
            cause="some items are needed, and right answers among them",
            hint="validate on more items",
        )
    return float(betaincinv(wrong + 1, of - wrong, CONFIDENCE))
