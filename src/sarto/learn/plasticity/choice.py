"""The parameter `plasticity` of an estimator: a rule or None, as plain JSON values and back.

>>> to_json(IntrinsicPlasticity(epochs=2))["kind"], from_json(to_json(SynapticPlasticity("bcm"))).rule
('intrinsic', 'bcm')
"""

from __future__ import annotations

from typing import Any, TypeAlias

from sarto.learn.plasticity.intrinsic import IntrinsicPlasticity
from sarto.learn.plasticity.synaptic import SynapticPlasticity
from sarto.models.input_error import InputError

Plasticity: TypeAlias = IntrinsicPlasticity | SynapticPlasticity
KINDS: dict[str, type[Plasticity]] = {"intrinsic": IntrinsicPlasticity, "synaptic": SynapticPlasticity}


def check_plasticity(value: object) -> Plasticity | None:
    """Return the parameter; anything but a rule and None is refused (E116)."""
    if value is None or isinstance(value, IntrinsicPlasticity | SynapticPlasticity):
        return value
    raise InputError(
        "E116",
        f"plasticity = {value!r}",
        cause="it must be a rule of plasticity",
        hint="use None, IntrinsicPlasticity(...) or SynapticPlasticity(...)",
    )


def to_json(value: object) -> dict[str, Any] | None:
    """Return the parameter as plain values."""
    rule = check_plasticity(value)
    kinds = {kind: name for name, kind in KINDS.items()}
    return None if rule is None else {"kind": kinds[type(rule)], **vars(rule)}


def from_json(data: dict[str, Any] | None) -> Plasticity | None:
    """Return the parameter that `to_json` wrote."""
    if data is None:
        return None
    return KINDS[data["kind"]](**{name: value for name, value in data.items() if name != "kind"})
