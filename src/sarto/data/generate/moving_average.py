"""NARMA: a nonlinear autoregressive moving average of n steps, driven by uniform noise.

    y_{t+1} = a y_t + b y_t sum_{i=0}^{n-1} y_{t-i} + c u_{t-n+1} u_t + d,    u ~ U(0, 0.5)

with (a, b, c, d) = (.3, .05, 1.5, .1) for n = 10, and (.2, .04, 1.5, .001) for n = 30; y_t = 0 before the first step.
The sum has n terms, y_t among them, and the older input is n - 1 steps before the newer one. With this input the
recursion can run away, for n = 10 about once in 10^5 steps: a series that leaves |y| <= `ESCAPE` is thrown
away whole and drawn again, input and all, so that what remains is the law of the task given that it stays bounded.
`output[t]` is y_{t+1}, the answer to inputs up to `input[t]`, so that a model that has seen them has to compute it.

Source: Atiya and Parlos, "New results on recurrent network training: unifying the algorithms and accelerating
convergence", IEEE Transactions on Neural Networks 11 (2000), for n = 10; Jaeger, "Adaptive nonlinear system
identification with echo state networks", NIPS 15 (2003), for the task as it is used since. For n = 30: Schrauwen,
Wardermann, Verstraeten, Steil and Stroobandt, "Improving reservoirs using intrinsic plasticity", Neurocomputing 71
(2008).

>>> task = narma(200, seed=0)
>>> y, u = task.output, task.input
>>> round(y[150] - (0.3 * y[149] + 0.05 * y[149] * y[140:150].sum() + 1.5 * u[141] * u[150] + 0.1), 14) + 0.0
np.float64(0.0)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sarto.core.errors import SartoError
from sarto.core.seed import generator
from sarto.data.generate.counts import at_least

COEFFICIENTS = {10: (0.3, 0.05, 1.5, 0.1), 30: (0.2, 0.04, 1.5, 0.001)}
"""a, b, c, d of the orders that are in use."""
ESCAPE = 2.0
"""Above this size a series counts as escaped. Bounded ones of orders 10 and 30 stay below 1.1."""
DRAWS = 100


@dataclass(frozen=True, eq=False)
class Narma:
    """One series: what goes in, what comes out, and how many draws before it ran away."""

    input: Float[np.ndarray, " step"]
    output: Float[np.ndarray, " step"]
    rejected: int


def narma(
    steps: int,
    *,
    seed: int,
    order: int = 10,
    coefficients: tuple[float, float, float, float] | None = None,
    skip: int = 200,
    high: float = 0.5,
) -> Narma:
    """Return a NARMA series.

    Args:
        steps: of the series.
        seed: of the input.
        order: n.
        coefficients: a, b, c, d; None is those of order 10 up to it, and those of order 30 above.
        skip: first steps, which still depend on the start at 0, that are computed and left out.
        high: bound of the input, which is uniform from 0 on.

    Raises:
        SartoError: E112, for a setting out of range; E404, when `DRAWS` series in a row ran away.
    """
    at_least("steps", steps, 1)
    at_least("order", order, 1)
    at_least("skip", skip, 0)
    a, b, c, d = coefficients or COEFFICIENTS[10 if order <= 10 else 30]
    random = generator(seed, "narma", order)
    for rejected in range(DRAWS):
        u = random.uniform(0, high, skip + steps)
        y = recursion(u, order, a, b, c, d)
        if y is not None:
            return Narma(u[skip:], y[skip:], rejected)
    raise SartoError(
        "E404",
        f"{DRAWS} series of order {order} and {skip + steps} steps ran away",
        cause=f"with inputs up to {high:g} and coefficients {a:g}, {b:g}, {c:g}, {d:g} the recursion is unstable",
        hint="use a smaller input or smaller coefficients",
    )


def recursion(
    u: Float[np.ndarray, " step"], order: int, a: float, b: float, c: float, d: float
) -> Float[np.ndarray, " step"] | None:
    """Return y_1 .. y_T for inputs u_0 .. u_{T-1} from y = 0, u = 0 before; None, when it runs away."""
    pad = [0.0] * order
    inputs, y = pad[1:] + u.tolist(), list(pad)
    for t in range(len(u)):
        # y[-1] is y_t; inputs[t] is u_{t-n+1}, inputs[t + order - 1] is u_t.
        new = a * y[-1] + b * y[-1] * sum(y[-order:]) + c * inputs[t] * inputs[t + order - 1] + d
        if not abs(new) <= ESCAPE:
            return None
        y.append(new)
    return np.array(y[order:])
