"""Faults in a torch network: any bit of its parameters in the format they are stored in, and of what its steps write.

The verdict on a fault is that of a whole run with the fault in it (`plainly`); it is found faster, see `_cut`. What is
stored is the pattern of a number format: parameters are rounded to it, and a fault makes another number of one. The
network itself computes in float32, so what its steps write (`activations`) and its items (`input`) are float32, and a
fault there comes in every item. A step writes once in an inference, so that a fault which comes once and one that stays
are the same here. Answers that are no numbers are due. All that the steps write for all items is held in memory.

>>> net = nn.Sequential(nn.Linear(2, 2, bias=False))
>>> _ = net[0].weight.data.copy_(torch.eye(2))
>>> space = NetworkSpace(net, np.array([[3.0, 1.0], [0.5, 2.0]], np.float32))
>>> len(space.cells), space.bits, (space.cells[31].layer, space.cells[31].part, space.cells[31].bit)
(32, 128, ('0', 'weights', 31))
>>> [KINDS[k] for k in space.judge(np.array([[0, 0], [31, 0], [30, 0], [30, 1]])).kinds]
['tolerable', 'critical', 'due', 'critical']
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped, UInt
from torch import Tensor, nn

from sarto.audit.faults._cut import Answers, Cut
from sarto.audit.faults._program import settled
from sarto.audit.faults.model import FLIP, Fault
from sarto.audit.faults.sample import Cell
from sarto.audit.faults.verdicts import KINDS, Judged, judged, of_classes
from sarto.core.bits import Format, Places, faulty_words, inject, number_format
from sarto.core.errors import SartoError
from sarto.core.store import content_hash
from sarto.models.network.architecture import INPUT
from sarto.models.network.bound import Bound

__all__ = ["KINDS", "PARTS", "NetworkSpace"]

PARTS = ("weights", "bias", "norms", "guards", "activations", "input")
"""What can be faulty; `norms` are scales, biases, means and variances of norms, `guards` bounds of `learn.harden`."""
AT_ONCE = 4096
"""Faults of which the answers are held at once."""
_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)  # pyright: ignore[reportPrivateUsage]


@dataclass(frozen=True, eq=False)
class _Stored:
    """A parameter: its names in the network (several, where modules share it), its shape, format and patterns."""

    names: tuple[str, ...]
    shape: tuple[int, ...]
    format: Format
    patterns: UInt[np.ndarray, " element"]


@dataclass(frozen=True)
class _Target:
    name: str
    written: bool
    bit: int


@dataclass(frozen=True, eq=False)
class NetworkSpace:
    """The faults of a torch network, seen by items.

    Attributes:
        network: from a batch of items to a batch of scores, with float32 parameters.
        items: in float32.
        where: which of `PARTS`; those that the network does not have are left out.
        fault: of what kind.
        format: of the stored parameters, see `core.bits.number_format`.
        tolerance: of a network that predicts numbers: one further off is wrong. None: scores of classes.
    """

    network: nn.Module
    items: Float[np.ndarray, "item ..."]
    where: tuple[str, ...] = ("weights", "bias", "norms", "guards")
    fault: Fault = FLIP
    format: str = "fp32"
    tolerance: float | None = None

    name = "network"
    how = "measured"

    def __post_init__(self) -> None:
        number_format(self.format)
        if strange := [part for part in self.where if part not in PARTS]:
            raise SartoError(
                "E145",
                f"'{strange[0]}' is no part of a network that can be faulty",
                cause="there is none of that name",
                hint=f"known: {', '.join(PARTS)}",
            )
        if other := [n for n, p in self.network.named_parameters() if p.dtype != torch.float32]:
            raise SartoError(
                "E145",
                f"parameter '{other[0]}' is not float32",
                cause="faults are put into the patterns of a format that float32 parameters are rounded to",
                hint="give the float32 network, and the format it is stored in: format='bf16'",
            )
        if not len(self.items):
            raise SartoError("E145", "no items", cause="a fault is judged by what it does to items")

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def _stored(self) -> tuple[nn.Module, dict[str, _Stored]]:
        """Return the network with its parameters as they come back from their format, and what is stored."""
        own = settled(self.network)
        found: dict[str, _Stored] = {}
        seen: dict[int, list[str]] = {}
        tensors = dict(own.named_parameters(remove_duplicate=False))
        tensors |= {n: b for n, b in own.named_buffers() if isinstance(_owner(own, n), (*_NORMS, Bound))}
        for name, tensor in tensors.items():
            seen.setdefault(id(tensor), []).append(name)
        for names in seen.values():
            tensor = tensors[names[0]]
            if tensor.dtype == torch.float32 and tensor.numel():
                values = tensor.detach().cpu().numpy()
                form = number_format(self.format).fitted(values)
                patterns = form.encode(values.reshape(-1))
                tensor.data = torch.from_numpy(_float32(form, patterns)).reshape(tensor.shape)
                found[names[0]] = _Stored(tuple(names), tuple(tensor.shape), form, patterns)
        return own, found

    @cached_property
    def _cut(self) -> Cut:
        with torch.no_grad():
            # a new tensor: the strides of axes of size 1 would else decide which of torch's convolutions runs
            items = torch.empty(self.items.shape, dtype=torch.float32)
            return Cut(self._stored[0], items.copy_(torch.from_numpy(np.asarray(self.items, np.float32))))

    @cached_property
    def _targets(self) -> tuple[tuple[Cell, _Target], ...]:
        own, stored = self._stored
        found: list[tuple[Cell, _Target]] = []
        for name, parameter in stored.items():
            part = _part(own, name)
            if part in self.where:
                layer = name.rpartition(".")[0].removeprefix("layers.") or "network"
                size = int(np.prod(parameter.shape))
                for b in range(parameter.format.width):
                    found.append((Cell(layer, part, b, size), _Target(name, False, b)))
        for name, part in self._written:
            if part in self.where:
                size = self._cut.flat[name].shape[1]
                found += [(Cell(name, part, b, size), _Target(name, True, b)) for b in range(32)]
        return tuple(found)

    @property
    def _written(self) -> list[tuple[str, str]]:
        """Return what is written during an inference: the input, and what steps write anew."""
        if not {"activations", "input"} & set(self.where):
            return []
        cut, found = self._cut, [(INPUT, "input")]
        for step in cut.program.steps:
            if (
                step.name in cut.by_item
                and step.kind != "view"
                and cut.golden[step.name].dtype == torch.float32
            ):
                found.append((step.name, "activations"))
        return found

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the space, bit by bit of each tensor."""
        return tuple(cell for cell, _ in self._targets)

    @property
    def bits(self) -> int:
        """How many bits are exposed."""
        return sum(cell.size for cell in self.cells)

    @property
    def cut(self) -> bool:
        """Whether the network runs step by step; if not, every fault is a whole run."""
        return not self._cut.program.whole

    @cached_property
    def golden(self) -> Float[np.ndarray, "item output"]:
        """The scores without a fault.

        Raises:
            SartoError: E145, when one is no number.
        """
        found = self._cut.flat[self._cut.program.output].numpy()
        if not np.isfinite(found).all():
            none = int((~np.isfinite(found)).any(axis=1).sum())
            raise SartoError(
                "E145",
                f"without a fault {none} items have answers that are no numbers",
                cause=f"the network, its parameters stored as {self.format}, overflows or divides by 0",
                hint="take a format of a larger range, and items that are scaled as where it was trained",
            )
        return found

    @property
    def sha256(self) -> str:
        """Hash over all that verdicts depend on."""
        digest = hashlib.sha256(np.ascontiguousarray(self.items).tobytes())
        for name, tensor in self.network.state_dict().items():
            digest.update(name.encode() + tensor.cpu().numpy().tobytes())
        words = [str(self.network), repr(self.fault), self.format, list(self.where), self.tolerance]
        return content_hash("faults of a network", digest.hexdigest(), words)

    def judge(self, places: Int64[np.ndarray, "fault 2"]) -> Judged:
        """Return what faults do, each given by the number of its cell and its own in the cell."""
        order = np.argsort(places[:, 0], kind="stable")
        parts = [self._together(places[order[f : f + AT_ONCE]]) for f in range(0, len(order), AT_ONCE)]
        if not parts:
            return judged(
                self.golden, np.zeros((0, *self.golden.shape), np.float32), tolerance=self.tolerance
            )
        found, back = Judged.joined(parts), np.argsort(order)
        return Judged(
            found.inputs, found.changed[back], found.wrong[back], found.failed[back], found.wrong_by_input
        )

    def _together(self, places: Int64[np.ndarray, "fault 2"]) -> Judged:
        answers = Answers(torch.from_numpy(self.golden), len(places), self.tolerance)
        by_name: dict[tuple[str, bool], list[int]] = {}
        targets = [self._targets[int(cell)][1] for cell in places[:, 0]]
        for number, target in enumerate(targets):
            by_name.setdefault((target.name, target.written), []).append(number)
        with torch.no_grad():
            for (name, written), numbers in by_name.items():
                elements = places[numbers, 1]
                bits = np.array([targets[n].bit for n in numbers])
                if written:
                    changes = [
                        self._change(name, e, b)
                        for e, b in zip(elements.tolist(), bits.tolist(), strict=True)
                    ]
                    self._cut.written(name, list(zip(numbers, changes, strict=True)), answers)
                else:
                    self._parameter(name, numbers, elements, bits, answers)
        golden = (
            answers.classes.new_zeros(len(self)) if self.tolerance is not None else answers.golden.argmax(1)
        )
        changed, failed = answers.changed.numpy(), answers.failed.numpy()
        return of_classes(golden.numpy(), answers.classes.numpy(), changed, failed)

    def plainly(self, cell: int, number: int) -> Judged:
        """Return what one fault does, by a whole run with it; see the module."""
        target = self._targets[cell][1]
        with torch.no_grad():
            if target.written:
                scores = self._cut.plainly_written(target.name, self._change(target.name, number, target.bit))
            else:
                stored = self._stored[1][target.name]
                ((elements, values),) = self._faulty(stored, np.array([number]), np.array([target.bit]))
                scores = self._cut.plainly(self._with(stored, elements, values))
        return judged(self.golden, scores[None].numpy(), tolerance=self.tolerance)

    def _change(self, name: str, element: int, bit: int) -> Any:
        """Return what a fault makes of what is written for some items."""
        shape = tuple(self._cut.golden[name].shape[1:])
        # what has channels has them first, in each item
        places = self.fault.places(shape, element, bit, 32, outputs_first=len(shape) > 1)

        def change(values: Tensor) -> Tensor:
            own = values.contiguous().numpy().reshape(len(values), -1).copy()
            first = np.arange(len(own))[:, None] * own.shape[1]
            at = Places((first + places.element).reshape(-1), np.tile(places.bit, len(own)))
            return torch.from_numpy(inject(own, at, self.fault.kind)).reshape(values.shape)

        return change

    def _faulty(
        self, stored: _Stored, elements: Int64[np.ndarray, " fault"], bits: Int64[np.ndarray, " fault"]
    ) -> list[tuple[Tensor, Tensor]]:
        """Return the elements that each fault changes, and their new values."""
        form, width = stored.format, stored.format.width
        if self.fault.pattern == "single":
            words = faulty_words(stored.patterns, Places(elements, bits), self.fault.kind, width)
            pairs = zip(
                torch.from_numpy(elements.astype(np.int64))[:, None],
                torch.from_numpy(_float32(form, words))[:, None],
                strict=True,
            )
            return list(pairs)
        found = list[tuple[Tensor, Tensor]]()
        for element, bit in zip(elements.tolist(), bits.tolist(), strict=True):
            places = self.fault.places(stored.shape, element, bit, width, outputs_first=len(stored.shape) > 1)
            own, inverse = np.unique(places.element, return_inverse=True)
            words = inject(stored.patterns[own], Places(inverse, places.bit), self.fault.kind, width)
            found.append((torch.from_numpy(own), torch.from_numpy(_float32(form, words))))
        return found

    def _with(self, stored: _Stored, elements: Tensor, values: Tensor) -> dict[str, Tensor]:
        """Return the parameter with other values, by all of its names."""
        other = _tensor(self._stored[0], stored.names[0]).clone()
        other.view(-1)[elements] = values
        return dict.fromkeys(stored.names, other)

    def _parameter(
        self,
        name: str,
        numbers: list[int],
        elements: Int64[np.ndarray, " fault"],
        bits: Int64[np.ndarray, " fault"],
        answers: Answers,
    ) -> None:
        """Fill in the answers with faults in one parameter."""
        stored, cut = self._stored[1][name], self._cut
        users = cut.program.users(stored.names)
        if not users:
            return
        step = cut.program.steps[users[0]]
        alone = len(users) == 1 and step.name in cut.by_item and not cut.program.whole
        names = cut.names(step) if step.name in cut.swapped else []
        own = cut.own(step) if names else []
        channels, parameters = list[tuple[int, int, list[Tensor]]](), list[tuple[int, dict[str, Tensor]]]()
        each = int(np.prod(stored.shape[1:]))
        for number, (at, values) in zip(numbers, self._faulty(stored, elements, bits), strict=True):
            channel = int(at[0]) // each
            if alone and name in names and int(at[-1]) // each == channel:
                rows = [p[channel].clone() for p in own]
                rows[names.index(name)].view(-1)[at - channel * each] = values
                channels.append((number, channel, rows))
            elif alone:
                parameters.append((number, self._with(stored, at, values)))
            else:
                fault = torch.full((len(self),), number)
                answers.put(fault, torch.arange(len(self)), cut.plainly(self._with(stored, at, values)))
        if channels:
            cut.channels(step, channels, answers)
        if parameters:
            cut.parameters(step, parameters, answers)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: not what it finds again by itself."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}


def _float32(form: Format, patterns: UInt[np.ndarray, "*shape"]) -> Shaped[np.ndarray, "*shape"]:
    with np.errstate(over="ignore"):
        return form.decode(patterns).astype(np.float32)


def _owner(network: nn.Module, name: str) -> nn.Module:
    return network.get_submodule(name.rpartition(".")[0])


def _tensor(network: nn.Module, name: str) -> Tensor:
    return cast("Tensor", getattr(_owner(network, name), name.rpartition(".")[2]))


def _part(network: nn.Module, name: str) -> str:
    """Return what a parameter is."""
    if isinstance(_owner(network, name), _NORMS):
        return "norms"
    if isinstance(_owner(network, name), Bound):
        return "guards"
    return "bias" if name.rpartition(".")[2].startswith("bias") else "weights"
