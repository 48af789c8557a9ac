"""Runs the image in an emulated microcontroller, counts its instructions and finds its deepest stack.

An instruction count is of instructions, not of cycles or time. It depends on the binary, and with branches on the data:
pin the sequences, and give smallest and largest.

>>> from sarto.devices import device
>>> from sarto.measure.build import build
>>> header = '''
... #include <stdint.h>
... #define MODEL_CHANNELS 1
... #define MODEL_OUTPUTS 2
... typedef int8_t model_sample;
... typedef struct { int32_t scores[2]; } model_arena;
... void model_init(model_arena *arena);
... int model_step(model_arena *arena, const model_sample *sample);
... int model_predict(model_arena *arena);
... const int32_t *model_scores(const model_arena *arena);
... '''
>>> source = '''
... #include "model.h"
... void model_init(model_arena *a) { a->scores[0] = a->scores[1] = 0; }
... int model_step(model_arena *a, const model_sample *s) { a->scores[*s > 0] += *s; return -1; }
... int model_predict(model_arena *a) { return a->scores[1] > -a->scores[0]; }
... const int32_t *model_scores(const model_arena *a) { return a->scores; }
... '''
>>> image = build({"model.h": header, "model.c": source}, device("cortex_m4"))
>>> emulation = emulate(image, [np.array([[3], [-1]])])
>>> emulation.outputs.classes.tolist(), emulation.outputs.scores.tolist()
([1], [[-1, 3]])
>>> bool(emulation.inference_instructions[0] == sum(emulation.step_instructions) + emulation.predict_instructions[0])
True
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, Integer, UInt64

from sarto.core.errors import SartoError
from sarto.measure.image import Image
from sarto.measure.machine import Machine
from sarto.measure.outputs import Outputs
from sarto.measure.probe import FUNCTIONS, INIT, MAIN, PREDICT, STEP

MOST_INSTRUCTIONS = 1_000_000_000
"""Between two looks at the board: at one instruction per cycle, over ten seconds of the fastest device here."""


@dataclass(frozen=True)
class Emulation:
    """What was seen.

    Attributes:
        outputs: classes and scores of all sequences.
        step_instructions: of every call of `model_step`, from its first instruction to its return.
        predict_instructions: of every call of `model_predict`.
        inference_instructions: of every sequence, all its steps and `model_predict`.
        step_cycles: of every call of `model_step`, at least and at most by the device's cycle table; zeros without one.
        inference_cycles: of every sequence, likewise.
        answer_cycles: of every sequence, likewise, its last step and `model_predict`: what comes after the last sample.
        init_instructions: of `model_init`, once after reset.
        startup_instructions: from reset to `main`.
        total_instructions: of the whole run, the example program included.
        peak_stack_b: depth of the lowest stack pointer, the example program included; no interrupt came.
        stack_items: how many sequences, from the first on, the stack pointer was read over at every instruction; over
            all of them, no byte was written deeper.
        tool: emulator, version and core.
    """

    outputs: Outputs
    step_instructions: UInt64[np.ndarray, " sample"]
    predict_instructions: UInt64[np.ndarray, " item"]
    inference_instructions: UInt64[np.ndarray, " item"]
    step_cycles: UInt64[np.ndarray, "sample 2"]
    inference_cycles: UInt64[np.ndarray, "item 2"]
    answer_cycles: UInt64[np.ndarray, "item 2"]
    init_instructions: int
    startup_instructions: int
    total_instructions: int
    peak_stack_b: int
    stack_items: int
    tool: str


def emulate(
    image: Image,
    sequences: Sequence[Integer[np.ndarray, "_ _"]],
    *,
    most_instructions: int = MOST_INSTRUCTIONS,
) -> Emulation:
    """Boot `image` from its vector table, feed it the raw sensor words of `sequences`, and return what was seen.

    All instructions of all sequences are counted, per block of code as the emulator enters it, those of an IT block
    whose condition fails included. A second run counts them one by one, and must agree; it also reads the stack
    pointer at every instruction. It takes the first sequence, and twice as many for as long as the first run wrote
    deeper into the stack than the second went. Before reset, the RAM of the two holds different random bytes.

    Args:
        image: to run.
        sequences: one array of (step, channel) each, of integers.
        most_instructions: allowed between two looks at the board; more is a run-away program.

    Raises:
        SartoError: E301 without the emulator; E203 when the stack overflows; E402 when the program faults or runs away;
            E104 or E108 when the sequences are none or not of the model's channels.
    """
    machine = Machine(image, sequences, "block", most_instructions)
    machine.run()
    written_b = machine.written_stack_b()
    stack_items = 1
    while (peak_b := _peak_stack_b(machine, sequences[:stack_items], most_instructions)) < written_b:
        assert stack_items < len(sequences), "the stack was written below the stack pointer"
        stack_items = min(2 * stack_items, len(sequences))
    steps, predicts = machine.instructions(STEP), machine.instructions(PREDICT)
    step_cycles = machine.cycles(STEP)
    return Emulation(
        outputs=machine.outputs(),
        step_instructions=steps,
        predict_instructions=predicts,
        inference_instructions=_per_sequence(steps[:, None], machine.steps)[:, 0] + predicts,
        step_cycles=step_cycles,
        inference_cycles=_per_sequence(step_cycles, machine.steps) + machine.cycles(PREDICT),
        answer_cycles=_last_of_each(step_cycles, machine.steps) + machine.cycles(PREDICT),
        init_instructions=int(machine.instructions(INIT)[0]),
        startup_instructions=int(machine.instructions(MAIN)[0]),
        total_instructions=machine.probe.total,
        peak_stack_b=peak_b,
        stack_items=stack_items,
        tool=machine.tool,
    )


def _per_sequence(
    steps: UInt64[np.ndarray, "sample count"], lengths: Int64[np.ndarray, " item"]
) -> UInt64[np.ndarray, "item count"]:
    """Return the sums over the steps of each sequence."""
    edges = np.concatenate([[0], np.cumsum(lengths)])
    sums = np.concatenate([np.zeros((1, steps.shape[1]), np.uint64), np.cumsum(steps, axis=0)])
    return sums[edges[1:]] - sums[edges[:-1]]


def _last_of_each(
    steps: UInt64[np.ndarray, "sample count"], lengths: Int64[np.ndarray, " item"]
) -> UInt64[np.ndarray, "item count"]:
    """Return the row of the last step of each sequence, zeros for one without steps."""
    last = np.zeros((len(lengths), steps.shape[1]), np.uint64)
    last[lengths > 0] = steps[np.cumsum(lengths)[lengths > 0] - 1]
    return last


def _peak_stack_b(
    counted: Machine, sequences: Sequence[Integer[np.ndarray, "_ _"]], most_instructions: int
) -> int:
    """Return the stack depth over `sequences`, counted one by one; outputs and counts must be those of `counted`."""
    single = Machine(counted.image, sequences, "instruction", most_instructions)
    single.run()
    if not single.outputs().equals(counted.outputs().first(len(sequences))):
        raise SartoError(
            "E402",
            f"the program reads RAM that it never wrote, on the emulated {counted.image.device.name}",
            cause="its answers change with what the RAM held before reset",
            hint="if you edited the generated files, undo that; else this is a fault of sarto: please report it",
        )
    for function, name in enumerate(FUNCTIONS):
        each = single.instructions(function)
        assert np.array_equal(counted.instructions(function)[: len(each)], each), f"counts of {name} differ"
    return single.pointed_stack_b()
