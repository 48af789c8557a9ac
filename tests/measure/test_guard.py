"""Guarded images: they say the same, no wrong bit of flash goes unnoticed, and the sum is that of the words."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sarto.core.bits import Places
from sarto.core.errors import SartoError
from sarto.deploy.c.emit import emit
from sarto.deploy.guard import FlashSum, Guards, guarded
from sarto.deploy.sums import rotating_sum
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.guard import build_guarded, flash_sum, guard_folder
from sarto.measure.image import Image
from sarto.measure.injection import Injector
from sarto.measure.model import outputs
from tests.audit.faults.test_folder import folder
from tests.core.graph.companions import companion
from tests.deploy.c.chains import chain, items
from tests.measure.example import SEQUENCES, changed, expected

FLASH = Guards.of("flash")
GIVEN = [sequence for sequence in SEQUENCES if len(sequence)]


@cache
def image(name: str, parts: int) -> Image:
    return build_guarded(changed(), device(name), Guards(FlashSum(parts=parts)))[0]


def test_the_sum_is_the_remainder_by_its_polynomial() -> None:
    words = np.random.default_rng(0).integers(0, 2**32, 40, dtype=np.uint32)
    # Every word lies turned by as many bits as words follow it: x^32 is 1.
    total = 0
    for number, word in enumerate(words[::-1].tolist()):
        turn = number % 32
        total ^= (word >> turn | word << (32 - turn)) & 0xFFFFFFFF
    assert rotating_sum(words) == total


@pytest.mark.parametrize(("name", "parts"), [("cortex_m4", 1), ("cortex_m0plus", 4), ("rv32imc", 1)])
def test_a_guarded_image_says_the_same_and_sums_all_of_its_flash(name: str, parts: int) -> None:
    made = image(name, parts)
    assert emulate(made, GIVEN).outputs.equals(expected(GIVEN))
    last = next(s for s in made.contents.symbols if s.name == "model_guard_sum")
    end = last.address - made.device.flash.origin
    assert end + 4 == made.flash_b and end % 32 == 0
    assert int.from_bytes(made.flash[end:], "little") == flash_sum(made)
    assert not made.diagnostics
    assert 0 < made.flash_b - build(changed(), device(name)).flash_b < 330


def test_no_wrong_bit_of_code_or_tables_lets_a_wrong_answer_out() -> None:
    of, plain = Injector(image("cortex_m4", 1), GIVEN), Injector(build(changed(), device("cortex_m4")), GIVEN)
    rng = np.random.default_rng(1)

    def silent(injector: Injector, count: int) -> float:
        wrong = 0
        for _ in range(count):
            at = Places(rng.integers(64, injector.image.flash_b), rng.integers(8))
            found = injector.flash(at)
            wrong += bool((found.answered & (found.classes != injector.golden.classes)).any())
        return wrong / count

    assert silent(of, 150) <= 0.02 < 0.06 <= silent(plain, 150)


def test_a_harmless_wrong_bit_is_found_when_its_part_is_checked() -> None:
    for parts in (1, 4):
        of = Injector(image("cortex_m4", parts), GIVEN)
        # The fault handler never runs, so that nothing but the guard can tell of a bit in it.
        handler = next(s for s in of.image.contents.symbols if s.name == "fault")
        found = of.flash(Places(handler.address - of.image.device.flash.origin, 0))
        first = int(np.argmin(found.answered))
        assert not found.answered.any() if parts == 1 else not found.answered.all() and first < parts
        np.testing.assert_array_equal(found.scores[:first], of.golden.scores[:first])


def test_answers_of_windows_are_guarded_and_a_sum_that_nobody_wrote_is_learned() -> None:
    windowed = {
        **changed(),
        "model.h": changed()["model.h"].replace("#define", "#define MODEL_WINDOW 3\n#define", 1),
    }
    learning = build(guarded(windowed, FLASH), device("cortex_m4"))
    assert emulate(learning, GIVEN).outputs.equals(expected(GIVEN))
    of = Injector(learning, GIVEN)
    handler = next(s for s in learning.contents.symbols if s.name == "fault")
    place = Places(handler.address - learning.device.flash.origin, 0)
    assert of.flash(place).answered.all()
    late = of.flash(place, moment=of.total // 2)
    assert late.answered[0] and not late.answered[-1]
    steps = [
        emulate(image, GIVEN).step_instructions.max()
        for image in (learning, build(changed(), device("cortex_m4")))
    ]
    assert steps[0] > steps[1] + learning.flash_b // 4


def test_weights_may_be_left_out() -> None:
    sources = emit(chain(3, 2))
    made = build_guarded(sources, device("cortex_m4"), Guards.of("code"))[0]
    given = items(chain(3, 2), 2)
    of = Injector(made, list(given.reshape(2, given.shape[1], -1)))
    plain = Injector(build(sources, device("cortex_m4")), list(given.reshape(2, given.shape[1], -1)))
    np.testing.assert_array_equal(of.golden.scores, plain.golden.scores)
    for symbol in (s for s in made.contents.symbols if s.section in (".text", ".rodata", ".weights")):
        found = of.flash(Places(symbol.address - made.device.flash.origin, 0))
        assert symbol.name.startswith("weights_") == (symbol.section == ".weights")
        assert symbol.section == ".weights" or not found.answered.any(), symbol.name
    weights = [s for s in made.contents.symbols if s.section == ".weights"]
    assert len(weights) == sum(op.kind in ("conv", "dense") for op in chain(3, 2).whole)
    at = [s.address - made.device.flash.origin for s in weights]
    assert all(of.flash(Places(a, 0)).answered.all() for a in at)


def test_the_model_of_a_folder_is_guarded_and_says_what_that_takes(tmp_path: Path) -> None:
    folder(tmp_path)
    sources, evidence = guard_folder(tmp_path, FLASH, command="sarto deploy out --guard sum")
    of = {e.what: e for e in evidence}
    assert set(sources) == {"model.c", "model.h", "link.ld"} and "@" not in sources["link.ld"]
    flash, work = of["flash of the guard"], of["instructions of the guard"]
    assert 0 < flash.value < 330 and flash.how == "measured"
    words = build(sources, device("cortex_m4")).flash_b / 4
    assert 1.5 * words < work.value < 2.5 * words and work.how == "emulated"
    assert {e.command for e in evidence} == {"sarto deploy out --guard sum"}


def test_layers_are_checked_and_what_that_covers_is_told(tmp_path: Path) -> None:
    graph, given = folder(tmp_path, seed=6)
    sources, evidence = guard_folder(tmp_path, Guards.of("abft"))
    of = {e.what: e for e in evidence}
    assert "TWICE(rows" in sources["model.c"] and "TWICE(conv" not in sources["model.c"]
    (last,) = (op for op in graph.whole if op.kind == "dense")
    taps = graph.const(last.inputs["weights"]).shape[1]
    # A row of sums of 16 bits, and some code.
    assert 2 * taps < of["flash of the guard"].value < 2 * taps + 500
    assert 0 < of["instructions of the guard"].value < 4 * taps + 100
    assert 0 < of["checked multiplications"].value < of["checked weights"].value < 1
    assert of["checked weights"].tool == "1 of 3 layers; y0: it is a convolution; y1: it is a convolution"
    made = build_guarded(emit(graph), device("cortex_m4"), Guards.of("flash,abft:all"), graph=graph)
    assert "TWICE(rows" in made[1]["model.c"] and "TWICE(conv" in made[1]["model.c"]
    assert made[1]["model.c"].count("static void guard_fault(void)") == 1
    assert emulate(made[0], given.listed()).outputs.equals(outputs(graph, given))


def test_a_model_without_layers_that_add_up_is_refused() -> None:
    graph = chain(6, 2)
    convolutions = replace(graph, whole=tuple(op for op in graph.whole if op.kind != "dense"))
    causes = {
        "abft": (convolutions, "y0: it is a convolution; y1: it is a convolution"),
        "abft:all": (
            companion("statistics", "random_features"),
            "weights_hidden: only a linear readout is checked; weights_out: only a linear readout is checked",
        ),
    }
    for text, (given, cause) in causes.items():
        with pytest.raises(SartoError) as caught:
            guarded(emit(graph), Guards.of(text), graph=given)
        assert (caught.value.code, caught.value.cause) == ("E150", cause)
        assert caught.value.message == "the model has no layer that could be checked"
    other = {**emit(graph), "model.c": emit(graph)["model.c"].replace("rows_", "lines_")}
    with pytest.raises(SartoError) as caught:
        guarded(other, Guards.of("abft"), graph=graph)
    assert (caught.value.code, caught.value.message) == ("E150", "the layers of the model cannot be checked")
    titled = emit(graph, "A title * / of its own", "Raw words: x in counts of 2.")
    made = guarded(titled, Guards.of("abft"), graph=graph)
    assert made["model.h"] == titled["model.h"] and made["model.c"].startswith(
        "/* A title * / of its own */\n"
    )


def test_a_computer_takes_no_guard(tmp_path: Path) -> None:
    folder(tmp_path, "host")
    with pytest.raises(SartoError) as caught:
        guard_folder(tmp_path, FLASH)
    assert caught.value.code == "E112"


def test_two_guards_and_a_guard_in_no_parts_are_refused() -> None:
    once = guarded(changed(), FLASH, 1)
    for sources, parts in (
        (once, 1),
        (emit(chain(6, 2), checked=("dense",)), 1),
        (changed(), 0),
        (changed(), 3),
    ):
        with pytest.raises(SartoError) as caught:
            guarded(sources, Guards(FlashSum(parts=parts)))
        assert caught.value.code == "E150"
