"""Sets a federation up: reads its data, deals them out, and makes the model that it begins with.

>>> from sarto.learn.federation.file import parsed
>>> found = parsed({"data": {"source": "BasicMotions"}, "split": {"clients": 8}, "method": [{"name": "fed_readout"}],
...                 "model": {"kind": "reservoir", "units": 50}}, "demo")
>>> setting = set_up(found)
>>> len(setting.population), len(setting.test), setting.partition.how
(8, 40, 'at random')
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np
from jaxtyping import Float, Int, Shaped

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.examples import Examples, of_dataset, of_images, read_examples
from sarto.data.load import load
from sarto.data.partition import Partition, partition
from sarto.data.splits import split
from sarto.learn.federated._contract import Data, Population, labels
from sarto.learn.federated._reservoir import ReservoirModel
from sarto.learn.federation.features import Front
from sarto.learn.federation.file import Federation, wrong
from sarto.learn.readout import ESNClassifier


@dataclass(frozen=True, eq=False)
class Setting:
    """A federation that can begin.

    Attributes:
        population: the clients.
        test: items that no method sees.
        partition: who holds what.
        start: makes the model: a `Front`, a `ReservoirModel` or a `NetworkModel`.
        how: in words, how the test items were told apart.
    """

    population: Population
    test: Data
    partition: Partition
    start: Callable[[], Any]
    how: str

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.test.classes


def set_up(federation: Federation, alpha: float | None = None) -> Setting:
    """Return the setting of a federation.

    Args:
        federation: as its file says.
        alpha: level of unevenness; None is the first.

    Raises:
        SartoError: whatever reading says; E171 for a split that cannot be; E172 for settings of the model.
    """
    rest, test, groups, how = _read(federation)
    wanted = federation.alphas[0] if alpha is None else alpha
    covariate = federation.by == "covariate"
    parted = partition(
        federation.by,
        labels(rest),
        test_y=labels(test),
        clients=federation.clients,
        alpha=wanted,
        seed=federation.seed,
        groups=groups[0],
        test_groups=groups[1],
        x=_rows(rest) if covariate else None,
        test_x=_rows(test) if covariate else None,
    )
    return Setting(Population(rest, parted.train, parted.names), test, parted, _start(federation, rest), how)


def _read(
    federation: Federation,
) -> tuple[Data, Data, tuple[Shaped[np.ndarray, " item"] | None, Shaped[np.ndarray, " test"] | None], str]:
    source, seed = federation.source, federation.seed
    if of_images(source):
        parts = read_examples(source, seed)
        if federation.model.kind == "reservoir":
            raise wrong("a reservoir on images", "it takes sequences", "choose random_features or network")
        return parts.rest, parts.test, (parts.rest.groups, parts.test.groups), parts.how
    data = load(source)
    if not data.classes:
        raise wrong(f"{data.name} has numbers to predict", "a federation learns classes", "bring labels")
    chosen = split(data, seed)
    rest, test = data.select(chosen.train), data.select(chosen.test)
    groups = (rest.groups, test.groups)
    if federation.model.kind == "reservoir":
        return rest, test, groups, chosen.how
    return of_dataset(rest), of_dataset(test), groups, chosen.how


def _rows(data: Data) -> Float[np.ndarray, "item number"]:
    """Return each item as a row: of sequences the mean of each channel, as they may differ in length."""
    if isinstance(data, Examples):
        return data.x.reshape(len(data), -1).astype(np.float64)
    ends: Int[np.ndarray, " item_plus_1"] = data.offsets
    sums = np.add.reduceat(data.values.astype(np.float64), ends[:-1], axis=0)
    return sums / data.lengths[:, None]


def _start(federation: Federation, rest: Data) -> Callable[[], Any]:
    kind, settings = federation.model.kind, dict(federation.model.settings)
    if kind == "reservoir":
        assert isinstance(rest, Dataset), "read as one"
        known = [f.name for f in fields(ESNClassifier) if f.init]
        _known(settings, known, kind)
        chosen: dict[str, Any] = {"seed": federation.seed} | settings
        estimator = ESNClassifier(**chosen)
        return lambda: ReservoirModel(estimator, rest.classes, len(rest.classes), rest.values.shape[1])
    assert isinstance(rest, Examples), "read as such"
    if kind == "network":
        return _network(federation, rest, settings)
    known = ["seed", "mean", "deviation", *(["units", "bandwidths"] if kind == "random_features" else [])]
    _known(settings, known, kind)
    units = int(settings.get("units", 500)) if kind == "random_features" else None
    seed, bandwidths = int(settings.get("seed", federation.seed)), float(settings.get("bandwidths", 1.0))
    front = Front(rest.shape, rest.classes, units, seed, bandwidths)
    if "mean" not in settings and "deviation" not in settings:
        return lambda: front
    if not ("mean" in settings and "deviation" in settings):
        raise wrong("model.mean without model.deviation, or the other way round", "both scale the inputs", "")
    mean, deviation = (_each(settings[name], front.inputs, name) for name in ("mean", "deviation"))
    if not (deviation > 0).all():
        raise wrong(f"model.deviation = {deviation.min():g}", "a deviation is above 0", "")
    return lambda: replace(front, mean=mean, scale=deviation)


def _each(given: Any, inputs: int, name: str) -> Float[np.ndarray, " input"]:
    """Return a number for each input: one that is the same for all, or a list of them."""
    values: list[Any] = list(cast("list[Any]", given)) if isinstance(given, list) else [given] * inputs
    bad = [v for v in values if not isinstance(v, int | float) or isinstance(v, bool) or not math.isfinite(v)]
    if bad or len(values) != inputs:
        said = f"= {str(bad[0])[:40]}" if bad else f"with {len(values)} numbers"
        cause, hint = f"it is a number for all inputs, or a list of {inputs}", f"as in {name} = 1.0"
        raise wrong(f"model.{name} {said}", cause, hint)
    return np.array(values, np.float64)


def _network(federation: Federation, rest: Examples, settings: dict[str, Any]) -> Callable[[], Any]:
    try:
        from sarto.learn.federated._network import NetworkModel
        from sarto.models.network.named import NAMED, named
    except ModuleNotFoundError as error:
        raise SartoError(
            "E301",
            "a network cannot be trained here",
            cause=f"{error.name} is not installed",
            hint="pip install 'sarto[nn]'",
        ) from error
    name, seed = str(settings.pop("name", "mlp")), int(settings.pop("seed", federation.seed))
    if name in NAMED:
        own = list(inspect.signature(NAMED[name][0]).parameters)[2:]
        _known(settings, own, f"network {name}")
    architecture = named(name, rest.shape, len(rest.classes), **settings)
    return lambda: NetworkModel.of(architecture, rest.classes, seed)


def _known(settings: Mapping[str, Any], known: list[str], what: str) -> None:
    for key in settings:
        if key not in known:
            raise wrong(f"a {what} has no setting '{key}'", f"known: {', '.join(known)}", "")
