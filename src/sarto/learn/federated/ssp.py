"""SSP: the ridge head of sums that Gaussian noise keeps (epsilon, delta)-differentially private.

Client k cuts its rows of features to |x| <= radius and sends, once, its share of the sums that a readout needs:

    A = sum x x^T,   B = sum x t^T,   t the unit vector of the class;   W^T = (P(A + N) + ridge I)^-1 (B + M)

    noise = "central"   statistics are sent as by `fed3r`, and the server adds the noise to their sum before it solves:
                        a row is hidden from whoever gets the head, and not from the server
    noise = "local"     each client adds all of the noise to what it sends: a row is hidden from everybody, under noise
                        of sqrt(clients) times the deviation

`sarto.learn.gaussian_mechanism` says how much noise, `sarto.learn.perturbation` how the head follows from it. The
promise is of this stage: of the numbers that leave, a client's once. It does not cover a scaling that was found from
the data beforehand, so that inputs are scaled by numbers that are given; nor what a later stage sends; nor who takes
part. There is no intercept: where one is needed a constant is a feature. With `central`, looks at the head before the
last round are a simulation's own, and the same noise is on each.

A simulation draws its noise from its seed, to be the same when it runs again. Where something is really promised the
noise is the operating system's (`Perturbed.noised` without a generator).

Source: Vu and Slavkovic, "Differential privacy for clinical trial data", ICDM workshops 2009; Wang, "Revisiting
differentially private linear regression", UAI 2018.

>>> from sarto.data.examples import of_arrays
>>> from sarto.learn.federated._linear import LinearModel
>>> data = of_arrays(np.eye(2)[[0, 1] * 200], np.array([0, 1] * 200))
>>> method, model = Method(epsilon=1.0), LinearModel.zeros(2, data.classes, "two numbers")
>>> [phase] = method.plan()
>>> state, reply = method.start(model, 1), method.client(model, phase, {}, Client(0, "", data, 0), None)
>>> state = method.fold(state, phase, [method.opened(state, phase, reply)])
>>> method.result(state, model).scores(data)[:2].argmax(axis=1).tolist()
[0, 1]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Shaped

from sarto.core.errors import SartoError
from sarto.core.seed import generator
from sarto.learn.exact_sum import ExactSum
from sarto.learn.federated._contract import Client, Data, Message, Model, Phase, Reply, finite, targets
from sarto.learn.federated._summing import State, Summing, width_of
from sarto.learn.gaussian_mechanism import Promise
from sarto.learn.payload import Limits
from sarto.learn.perturbation import Perturbed, cut_to
from sarto.learn.statistics import RidgeStatistics

NUMBER_B = 4
"""Bytes of a number under local noise, which is far larger than its rounding."""
FURTHEST = 10.0
"""Deviations of the noise beyond which nothing is believed: honest noise comes so far once in 10^23 numbers."""


@dataclass(frozen=True, kw_only=True)
class Method(Summing):
    """The head under noise.

    Attributes:
        epsilon, delta: what is promised.
        radius: length to which rows of features are cut.
        rows: of one client that are protected together; 1 is the single example.
        noise: who adds it, see the module.
        seed: of the server's noise in a simulation.
        ridge: `gcv` would look at the data: the penalty is that of the noise, or a number that is given.
    """

    promises: ClassVar[bool] = True

    epsilon: float = 1.0
    delta: float = 1e-5
    radius: float = 1.0
    rows: int = 1
    noise: Literal["central", "local"] = "central"
    seed: int = 0
    ridge: Literal["gcv", "noise"] | float = "noise"  # pyright: ignore[reportIncompatibleVariableOverride]

    def __post_init__(self) -> None:
        _ = self.promise
        if self.noise not in ("central", "local") or self.ridge == "gcv":
            raise SartoError(
                "E171",
                f"noise = {self.noise!r}, ridge = {self.ridge!r}",
                cause="noise is central or local, and a ridge that is found from the data breaks the promise",
                hint="leave ridge out: it follows from the noise",
            )

    @property
    def promise(self) -> Promise:
        """What is promised."""
        return Promise(self.epsilon, self.delta, self.radius, self.rows)

    def start(self, model: Model, clients: int) -> State:
        """Return a sum of nothing."""
        if not model.classes:
            raise SartoError(
                "E171", "ssp on numbers to predict", cause="its targets are classes", hint="bring labels"
            )
        return {**super().start(model, clients), "clients": 0, "size": _numbers(model)}

    def named(self, model: Any) -> str:
        """Return a name of its own for features that are cut."""
        return f"{model.features_id} cut to {self.radius:g}"

    def client(
        self, model: Any, phase: Phase, offer: Message, client: Client, memory: Message | None
    ) -> Reply:
        """Return the sums of the client's rows: as statistics, or with noise."""
        if self.noise == "central" or not len(client.data):
            return super().client(model, phase, offer, client, memory)
        wanted, random = targets(client.data, model.classes), generator(client.seed, "ssp")
        sums = Perturbed.of_rows(model.features(client.data), wanted, model.classes, self.radius)
        noised, rows = sums.noised(self.promise, random), len(client.data)
        message = {"sums": noised.vector.astype(np.float32)}
        return Reply(client.number, message, rows, model.macs(client.data, None) + rows * len(noised.vector))

    def seen(self, model: Any, data: Data) -> Float[np.ndarray, "item feature"]:
        """Return the features, cut to the radius."""
        return cut_to(model.features(data), self.radius)

    def opened(self, state: State, phase: Phase, reply: Reply) -> Any:
        """Return what a client sent.

        Raises:
            SartoError: what `Summing.opened` says, E166 for rows that are longer than they may be or sums that no rows
                have; under local noise E105 for what is no number.
        """
        if self.noise == "central" or not reply.rows:
            return super().opened(state, phase, reply)
        finite(reply)
        sums = reply.message["sums"]
        most = reply.rows * max(self.radius, self.radius**2) + FURTHEST * 2**0.5 * self.promise.sigma
        largest = float(np.abs(sums).max(initial=0.0))
        if sums.shape != (state["size"],) or largest > most:
            raise SartoError(
                "E166",
                f"client {reply.client} sent {sums.size} numbers of up to {largest:.4g}",
                cause=f"{state['size']} sums of {reply.rows} rows, with their noise, are at most {most:.4g}",
                hint="its rows are cut to another radius, or it lies",
            )
        return sums

    @property
    def limits(self) -> Limits:
        """No row is longer than the radius."""
        return Limits(radius=self.radius)

    def fold(self, state: State, phase: Phase, answers: Sequence[Any]) -> State:
        """Return the state with more clients in its sum."""
        if self.noise == "central":
            return super().fold(state, phase, answers)
        for sums in answers:
            if sums is not None:
                total = ExactSum(len(sums)) if state["sum"] is None else state["sum"]
                total.add(sums)
                state = {**state, "sum": total, "clients": state["clients"] + 1}
        return state

    def result(self, state: State, model: Any) -> Any:
        """Return the model with the head of the noised sums; as it is while there are none."""
        if state["sum"] is None or self.noise == "central":
            return super().result(state, model)
        shape = (width_of(model), len(model.classes))
        variance = state["clients"] * self.promise.sigma**2
        empty = Perturbed(np.zeros((shape[0], shape[0])), np.zeros(shape), 0.0, self.radius)
        return self._solved(model, empty.with_vector(state["sum"].values, variance))

    def headed(self, model: Any, statistics: RidgeStatistics) -> Any:
        """Return the model with the head of statistics, to which the server adds the noise."""
        sums = Perturbed.of_statistics(statistics, self.radius)
        return self._solved(model, sums.noised(self.promise, generator(self.seed, "ssp")))

    def _solved(self, model: Any, sums: Perturbed) -> Any:
        solution = sums.solve(None if self.ridge == "noise" else float(self.ridge))
        return model.with_head(solution.weights, solution.intercept)

    def weighs(self, model: Any, phase: Phase, rows: int) -> tuple[int, int]:
        """Return the size of statistics, or of noised sums."""
        if self.noise == "central":
            return super().weighs(model, phase, rows)
        return NUMBER_B * _numbers(model) if rows else 0, 0

    def saved(self, state: State) -> dict[str, Shaped[np.ndarray, "..."]]:
        """Return the sum."""
        if self.noise == "central":
            return super().saved(state)
        if state["sum"] is None:
            return {"clients": np.zeros(2, np.int64)}
        high, low = state["sum"].integers
        about = np.array([state["clients"], state["sum"].room])
        return {"clients": about, "high": high, "low": low}

    def restored(self, arrays: Message, model: Any, clients: int) -> State:
        """Return the state with that sum."""
        if self.noise == "central":
            return super().restored(arrays, model, clients)
        state = self.start(model, clients)
        if "high" in arrays:
            state["clients"], room = arrays["clients"].tolist()
            state["sum"] = ExactSum.of_integers(arrays["high"], arrays["low"], room)
        return state


def _numbers(model: Any) -> int:
    """Return how many sums there are: the triangle of A, and B."""
    width = width_of(model)
    return width * (width + 1) // 2 + width * len(model.classes)
