"""Faults in running images: what is found quickly is what a boot with the fault in it says."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import pytest

from sarto.core.bits import Places, flip
from sarto.core.errors import SartoError
from sarto.deploy.c.emit import emit
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.image import Image
from sarto.measure.injection import SLOWEST, Answers, Injector
from sarto.measure.machine import Machine
from tests.deploy.c.chains import chain, items
from tests.measure.example import SEQUENCES, changed

GIVEN = [sequence for sequence in SEQUENCES if len(sequence)]


@cache
def machine(name: str) -> Injector:
    return Injector(build(changed(), device(name)), GIVEN)


@cache
def network() -> Injector:
    graph = chain(3, 2)
    given = items(graph, 3)
    lines = given.reshape(len(given), given.shape[1], -1)
    return Injector(build(emit(graph), device("cortex_m4")), list(lines))


def booted(of: Injector, flash: bytes) -> Answers | str:
    """What the image says with another content of its flash, or why it does not come to the end."""
    image: Image = copy.copy(of.image)
    image.__dict__["flash"] = flash
    sequences = np.split(of._words, np.cumsum(of.steps)[:-1])  # pyright: ignore[reportPrivateUsage]
    plain = Machine(image, sequences, "block", SLOWEST * 10_000)
    try:
        plain.run()
    except (SartoError, AssertionError) as error:
        return str(error)
    rows = plain._results[: plain.probe.rows]  # pyright: ignore[reportPrivateUsage]
    last = rows[rows[:, 1] < 0]
    found = Answers(of.golden.classes * 0, of.golden.scores * 0, of.golden.answered & False)
    found.classes[last[:, 0]], found.scores[last[:, 0]], found.answered[last[:, 0]] = (
        last[:, 2],
        last[:, 3:],
        True,
    )
    return found


@pytest.mark.parametrize("name", ["cortex_m0plus", "cortex_m4", "rv32imc"])
def test_any_bit_of_flash_from_the_start(name: str) -> None:
    of = machine(name)
    rng = np.random.default_rng(2)
    for at in rng.choice(np.flatnonzero(of.touched), 25):
        place = Places(at, rng.integers(8))
        found, plain = of.flash(place), booted(of, flip(of.image.flash, place))
        if isinstance(plain, str):
            # The plain board has room for so many results only.
            assert not found.answered.all() or "more results" in plain, plain
        else:
            np.testing.assert_array_equal(found.answered, plain.answered)
            np.testing.assert_array_equal(found.scores, plain.scores)
            np.testing.assert_array_equal(found.classes, plain.classes)
    assert of.golden.answered.all()


def test_what_is_never_touched_changes_nothing() -> None:
    of = network()
    idle = np.flatnonzero(~of.touched)
    assert 10 < len(idle) < of.image.flash_b / 2
    for at in np.random.default_rng(0).choice(idle, 10):
        plain = booted(of, flip(of.image.flash, Places(at, 5)))
        assert not isinstance(plain, str)
        np.testing.assert_array_equal(plain.scores, of.golden.scores)


def test_a_fault_of_flash_at_a_moment_is_there_from_then_on() -> None:
    of = network()
    weights = next(s for s in of.image.contents.symbols if s.name.startswith("weights_"))
    place = Places(weights.address - of.image.device.flash.origin + np.arange(weights.size_b), 6)
    always = of.flash(place)
    assert (always.scores != of.golden.scores).any(axis=1).all()
    late = of.flash(place, moment=of.total * 2 // 3 - 40)
    np.testing.assert_array_equal(late.scores[0], of.golden.scores[0])
    np.testing.assert_array_equal(late.scores[2], always.scores[2])
    np.testing.assert_array_equal(of.flash(Places(0, []), moment=5).scores, of.golden.scores)


def arena(of: Injector) -> tuple[int, int]:
    symbol = next(s for s in of.image.contents.symbols if s.name == "arena")
    return symbol.address - of.image.device.ram.origin, symbol.size_b


def test_a_bit_of_ram_spoils_only_what_comes_after_it_until_it_is_overwritten() -> None:
    of = network()
    first, size = arena(of)
    moments = [of.total * k // 24 for k in range(1, 24)]
    spoilt = np.zeros(3, int)
    for number, moment in enumerate(moments):
        everything = Places(first + np.arange(size), number % 8)
        wrong = (of.ram(everything, moment=moment).scores != of.golden.scores).any(axis=1)
        done = sum(p.total <= moment for p in of._points[1:])  # pyright: ignore[reportPrivateUsage]
        assert not wrong[:done].any()
        spoilt += wrong
    assert (spoilt > 0).all()


def test_stopping_early_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    of = network()
    first, size = arena(of)
    rng = np.random.default_rng(4)
    drawn = [
        (Places(first + rng.integers(size), rng.integers(8)), int(rng.integers(of.total))) for _ in range(40)
    ]
    quick = [of.ram(place, moment=moment) for place, moment in drawn]

    def never(_: Injector) -> bool:
        return False

    monkeypatch.setattr(Injector, "_as_without", never)
    for (place, moment), found in zip(drawn, quick, strict=True):
        np.testing.assert_array_equal(of.ram(place, moment=moment).scores, found.scores)
    assert any((found.scores != of.golden.scores).any() for found in quick)


def test_a_crash_and_a_hang_leave_no_answer_and_the_machine_as_good_as_before() -> None:
    of = machine("cortex_m4")
    step = next(s for s in of.image.contents.symbols if s.name == "model_step")
    at = step.address - of.image.device.flash.origin
    # Its first instruction becomes one to itself (0xe7fe), one that is undefined (0xde00), one that waits (0xbf30).
    for word in (0xE7FE, 0xDE00, 0xBF30):
        now = int.from_bytes(of.image.flash[at : at + 2], "little")
        bits = np.flatnonzero([(word ^ now) >> b & 1 for b in range(16)])
        assert not of.flash(Places(at + bits // 8, bits % 8)).answered.any()
    late = of.flash(Places(at + bits // 8, bits % 8), moment=of.total * 3 // 4)
    assert late.answered[0] and not late.answered[-1]
    np.testing.assert_array_equal(of.flash(Places(at, []), moment=7).scores, of.golden.scores)


def test_idle_instructions_matter_to_a_program_that_reads_its_code() -> None:
    of = machine("cortex_m4")
    assert not of.touched.all()
    reading = changed(new="arena->steps += 0 * *(const volatile uint32_t *)0x08000100u;")
    assert not Injector(build(reading, device("cortex_m4")), GIVEN).touched.all()
    summing = changed(
        new="for (uint32_t at = 0x08000000u; at < 0x08000200u; at += 4)"
        " arena->sum[0] += (int32_t)*(const volatile uint32_t *)at;"
    )
    assert Injector(build(summing, device("cortex_m4")), GIVEN).touched.all()
