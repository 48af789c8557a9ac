"""Faults that stay in RAM: what is found is what a board says whose memory is put wrong at every access."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from sarto.core.bits import KINDS, Kind, Places
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.image import Image
from sarto.measure.injection import SLOWEST, Answers
from sarto.measure.machine import Machine
from sarto.measure.permanent import PermanentInjector
from tests.measure.example import SEQUENCES, changed

GIVEN = [sequence for sequence in SEQUENCES if len(sequence)]


@cache
def machine(name: str) -> PermanentInjector:
    return PermanentInjector(build(changed(), device(name)), GIVEN)


class Faulty(Machine):
    """A plain board that is interrupted, in Python, at every access to one byte of its RAM."""

    def __init__(self, image: Image, at: int, bit: int, kind: Kind) -> None:
        super().__init__(image, GIVEN, "block", SLOWEST * 10_000)
        self.at, self.bit, self.kind = image.device.ram.origin + at, bit, kind
        self.meant = 0

    def _connect(self, unicorn: Any, library: Any, emulator: Any) -> None:
        super()._connect(unicorn, library, emulator)
        (self.meant,) = emulator.mem_read(self.at, 1)

        def read(emulator: Any, _access: int, address: int, size: int, _value: int, _user: Any) -> None:
            if address <= self.at < address + size:
                bit = {"stuck0": 0, "stuck1": 1, "flip": 1 - (self.meant >> self.bit & 1)}[self.kind]
                emulator.mem_write(self.at, bytes([self.meant & ~(1 << self.bit) | bit << self.bit]))

        def write(_emulator: Any, _access: int, address: int, size: int, value: int, _user: Any) -> None:
            if address <= self.at < address + size:
                self.meant = value >> 8 * (self.at - address) & 0xFF

        emulator.hook_add(unicorn.UC_HOOK_MEM_READ, read)
        emulator.hook_add(unicorn.UC_HOOK_MEM_WRITE, write)

    def answers(self, like: Answers) -> Answers | None:
        try:
            self.run()
        except Exception:
            return None
        rows = self.results()
        last = rows[rows[:, 1] < 0]
        found = Answers(like.classes * 0, like.scores * 0, like.answered & False)
        found.classes[last[:, 0]], found.scores[last[:, 0]], found.answered[last[:, 0]] = (
            last[:, 2],
            last[:, 3:],
            True,
        )
        return found


@pytest.mark.parametrize("name", ["cortex_m4", "rv32imc"])
def test_every_access_meets_the_fault(name: str) -> None:
    of = machine(name)
    rng = np.random.default_rng(3)
    read = np.flatnonzero(of.read_as.any(axis=1))
    said: list[bool] = []
    for n, at in enumerate(rng.choice(read, 24)):
        bit, kind = int(rng.integers(8)), KINDS[n % 3]
        found, plain = (
            of.permanent(Places([at], [bit]), kind),
            Faulty(of.image, int(at), bit, kind).answers(of.golden),
        )
        if plain is None:
            assert not found.answered.all()
            continue
        np.testing.assert_array_equal(found.answered, plain.answered)
        np.testing.assert_array_equal(found.scores, plain.scores)
        said.append(bool((found.scores != of.golden.scores).any()))
    assert any(said)
    assert not all(said)


def test_what_is_not_run_would_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    of = machine("cortex_m4")
    harmless = of.read_as
    kinds: tuple[tuple[Kind, Any], ...] = (("stuck0", harmless[:, 1]), ("stuck1", harmless[:, 0]))
    for kind, harm in kinds:
        at = np.flatnonzero(harmless.any(axis=1) & (harm == 0))[:3]
        assert len(at)
        monkeypatch.setattr(of, "read_as", np.full_like(harmless, 255))
        for byte in at:
            found = of.permanent(Places([byte], [2]), kind)
            np.testing.assert_array_equal(found.scores, of.golden.scores)
            assert found is not of.golden
        monkeypatch.setattr(of, "read_as", harmless)


def test_it_says_what_the_other_says_without_a_fault() -> None:
    of = machine("cortex_m4")
    golden = of.golden
    of.permanent(Places([int(of.read_as.any(axis=1).argmax())], [7]), "flip")
    assert of.permanent(Places([0], [0]), "stuck0") is golden
    again = of.ram(Places([0], [0]))
    np.testing.assert_array_equal(again.scores, golden.scores)
