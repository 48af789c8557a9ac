"""Recipes as text: named steps in order, run one after the other.

    px:0.98,codebook:4,rans        prune 98 % of the weights by PX, share 2^4 values, code by rANS
    fold,ptq:8:observer=mse,best   fold norms, quantise to 8 bits with an observer, code by whatever is shortest

A step is `name`, `name:amount` or `name:amount:key=value:...`. What a name is, its room says: a method of
`compress/prune` (the amount is the share of weights or channels that goes), of `compress/quantize` (bits), of
`compress/code` (which comes last and has no amount; `best` takes the shortest of all), or one of `STEPS`. A setting is
an argument of the method's own; several words of one have a + between them (`settings`). Pruning, factoring and
codebooks are followed by tuning unless `tuned=false`. The amount `auto` is left open, to be chosen against the bytes of
the file (`amounts`).

>>> [str(order) for order in parse("px:0.98:rounds=20,codebook:4,rans")]
['px:0.98:rounds=20', 'codebook:4', 'rans']
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from sarto.compress._records import BEST
from sarto.compress.dead_inputs import remove_dead_inputs
from sarto.compress.dead_units import remove_dead_units
from sarto.compress.fault_aware import FaultAware
from sarto.compress.fold import fold
from sarto.compress.gradual import Gradual
from sarto.compress.lowrank import low_rank
from sarto.compress.pruning import Pruning
from sarto.compress.ranges import Ranges
from sarto.compress.rate import RateAware
from sarto.compress.renorm import Renorm
from sarto.compress.settings import checked
from sarto.compress.settle import Settling
from sarto.compress.state import Evaluation, State
from sarto.compress.tree_copy import TreeCopy
from sarto.core.recipe import Step
from sarto.core.rooms import load_method, methods
from sarto.core.store import content_hash
from sarto.learn.distill import Distillation
from sarto.learn.harden import with_relu6
from sarto.models.input_error import InputError
from sarto.models.network.module import Network

Room = Literal["prune", "quantize", "code", "step"]
AUTO, DISTIL, TREE = "auto", "distil", "tree"
TUNED = "tuned"


@dataclass(frozen=True)
class Order:
    """One step as it was asked for: its name, amount and further settings, and the room that it lies in.

    An amount is `open` when it is yet to be chosen.
    """

    name: str
    room: Room
    amount: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    open: bool = False

    def __str__(self) -> str:
        parts = [self.name, *([AUTO] if self.open else [])]
        if self.amount is not None:
            parts.append(f"{self.amount:g}")
        return ":".join([*parts, *(f"{key}={value}" for key, value in self.settings.items())])


def parse(text: str) -> tuple[Order, ...]:
    """Return the steps of a recipe.

    Raises:
        InputError: E133, when a step is unknown, an amount is none, or a coder is not last; E136, for leaves of a tree
            that are no number of them. The message names it.
    """
    words = [word.strip() for word in text.split(",")]
    if not any(words):
        raise InputError("E133", "the recipe is empty", hint="as in px:0.98,codebook:4,rans")
    orders = tuple(_order(word) for word in words)
    for order, after in pairwise(orders):
        if order.room == "code":
            raise InputError("E133", f"'{order.name}' is not the last step", cause="a coder ends a recipe")
        if order.name == TREE and after.room != "code":
            cause = "a tree is no network that steps can work on"
            raise InputError("E133", f"'{after.name}' cannot follow '{TREE}'", cause=cause)
    return orders


def _order(word: str) -> Order:
    name, *rest = word.split(":")
    room = _room(name)
    amount, is_open = None, False
    if rest and "=" not in rest[0]:
        text = rest.pop(0)
        is_open = text == AUTO
        amount = None if is_open else _amount(text, name, room)
    if is_open and not _may_be_open(name, room):
        raise InputError(
            "E133", f"the amount of step '{name}' cannot be {AUTO}", cause="it has no size to choose"
        )
    settings: dict[str, Any] = {}
    for part in rest:
        key, equals, value = part.partition("=")
        if not equals or not key.isidentifier():
            raise InputError(
                "E133", f"'{part}' of step '{name}' is no setting", hint="as in px:0.98:rounds=20"
            )
        if key in settings:
            raise InputError("E133", f"'{key}' of step '{name}' stands twice", hint="leave one out")
        settings[key] = _value(value)
    if (
        amount is None
        and not is_open
        and (room == "prune" or (room == "quantize" and _may_be_open(name, room)))
    ):
        what, such = ("the share that goes", "0.9") if room == "prune" else ("a number of bits", "4")
        raise InputError(
            "E133", f"step '{name}' has no amount", cause=f"it needs {what}", hint=f"as in {name}:{such}"
        )
    return Order(name, room, amount, settings, is_open)


def _may_be_open(name: str, room: Room) -> bool:
    """Return whether a step has an amount that makes its network smaller."""
    if room == "quantize":
        return "bits" in _settings(load_method("sarto.compress.quantize", name).quantise)
    return room == "prune" or (room == "step" and name != DISTIL and bool(STEPS[name][1]))


def _room(name: str) -> Room:
    rooms: dict[Room, list[str]] = {
        "prune": methods("sarto.compress.prune"),
        "quantize": methods("sarto.compress.quantize"),
        "code": [*methods("sarto.compress.code"), BEST],
        "step": list(STEPS),
    }
    for room, names in rooms.items():
        if name in names:
            return room
    import difflib

    known = [n for names in rooms.values() for n in names]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known))}"
    raise InputError("E133", f"there is no step '{name}'", hint=hint)


def _amount(text: str, name: str, room: Room) -> float:
    try:
        amount = float(text)
    except ValueError:
        raise InputError(
            "E133", f"'{text}' of step '{name}' is no number", hint=f"as in {name}:0.9"
        ) from None
    if not math.isfinite(amount):
        raise InputError("E133", f"'{text}' of step '{name}' is no finite number")
    if room == "code":
        raise InputError("E133", f"step '{name}' has no amount", cause="a coder loses nothing")
    if room == "prune" and not 0 < amount < 1:
        raise InputError("E133", f"step '{name}:{text}'", cause="the share that goes lies between 0 and 1")
    if room == "quantize" and (amount != int(amount) or not 1 <= amount <= 16):
        raise InputError("E133", f"step '{name}:{text}'", cause="the bits are a whole number from 1 to 16")
    if name == TREE:
        TreeCopy(amount)
    return amount


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def run(
    state: State, orders: tuple[Order, ...], evaluation: Evaluation, work: Path | None = None
) -> Iterator[tuple[Order, State]]:
    """Yield the state after every step; a coder changes nothing.

    After `distil` every step that tunes does it by the answers of the network as it was given. What steps tuned is kept
    in the folder `work`, if there is one: the same steps, run again, take it from there, and those of another recipe
    too as far as it begins with the same steps.
    """
    given, so_far = state.network, ""
    for order in orders:
        so_far += f"{order},"
        if work is not None:
            evaluation = replace(evaluation, checkpoints=work / content_hash(so_far)[:16])
        if order.name == DISTIL:
            evaluation = replace(evaluation, loss=_distillation(order, given))
            amount = {} if order.amount is None else {"temperature": order.amount}
            state = state.then(Step(DISTIL, {**amount, **order.settings}), state.network)
        elif order.room != "code":
            state = apply(order, state, evaluation)
        yield order, state


def coder_of(orders: tuple[Order, ...]) -> str:
    """Return the coder that ends a recipe, or `best`."""
    return orders[-1].name if orders[-1].room == "code" else BEST


def apply(order: Order, state: State, evaluation: Evaluation) -> State:
    """Return the state after one step.

    Raises:
        InputError: E133, when the method has no such setting, or the amount is open; whatever the step itself refuses.
    """
    if order.open:
        raise InputError(
            "E133",
            f"the amount of step '{order}' was not chosen",
            cause="it depends on what the file may take",
            hint="choose one with `sarto.compress.amounts.at`, or search with sarto compress --flash",
        )
    step, settings = checked_step(order)
    after = step(state, evaluation, settings)
    if order.room == "prune" and order.amount and _left(after.network) == _left(state.network):
        raise InputError(
            "E133",
            f"step '{order}' prunes nothing",
            cause="the network has no more weights than that already: amounts are shares of all its weights",
            hint="give a larger amount, or leave the step out",
        )
    return after


def _left(network: Network) -> int:
    """Return how many weights are left."""
    layers = [layer for _, layer in network.weighted()]
    return sum(la.weight.numel() if la.mask is None else int(la.mask.sum()) for la in layers)


Run = Callable[[State, Evaluation, dict[str, Any]], State]
"""(state, evaluation, settings) -> state."""


def checked_step(order: Order) -> tuple[Run, dict[str, Any]]:
    """Return what runs a step, and its amount and settings as it takes them.

    Raises:
        InputError: E133, when the method has no such setting, or the setting no such value.
    """
    found = _found(order)
    settings = order.settings
    if unknown := sorted(set(settings) - set(found.known)):
        hint = f"it has {', '.join(sorted(found.known)) or 'none'}"
        raise InputError("E133", f"step '{order.name}' has no setting '{unknown[0]}'", hint=hint)
    if twice := sorted(set(found.given) & set(order.settings)):
        raise InputError(
            "E133",
            f"step '{order}' has its {twice[0]} twice",
            cause="its amount says it",
            hint="leave one out",
        )
    if not isinstance(settings.get(TUNED, True), bool):
        raise InputError(
            "E133", f"step '{order.name}': {TUNED}={settings[TUNED]}", cause=f"{TUNED} is true or false"
        )
    return found.run, {**found.given, **checked(order.name, settings, found.takes)}


@dataclass(frozen=True)
class _Found:
    """What runs a step, the settings that it has, what its amount means to it, and the function that takes them."""

    run: Run
    known: list[str]
    given: dict[str, Any]
    takes: Callable[..., Any]


def _found(order: Order) -> _Found:
    """Return what is known of a step."""
    if order.room == "quantize":
        method = load_method("sarto.compress.quantize", order.name).quantise
        known = _settings(method) + [TUNED] * (TUNED in inspect.signature(method).parameters)
        if order.amount is not None and "bits" not in known:
            raise InputError(
                "E133", f"step '{order}' has no amount", cause=f"{order.name} has no number of bits"
            )
        given = {} if order.amount is None else {"bits": int(order.amount)}
        return _Found(
            lambda state, evaluation, given: method(state, evaluation, **given), known, given, method
        )
    if order.room == "prune":
        assert order.amount is not None, "pruning has an amount"
        given = {"density": 1 - order.amount}
        method = load_method("sarto.compress.prune", order.name)
        if hasattr(method, "shrink"):
            known = [*_settings(method.shrink), TUNED]
            return _Found(_tuned(order.name, method.shrink), known, given, method.shrink)
        known = [*_settings(Pruning), TUNED]
        return _Found(
            lambda state, evaluation, given: Pruning(order.name, **given)(state, evaluation),
            known,
            given,
            Pruning,
        )
    make, amount = STEPS[order.name]
    given = {}
    if order.name == DISTIL:
        given = {} if order.amount is None else {"temperature": order.amount}
        return _Found(_unchanged, ["temperature", "share"], given, make)
    if amount and order.amount is None and not {amount, INSTEAD.get(order.name)} & set(order.settings):
        raise InputError("E133", f"step '{order.name}' has no amount", cause=f"it needs {amount}")
    if order.amount is not None:
        if not amount:
            raise InputError("E133", f"step '{order}' has no amount", cause=f"{order.name} needs none")
        given = {amount: 1 - order.amount if amount == "density" else order.amount}
    if order.name in MADE:
        return _Found(
            lambda state, evaluation, given: _step(make, given)(state, evaluation),
            _settings(make),
            given,
            make,
        )
    if order.name in UNTUNED:
        return _Found(_plain(order.name, make), _settings(make), given, make)
    return _Found(_tuned(order.name, make), [*_settings(make), TUNED], given, make)


def _step(make: Callable[..., Any], given: dict[str, Any]) -> Callable[[State, Evaluation], State]:
    return make(**given)


def _settings(step: Callable[..., Any]) -> list[str]:
    passed = ("self", "state", "network", "evaluation", "method", "density", "bits", TUNED)
    names = [name for name in inspect.signature(step).parameters if name not in passed]
    return [*names, "bits"] if "bits" in inspect.signature(step).parameters else names


def _unchanged(state: State, _evaluation: Evaluation, _given: dict[str, Any]) -> State:
    return state


def _plain(name: str, change: Callable[..., Network]) -> Run:
    """Return the step that a change of networks is."""
    return lambda state, _evaluation, given: state.then(Step(name, given), change(state.network, **given))


def _tuned(name: str, change: Callable[..., Network]) -> Run:
    """Return the step that a change of networks is, with tuning after it unless `tuned` is false."""

    def step(state: State, evaluation: Evaluation, given: dict[str, Any]) -> State:
        settings = {key: value for key, value in given.items() if key != TUNED}
        network = change(state.network, **settings)
        if given.get(TUNED, True):
            evaluation.tune(network)
        return state.then(Step(name, dict(given)), network)

    return step


def _distillation(order: Order, teacher: Network) -> Distillation:
    return Distillation(teacher, **checked_step(order)[1])


STEPS: dict[str, tuple[Callable[..., Any], str]] = {
    "gradual": (Gradual, "density"),
    "rate": (RateAware, "price"),
    "settle": (Settling, ""),
    "renorm": (Renorm, ""),
    "low_rank": (low_rank, "share"),
    "dead_units": (remove_dead_units, ""),
    "dead_inputs": (remove_dead_inputs, ""),
    "fold": (fold, ""),
    "ranges": (Ranges, ""),
    "relu6": (with_relu6, ""),
    "fault_aware": (FaultAware, ""),
    TREE: (TreeCopy, "leaves"),
    DISTIL: (Distillation, ""),
}
"""Steps that are no method of a room, and what their amount is: `density` is given as the share that goes."""
MADE = ("gradual", "rate", "settle", "renorm", "ranges", "fault_aware", TREE)
"""Steps that are made with their settings, and then take state and evaluation."""
INSTEAD = {"low_rank": "energy"}
"""Settings that may stand in place of an amount."""
UNTUNED = ("dead_units", "dead_inputs", "fold")
"""Steps after which there is nothing to tune, since the outputs stay the same."""
