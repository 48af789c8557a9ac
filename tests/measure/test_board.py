"""What a board said is read back line by line, and damage is refused with its place."""

from __future__ import annotations

import pytest

from sarto.core.errors import SartoError
from sarto.deploy.c.program import harness_sources
from sarto.devices import device, microcontrollers
from sarto.measure.board import Heard
from sarto.measure.build import build
from sarto.measure.compilers import Name
from sarto.measure.emulate import emulate
from sarto.measure.outputs import check_equal
from tests.measure.example import SEQUENCES, SOURCES, changed, expected, needs_program

GOOD = """booting
sarto board 1
model 5eed
inputs c0de
core 1091551809
maker 765964
counter cyccnt
nothing 4
step 0 0 104
window 0 0 2 7 -8 9
step 0 1 99
predict 0 -1 54
sequence 0 -1 1 -20 30 -2147483648
end
anything after it
"""


def test_lines_become_answers_and_counts() -> None:
    heard = Heard.read(GOOD)
    assert (heard.model, heard.inputs, heard.counter) == ("5eed", "c0de", "cyccnt")
    assert (heard.core, heard.maker) == (0x410FC241, 0x000BB00C)
    assert (heard.steps.tolist(), heard.predicts.tolist(), heard.inferences.tolist()) == (
        [100, 95],
        [50],
        [245],
    )
    assert heard.outputs.classes.tolist() == [1]
    assert heard.outputs.scores.tolist() == [[-20, 30, -(2**31)]]
    assert heard.outputs.windows.tolist() == [[0, 0]]
    assert heard.outputs.window_scores.tolist() == [[7, -8, 9]]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sarto board 1", "sarto board 9", "there is no line 'sarto board 1'"),
        ("step 0 1 99", "step 0 1", "line 11"),
        ("step 0 1 99", "step 0 1 x", "line 11"),
        ("step 0 1 99", "step 0 1 -1", "line 11"),
        ("nothing 4\n", "", "line 8"),
        ("counter cyccnt\n", "", "the line 'counter' is missing"),
        ("core 1091551809\n", "", "the line 'core' is missing"),
        ("core 1091551809\n", "core\n", "line 5"),
        ("maker 765964\n", "", "the line 'maker' is missing"),
        ("inputs c0de\n", "", "the line 'inputs' is missing"),
        ("step 0 1 99", "step 0 1 99999999999", "line 11"),
        ("step 0 1 99", "step 0 1 4", "the counter stands still"),
        ("step 0 1 99", "step 0 2 99", "the lines 'step' are not one for each step"),
        ("step 0 1 99", "step 7 1 99", "the lines 'step' are not one for each step"),
        ("step 0 1 99", "step -1 1 99", "the lines 'step' are not one for each step"),
        ("sequence 0 -1 1 -20 30 -2147483648", "sequence 0 -1 1 -20 30 -99999999999", "line 13"),
        ("sequence 0 -1 1 -20 30 -2147483648\n", "", "answers are missing"),
        ("predict 0 -1 54\n", "", "there is not one line 'predict'"),
        ("predict 0 -1 54\n", "predict 1 -1 54\n", "there is not one line 'predict'"),
        (
            "sequence 0 -1 1 -20 30 -2147483648",
            "sequence 0 -1 1 -20",
            "answers are missing, or differ in length",
        ),
        ("predict", "prdict", "line 12"),
        ("\nend\n", "\n", "line 14"),
        (GOOD[GOOD.index("sequence") :], "", "the line 'end' is missing"),
    ],
)
def test_what_is_damaged_is_refused_with_its_place(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(SartoError) as caught:
        Heard.read(GOOD.replace(old, new))
    assert caught.value.code == "E103"
    assert said in str(caught.value)


def test_the_harness_has_the_inputs_and_the_name_of_the_model() -> None:
    found = harness_sources(SEQUENCES, "5eed")
    assert {"harness.c", "counter.c", "counter.h", "say.c", "say.h", "inputs.c", "inputs.h"} == set(found)
    assert '#define INPUTS_MODEL "5eed"' in found["inputs.h"]
    assert f"#define INPUT_SEQUENCES {len(SEQUENCES)}" in found["inputs.h"]
    words = found["inputs.c"].rpartition("{")[2].rpartition("}")[0].split(",")
    assert [int(w) for w in words] == [int(v) for s in SEQUENCES for v in s.reshape(-1)]


@pytest.mark.parametrize("compiler", ["zig", "gcc"])
@pytest.mark.parametrize("name", microcontrollers())
def test_the_harness_builds_for_every_device(name: str, compiler: Name) -> None:
    core = device(name)
    needs_program(compiler, core)
    sequences = [s for s in SEQUENCES if len(s)]
    program = {**SOURCES, "board.c": "", "main.c": "", **harness_sources(sequences, "5eed")}
    image = build(program, core, compiler=compiler)
    assert {"counter_call", "counter_nothing", "main"} <= {s.name for s in image.contents.symbols}


@pytest.mark.parametrize("compiler", ["zig", "gcc"])
@pytest.mark.parametrize("name", microcontrollers())
def test_variables_of_a_users_board_start_at_zero_and_initial_values_are_copied(
    name: str, compiler: Name
) -> None:
    """Small ones too, which GCC for RISC-V keeps in sections of their own."""
    core = device(name)
    needs_program(compiler, core)
    mine = changed(
        "arena->steps++;",
        "static volatile int32_t seen; static volatile int32_t five = 5; arena->steps += seen + five - 5;",
    )
    check_equal(
        emulate(build(mine, core, compiler=compiler), SEQUENCES).outputs, expected(SEQUENCES), name, "NumPy"
    )
