"""The file that describes a federation, in TOML: data, who holds them, model, methods, who takes part, budget.

    name = "digits"                       # of the results; the file's name by default
    seed = 0
    [data]
    source = "digits.npz"                 # whatever `sarto fit` takes
    [split]
    by = "dirichlet"                      # iid, dirichlet, classes, quantity, groups, covariate
    clients = 100
    alpha = [0.05, 100]                   # several levels: the first is told in full
    [model]
    kind = "random_features"              # linear, random_features, network, reservoir
    units = 1000
    mean = 8.0                            # of the inputs, and deviation: where they are known, no round finds them
    deviation = 6.0
    [[method]]                            # stages, one after the other
    name = "fed3r"
    [[against]]                           # others, to compare with; each begins anew
    name = "fedavg"
    rounds = 200
    rate = 0.5
    [participation]
    per_round = 10
    [budget]
    bytes = "20MB"
    [device]                              # of a reservoir by fed_readout: also as C, in integers
    name = "cortex_m4"
    flash = "32KiB"
    ram = "4KiB"

Every key that is not known is refused. A table's further keys are settings of the model, or of the method.

>>> found = parsed({"data": {"source": "BasicMotions"}, "method": [{"name": "fed_readout"}],
...                 "model": {"kind": "reservoir", "units": 50}, "split": {"clients": 8}}, "demo")
>>> found.chains[0][0].name, found.model.settings, found.alphas
('fed_readout', {'units': 50}, (0.5,))
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from sarto.core.errors import SartoError
from sarto.core.rooms import load_method, methods
from sarto.core.units import parse_quantity
from sarto.data.partition import KINDS
from sarto.data.source import named_in
from sarto.learn.federated._contract import Method
from sarto.learn.federated._simulate import Participation

ROOM = "sarto.learn.federated"
ModelKind = Literal["linear", "random_features", "network", "reservoir"]
MODELS: tuple[ModelKind, ...] = get_args(ModelKind)
ROUNDS = 100
"""Rounds of a method that says nothing else."""


@dataclass(frozen=True)
class Stage:
    """A method with its settings, and the rounds that it gets where it has no number of its own."""

    name: str
    rounds: int
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def method(self) -> Method:
        """Return the method."""
        return load_method(ROOM, self.name).Method(**self.settings)

    @property
    def given(self) -> dict[str, Any]:
        """The settings, and the rounds."""
        return {"rounds": self.rounds, **self.settings}

    def title(self, told: Iterable[str] = ()) -> str:
        """Return the name, with the part that is trained where that is not all, and the settings that are `told`.

        >>> Stage("scaffold", 50, {"part": "head", "rate": 0.5}).title(["rate"])
        'scaffold (head, rate 0.5)'
        """
        part = self.settings.get("part", "all")
        shown = [] if part == "all" else [str(part)]
        shown += [f"{name} {self.given[name]}" for name in told if name != "part"]
        return f"{self.name} ({', '.join(shown)})" if shown else self.name


@dataclass(frozen=True)
class ModelChoice:
    """What is learned, and its settings."""

    kind: ModelKind
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class DeviceChoice:
    """What the readout is to run on, and its budget in bytes; None is the device's own."""

    name: str
    flash_b: float | None
    ram_b: float | None


@dataclass(frozen=True)
class Federation:
    """See the module.

    Attributes:
        name: of the results.
        source: of the data.
        by, clients, alphas: how they are dealt out.
        model: what is learned.
        chains: stages of what is asked for, and of each that it is compared with.
        participation: who takes part.
        bytes: both ways, after which no round is begun; None is any number.
        device: what the result is to run on, or None.
        judge_every: rounds between two looks at the accuracy.
        seed: of everything.
    """

    name: str
    source: str
    by: str
    clients: int | None
    alphas: tuple[float, ...]
    model: ModelChoice
    chains: tuple[tuple[Stage, ...], ...]
    participation: Participation
    bytes: int | None = None
    device: DeviceChoice | None = None
    judge_every: int = 1
    seed: int = 0

    def name_of(self, chain: tuple[Stage, ...]) -> str:
        """Return the names of a chain's stages, with the settings that tell it from another one of these names.

        >>> one, other = (Stage("fedavg", 10, {"rate": 0.5}),), (Stage("fedavg", 10),)
        >>> found = Federation("demo", "", "iid", 2, (1.0,), ModelChoice("linear"), (one, other), Participation())
        >>> found.name_of(one), found.name_of(other)
        ('fedavg (rate 0.5)', 'fedavg')
        """
        name = ", ".join(stage.title() for stage in chain)
        others = [o for o in self.chains if o != chain and ", ".join(s.title() for s in o) == name]
        if not others:
            return name
        titles: list[str] = []
        for place, stage in enumerate(chain):
            rivals = [other[place].given for other in others]
            own = stage.given.items()
            titles.append(stage.title(k for k, value in own if any(r.get(k) != value for r in rivals)))
        return ", ".join(titles)


def read(path: Path) -> Federation:
    """Return the federation of a file; a relative source is looked for beside it.

    Raises:
        SartoError: E101 without the file; E172 for what cannot be used in it.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SartoError("E101", f"there is no federation file '{path}'", hint="check the path") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SartoError(
            "E172", f"'{path}' cannot be read", cause=str(error)[:200], hint="it is to be TOML"
        ) from error
    federation = parsed(found, path.stem)
    return replace(federation, source=named_in(path, federation.source))


def parsed(found: Mapping[str, Any], name: str) -> Federation:
    """Return the federation that a document describes.

    Raises:
        SartoError: E172, naming the key; E171 for settings that cannot be.
    """
    top = (
        "name",
        "seed",
        "judge_every",
        "data",
        "split",
        "model",
        "method",
        "against",
        "participation",
        "budget",
        "device",
    )
    _known(found, top, "the file")
    data, split = _table(found, "data", ("source",)), _table(found, "split", ("by", "clients", "alpha"))
    by = str(split.get("by", "iid"))
    if by not in KINDS:
        raise wrong(f"split.by = '{by}'", f"it is one of {', '.join(KINDS)}", _near(by, KINDS))
    alpha = split.get("alpha", 1 if by == "classes" else 0.5)
    alphas = tuple(_number(a, "split.alpha") for a in (alpha if isinstance(alpha, list) else [alpha]))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    clients = split.get("clients")
    if by != "groups" and (not isinstance(clients, int) or isinstance(clients, bool) or clients < 1):
        raise wrong(
            f"split.clients = {clients!r}", "how many clients there are is to be said", "clients = 100"
        )
    if "source" not in data:
        raise wrong("data.source is not there", "a federation needs data", 'as in source = "BasicMotions"')
    budget = _table(found, "budget", ("bytes",))
    model, chains = _model(found), tuple(_chains(found))
    _keeps_promises(model, chains)
    return Federation(
        str(found.get("name", name)),
        str(data["source"]),
        by,
        clients if by != "groups" else None,
        alphas or (0.5,),
        model,
        chains,
        _participation(found),
        int(parse_quantity(str(budget["bytes"]), "byte").value) if "bytes" in budget else None,
        _device(found),
        _whole(found.get("judge_every", 1), "judge_every", 1),
        _whole(found.get("seed", 0), "seed", 0),
    )


def _model(found: Mapping[str, Any]) -> ModelChoice:
    table = dict(_table(found, "model", None))
    kind = table.pop("kind", None)
    if kind not in MODELS:
        raise wrong(f"model.kind = {kind!r}", f"it is one of {', '.join(MODELS)}", _near(str(kind), MODELS))
    return ModelChoice(kind, table)


def _chains(found: Mapping[str, Any]) -> Iterable[tuple[Stage, ...]]:
    stages = _list(found, "method")
    if not stages:
        raise wrong("no [[method]]", "a federation learns by one", 'as in [[method]] and name = "fed3r"')
    yield tuple(_stage(each, f"method {number}") for number, each in enumerate(stages, 1))
    for number, each in enumerate(_list(found, "against"), 1):
        yield (_stage(each, f"against {number}"),)


def _stage(given: Mapping[str, Any], where: str) -> Stage:
    settings = dict(given)
    name = str(settings.pop("name", ""))
    known = methods(ROOM)
    if name not in known:
        raise wrong(f"{where}: '{name}' is no method", f"known: {', '.join(known)}", _near(name, known))
    made = load_method(ROOM, name).Method
    own = [f.name for f in fields(made)]
    rounds = ROUNDS
    if "rounds" in settings and "rounds" not in own:
        rounds = _whole(settings.pop("rounds"), f"{where}: rounds", 0)
    _known(settings, own, f"{where}, {name}", always=("name", "rounds"))
    stage = Stage(name, rounds, settings)
    try:
        stage.method()
    except TypeError as error:
        raise wrong(f"{where}, {name}", str(error), "a number is written without quotes") from error
    return stage


def _keeps_promises(model: ModelChoice, chains: Iterable[tuple[Stage, ...]]) -> None:
    """Refuse a model whose inputs are scaled by what clients tell, and a later stage, beside what they are promised."""
    for chain in chains:
        promising = [stage.name for stage in chain if stage.method().promises]
        if promising and model.kind == "reservoir":
            raise wrong(
                f"{promising[0]} for a reservoir",
                "a round that finds the scaling of its inputs tells of the data what nothing hides",
                "choose linear or random_features, with mean and deviation",
            )
        if promising and model.kind in ("linear", "random_features") and "mean" not in model.settings:
            raise wrong(
                f"{promising[0]} without model.mean and model.deviation",
                "a round that finds them tells of the data what nothing hides",
                "give those that are known of such inputs, as in mean = 8.0, deviation = 6.0",
            )
        if promising and len(chain) > 1:
            raise wrong(
                f"{promising[0]} with other stages",
                "what is sent in these breaks its promise",
                "leave it alone, or put the others under [[against]]",
            )


def _device(found: Mapping[str, Any]) -> DeviceChoice | None:
    table = _table(found, "device", ("name", "flash", "ram"))
    if not table:
        return None
    if "name" not in table:
        raise wrong("[device] without a name", "`sarto devices` lists them", 'as in name = "cortex_m4"')
    flash, ram = (
        parse_quantity(str(table[k]), "byte").value if k in table else None for k in ("flash", "ram")
    )
    return DeviceChoice(str(table["name"]), flash, ram)


def _participation(found: Mapping[str, Any]) -> Participation:
    known = [f.name for f in fields(Participation)]
    given = _table(found, "participation", known)
    for key, value in given.items():
        wanted = (str,) if key == "lie" else (int, float)
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise wrong(
                f"participation.{key} = {value!r}", "it is to be a number" if key != "lie" else "a word", ""
            )
    return Participation(**given)


def _table(found: Mapping[str, Any], name: str, known: Iterable[str] | None) -> dict[str, Any]:
    table = found.get(name, {})
    if not isinstance(table, dict):
        raise wrong(f"{name} = {table!r}", f"it is to be a table, [{name}]", "")
    if known is not None:
        _known(table, tuple(known), f"[{name}]")  # pyright: ignore[reportUnknownArgumentType]
    return dict(table)  # pyright: ignore[reportUnknownArgumentType]


def _list(found: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    given = found.get(name, [])
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):  # pyright: ignore[reportUnknownVariableType]
        raise wrong(f"{name} = {given!r}", f"it is to be a list of tables, [[{name}]]", "")
    return list(given)  # pyright: ignore[reportUnknownArgumentType]


def _known(table: Mapping[str, Any], known: Iterable[str], where: str, always: Iterable[str] = ()) -> None:
    names = [*known, *always]
    for key in table:
        if key not in names:
            raise wrong(f"{where} has no '{key}'", f"known: {', '.join(names)}", _near(key, names))


def _near(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]}?" if near else ""


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(f"{where} = {value!r}", "it is to be a number", "")
    return float(value)


def _whole(value: Any, where: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise wrong(f"{where} = {value!r}", f"it is to be a whole number, at least {least}", "")
    return value


def wrong(message: str, cause: str, hint: str) -> SartoError:
    """Return the error (E172) of a federation file."""
    return SartoError("E172", message, cause=cause, hint=hint or "see `sarto explain E172`")
