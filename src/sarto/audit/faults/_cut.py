"""Faults in a torch module, from the faulty step on: what a plain run with each fault says, found with less work.

Every step runs on the same number of rows, `ROWS` or as many as there are items, whether these are items or what faults
make of items (the last of them are filled up). The processor's kernels then add up each row in the same order, so that
what did not change has the same bits. Whether that holds is tried beforehand, on the items in another order and on each
layer's channels in another order; what fails is run plainly.

1. What comes before the faulty step was computed once.
2. As many faults of a layer as it has channels run at once: each takes the place of a channel.
3. Of the channel that a fault changes, only items that change go on; alone through what acts on each channel by itself.
4. Then all items of all faults run through the rest together, and are dropped where nothing is left of the change.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sarto.audit.faults._program import Changed, Program, Step, program, whole_program
from sarto.models.network.architecture import INPUT

ROWS = 256
"""Rows that run together."""
MOST = 1 << 21
"""Numbers of a step that wait for the next one; 8 MiB."""


@dataclass(frozen=True, eq=False)
class Thin:
    """Items of faults in which one slice of a value changed: which of the slices of that size, and what is in it."""

    fault: Tensor
    item: Tensor
    slice: Tensor
    values: Tensor

    def __getitem__(self, chosen: Tensor) -> Thin:
        fields = (self.fault, self.item, self.slice, self.values)
        return Thin(*(field.index_select(0, chosen) for field in fields))

    def __len__(self) -> int:
        return len(self.fault)


class Answers:
    """What `faults` faults do to the answers of items: only those that change are told.

    Attributes:
        classes: the class of each item with each fault.
        changed: where the answer has other bits than without the fault.
        failed: where it is no number.
    """

    def __init__(self, golden: Tensor, faults: int, tolerance: float | None = None) -> None:
        self.golden, self.tolerance = golden, tolerance
        own = golden.argmax(1) if tolerance is None else torch.zeros(len(golden), dtype=torch.int64)
        self.classes = own.repeat(faults, 1)
        self.changed = torch.zeros_like(self.classes, dtype=torch.bool)
        self.failed = torch.zeros_like(self.changed)

    def put(self, fault: Tensor, item: Tensor, scores: Tensor) -> None:
        """Take what items say with faults; with a tolerance, class 1 is an answer that is further off."""
        before = self.golden[item]
        if self.tolerance is None:
            classes = scores.argmax(1)
        else:
            off = (scores.double() - before.double()).abs() > self.tolerance
            classes = off.any(1).long()
        self.classes[fault, item] = classes
        self.changed[fault, item] = (scores != before).any(1)
        self.failed[fault, item] = ~scores.isfinite().all(1)


class Cut:
    """A settled network as a program, with what each step gives without a fault, on `items`.

    Attributes:
        program: that is run; one step where the given one cannot be cut.
        golden: what each step gives, for all items where it depends on them.
        by_item: names of what has a row for each item; `flat` has these as matrices.
        readers: numbers of the steps that take each value.
        swapped: names of the layers in which faults may take the places of channels.
    """

    def __init__(self, network: nn.Module, items: Tensor) -> None:
        self.items, self.rows = items, min(ROWS, len(items))
        self.program, (self.golden, self.by_item) = self._first_that_holds(network)
        self.flat = {n: self.golden[n].reshape(len(items), -1) for n in self.by_item}
        steps = self.program.steps
        self.readers = {n: [i for i, s in enumerate(steps) if n in s.inputs] for n in self.golden}
        self.swapped = {s.name for s in steps if s.kind == "layer" and self._channels_swap(s)}

    def _first_that_holds(self, network: nn.Module) -> tuple[Program, tuple[dict[str, Any], set[str]]]:
        """Return the steps that give an item the same bits wherever it stands, and what they give."""
        self.program = whole = whole_program(network)
        answers = self._values(self.items)
        assert answers is not None, "a network answers each item by a row"
        for padded in (False, True):
            self.program = program(network, padded=padded)
            found = None if self.program.whole else self._values(self.items)
            if found is not None and self._same_in_another_order(*found):
                pair = found[0][self.program.output], answers[0][whole.output]
                if pair[0].shape == pair[1].shape and torch.allclose(
                    *pair, rtol=1e-4, atol=1e-5, equal_nan=True
                ):
                    return self.program, found
        self.program = whole
        return whole, answers

    def firsts(self, count: int) -> range:
        """Return where the rows that run together begin."""
        return range(0, count, self.rows)

    def filled(self, values: Tensor, first: int) -> Tensor:
        """Return `rows` rows from `first` on, the last one again and again where there are no more."""
        part = values[first : first + self.rows]
        missing = self.rows - len(part)
        return torch.cat([part, part[-1:].expand(missing, *part.shape[1:])]) if missing else part

    def _values(self, items: Tensor) -> tuple[dict[str, Any], set[str]] | None:
        """Return what every step gives, and the names of what has rows; None where a tensor of items has none."""
        found: dict[str, list[Any]] = {}
        by_item = {INPUT}
        for first in self.firsts(len(items)):
            own: dict[str, Any] = {INPUT: self.filled(items, first)}
            for step in self.program.steps:
                y = own[step.name] = step.call(own)
                if by_item & set(step.inputs):
                    if isinstance(y, Tensor) and y.ndim and len(y) == self.rows:
                        by_item.add(step.name)
                    elif not isinstance(y, int | float | torch.Size | torch.dtype | torch.device):
                        return None
                found.setdefault(step.name, []).append(y)
        values = {n: torch.cat(v)[: len(items)] if n in by_item else v[0] for n, v in found.items()}
        return ({INPUT: items} | values, by_item) if self.program.output in by_item else None

    def _same_in_another_order(self, golden: dict[str, Any], by_item: set[str]) -> bool:
        """Return whether every step gives the same bits wherever among the rows an item stands."""
        turned = torch.roll(torch.arange(len(self.items)), 1 + self.rows // 3)
        again = self._values(self.items[turned])
        return again is not None and all(
            torch.equal(bits(again[0][n]), bits(v[turned] if n in by_item else v))
            for n, v in golden.items()
            if isinstance(v, Tensor)
        )

    def _channels_swap(self, step: Step) -> bool:
        """Return whether a layer's channels give the same bits wherever they stand."""
        names, own, golden = self.names(step), self.own(step), self.golden[step.name]
        if self.program.users(names) != [self.program.steps.index(step)] or not golden.is_contiguous():
            return False
        if golden.ndim < 2 or golden.shape[1] != len(own[0]) or (golden.ndim > 2 and own[0].ndim < 3):
            return False
        order = torch.arange(len(own[0])).view(self.groups(step), -1).roll(1, 1).reshape(-1)
        changed = {n: v[order] for n, v in zip(names, own, strict=True)}
        return all(
            torch.equal(bits(y), bits(golden[first : first + len(y)][:, order]))
            for first, y in self._runs(step, changed)
        )

    def names(self, step: Step) -> list[str]:
        """Return the names of a layer's weight and, if there is one, bias in the whole module."""
        names = {own: name for name, own in step.owns.items()}
        return [names[own] for own in ("weight", "bias") if own in names]

    def own(self, step: Step) -> list[Tensor]:
        """Return a layer's weight and, if there is one, bias."""
        assert step.module is not None
        return [step.module.get_parameter(step.owns[name]).data for name in self.names(step)]

    def groups(self, step: Step) -> int:
        """Return the groups of a convolution; 1 of a linear layer."""
        return int(getattr(step.module, "groups", 1))

    def _runs(self, step: Step, changed: Changed) -> Iterator[tuple[int, Tensor]]:
        """Yield what a step gives with other parameters, for some items after the other."""
        for first in self.firsts(len(self.items)):
            read = {n: self.golden[n] for n in step.inputs}
            values = {n: self.filled(v, first) if n in self.by_item else v for n, v in read.items()}
            yield first, step.call(values, changed)[: len(self.items) - first]

    def plainly(self, changed: Changed) -> Tensor:
        """Return the answers with other parameters, by a whole run."""
        found = list[Tensor]()
        for first in self.firsts(len(self.items)):
            own: dict[str, Any] = {INPUT: self.filled(self.items, first)}
            for step in self.program.steps:
                own[step.name] = step.call(own, changed)
            found.append(own[self.program.output])
        return torch.cat(found)[: len(self.items)].reshape(len(self.items), -1)

    def plainly_written(self, name: str, change: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the answers where what one step gives, or the input, is changed, by a whole run."""
        found = list[Tensor]()
        for first in self.firsts(len(self.items)):
            given = self.filled(self.items, first)
            own: dict[str, Any] = {INPUT: change(given) if name == INPUT else given}
            for step in self.program.steps:
                y = step.call(own)
                own[step.name] = change(y) if step.name == name else y
            found.append(own[self.program.output])
        return torch.cat(found)[: len(self.items)].reshape(len(self.items), -1)

    def channels(self, step: Step, faults: Sequence[tuple[int, int, list[Tensor]]], answers: Answers) -> None:
        """Fill in the answers with faults that change one channel of a layer.

        Args:
            step: the layer, one of `swapped`.
            faults: number, channel, and the channel's weights, and bias if there is one, with the fault.
            answers: of all faults.
        """
        names, own = self.names(step), self.own(step)
        outputs = len(own[0])
        each = outputs // self.groups(step)
        waiting: dict[int, list[tuple[int, int, list[Tensor]]]] = {}
        for fault in faults:
            waiting.setdefault(fault[1] // each, []).append(fault)
        golden = self.golden[step.name].reshape(len(self.items), outputs, -1)
        batch = _Batch(self, self.program.steps.index(step), step.name, answers)
        while waiting:
            chosen = [(group * each + i, f) for group, of in waiting.items() for i, f in enumerate(of[:each])]
            waiting = {group: of[each:] for group, of in waiting.items() if len(of) > each}
            slot = torch.tensor([s for s, _ in chosen])
            channel = torch.tensor([f[1] for _, f in chosen])
            number = torch.tensor([f[0] for _, f in chosen])
            changed: dict[str, Tensor] = {}
            for i, name in enumerate(names):
                changed[name] = own[i].clone()
                changed[name][slot] = torch.stack([f[2][i] for _, f in chosen])
            for first, y in self._runs(step, changed):
                found = y.reshape(len(y), outputs, -1).index_select(1, slot).flatten(0, 1)
                was = golden[first : first + len(y)].index_select(1, channel).flatten(0, 1)
                pair = other_rows(found, was)
                item, at = pair // len(slot), pair % len(slot)
                batch.put(Thin(number[at], item + first, channel[at], found.index_select(0, pair)))
        batch.run()

    def parameters(self, step: Step, faults: Sequence[tuple[int, Changed]], answers: Answers) -> None:
        """Fill in the answers with faults in parameters of the only step that uses them, each run by itself."""
        batch = _Batch(self, self.program.steps.index(step), step.name, answers)
        for fault, changed in faults:
            for first, y in self._runs(step, changed):
                batch.put(self._whole_items(step.name, fault, first, y))
        batch.run()

    def written(
        self, name: str, faults: Sequence[tuple[int, Callable[[Tensor], Tensor]]], answers: Answers
    ) -> None:
        """Fill in the answers with faults in what a step gives, or in the input."""
        numbers = [i for i, s in enumerate(self.program.steps) if s.name == name]
        batch = _Batch(self, numbers[0] if numbers else -1, name, answers)
        for fault, change in faults:
            batch.put(self._whole_items(name, fault, 0, change(self.golden[name])))
        batch.run()

    def _whole_items(self, name: str, fault: int, first: int, y: Tensor) -> Thin:
        own = y.reshape(len(y), -1)
        item = other_rows(own, self.flat[name][first : first + len(y)])
        return Thin(torch.full_like(item, fault), item + first, torch.zeros_like(item), own[item])


class _Batch:
    """Items of faults that wait for what comes after step `number`."""

    def __init__(self, cut: Cut, number: int, name: str, answers: Answers) -> None:
        self.cut, self.name, self.answers = cut, name, answers
        self.waiting: list[Thin] = []
        self.size = 0
        self.alone = self._alone_steps()
        self.number = self.alone[-1] if self.alone else number
        self.last = cut.program.steps[self.number].name if self.number >= 0 else INPUT
        self.most = max(cut.rows, MOST // max(1, cut.flat[self.last].shape[1]))

    def _alone_steps(self) -> list[int]:
        """Return the steps that act on each channel by itself, from the one that the faults are in."""
        cut, name, found = self.cut, self.name, list[int]()
        while len(cut.readers[name]) == 1:
            step = cut.program.steps[cut.readers[name][0]]
            if step.inputs != (name,) or step.kind not in ("pointwise", "pool", "view"):
                break
            if step.kind == "view" and not torch.equal(bits(cut.flat[name]), bits(cut.flat[step.name])):
                break
            if step.kind == "pool" and cut.golden[name].shape[1] != cut.golden[self.name].shape[1]:
                break
            found.append(cut.readers[name][0])
            name = step.name
        return found

    def put(self, pairs: Thin) -> None:
        """Let changed items wait, and run them when there are many."""
        for number in self.alone:
            if not len(pairs):
                return
            step = self.cut.program.steps[number]
            pairs = pairs if step.kind == "view" else self._alone(step, pairs)
        if len(pairs):
            self.waiting.append(pairs)
            self.size += len(pairs)
        if self.size >= self.most:
            self.run()

    def _alone(self, step: Step, pairs: Thin) -> Thin:
        """Return what a step makes of channels alone, where it is not what it would be without the fault."""
        before, after = self.cut.golden[step.inputs[0]], self.cut.flat[step.name]
        values = pairs.values
        given = values if step.kind == "pointwise" else values.reshape(-1, 1, *before.shape[2:])
        y = step.call({step.inputs[0]: given}).reshape(len(values), -1)
        slices = after.shape[1] // y.shape[1]
        was = after.reshape(-1, y.shape[1]).index_select(0, pairs.item * slices + pairs.slice)
        return Thin(pairs.fault, pairs.item, pairs.slice, y)[other_rows(y, was)]

    def run(self) -> None:
        """Run all that waits to the end, and fill in the answers."""
        if not self.waiting:
            return
        cut, waiting = self.cut, self.waiting
        self.waiting, self.size = [], 0
        fault = torch.cat([p.fault for p in waiting])
        item = torch.cat([p.item for p in waiting])
        values = torch.cat([p.values for p in waiting])
        full = cut.flat[self.last].index_select(0, item)
        slices = full.shape[1] // values.shape[1]
        at = torch.arange(len(item)) * slices + torch.cat([p.slice for p in waiting])
        full.view(-1, values.shape[1]).index_copy_(0, at, values)
        other = {self.last: full.reshape(-1, *cut.golden[self.last].shape[1:])}
        for number, step in enumerate(cut.program.steps[self.number + 1 :], self.number + 1):
            if not set(step.inputs) & set(other) or step.name not in cut.by_item:
                continue
            other[step.name] = self._step(step, other, item)
            for n in step.inputs:
                if n in other and cut.readers[n][-1] <= number:
                    del other[n]
            if step.kind in ("pointwise", "pool") and set(other) == {step.name}:
                y = other[step.name]
                left = other_rows(y.flatten(1), cut.flat[step.name].index_select(0, item))
                if len(left) < len(item):
                    fault, item, other = fault[left], item[left], {step.name: y.index_select(0, left)}
            if not len(item):
                return
        if (answer := other.get(cut.program.output)) is not None:
            self.answers.put(fault, item, answer.reshape(len(item), -1))

    def _step(self, step: Step, other: dict[str, Tensor], item: Tensor) -> Tensor:
        """Return what a step makes of all rows, so many of them at a time."""
        cut = self.cut
        parts = list[Tensor]()
        for first in cut.firsts(len(item)):
            own = item[first : first + cut.rows]
            values: dict[str, Any] = {}
            for n in step.inputs:
                if n in other:
                    values[n] = cut.filled(other[n], first)
                elif n in cut.by_item:
                    values[n] = cut.filled(cut.golden[n].index_select(0, own), 0)
                else:
                    values[n] = cut.golden[n]
            parts.append(step.call(values)[: len(own)])
        return torch.cat(parts)


def bits(values: Tensor) -> Tensor:
    """Return the patterns of float32 numbers as integers: equal only where every bit is, NaN and -0 too."""
    return values.contiguous().view(torch.int32) if values.dtype == torch.float32 else values


def other_rows(values: Tensor, before: Tensor) -> Tensor:
    """Return the numbers of the rows in which any bit differs."""
    differs = bits(values) != bits(before)
    if differs.shape[1] % 8 == 0 and differs.shape[1]:
        differs = differs.view(torch.int64)  # eight truth values at once
    return differs.any(1).nonzero()[:, 0]
