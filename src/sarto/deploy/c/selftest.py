"""A self-test in C: `selftest.c` and `selftest.h`, a table of inputs with what a sound model says of them.

`model_selftest(arena)` runs the model on every input and returns how many of the answers are not the stored ones: the
class, or the checksum over the scores. It needs no RAM but the arena of the model, whose sequence it ends; call it
between two sequences. It goes through the functions of `model.h` alone, so that any model can have one, and a program
without it stays as it was to the byte.

The checksum of the scores s_0 .. s_(n-1), as 32-bit words, is

    h_0 = 2166136261,   h_(i+1) = (h_i XOR s_i) * 16777619  mod 2^32.

The factor is odd, so that each step can be undone: one score that is another always gives another checksum, and several
do but for one time in about 2^32.

Source: Fowler, Noll, Vo, the FNV-1a hash, IETF draft-eastlake-fnv, with words in place of bytes.

>>> checksum(np.array([[1, -2], [1, -3]])).tolist()
[311156598, 294378979]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, Integer, UInt32

from sarto.core.graph import Graph

START, FACTOR = 2166136261, 16777619
_HEADER = """\
/* A self-test of the model: {count} inputs, and what a sound model says of them. */
#ifndef {NAME}_SELFTEST_H
#define {NAME}_SELFTEST_H
#include "{name}.h"

#ifdef __cplusplus
extern "C" {{
#endif

#define {NAME}_SELFTEST_INPUTS {count}

/* Returns how many inputs the model answers otherwise than it should: 0 when it is sound. Uses the arena and leaves it
 * as {name}_init does, so call it between two sequences. */
int {name}_selftest({name}_arena *arena);

#ifdef __cplusplus
}}
#endif
#endif
"""
_SOURCE = """\
/* A self-test of the model; see selftest.h. */
#include "selftest.h"

/* Samples of each input, one after the other. */
static const {name}_sample selftest_words[] = {{{words}}};
{lengths}static const {class_type} selftest_classes[] = {{{classes}}};
static const uint32_t selftest_sums[] = {{{sums}}};

int {name}_selftest({name}_arena *arena)
{{
    const {name}_sample *sample = selftest_words;
    int wrong = 0;
    {name}_init(arena);
    for (int i = 0; i < {NAME}_SELFTEST_INPUTS; i++) {{
        const int32_t *scores;
        uint32_t sum = {start}u;
        int found;
        for (int32_t step = 0; step < {length}; step++) {{
            {name}_step(arena, sample);
            sample += {NAME}_CHANNELS;
        }}
        found = {name}_predict(arena);
        scores = {name}_scores(arena);
        for (int k = 0; k < {NAME}_OUTPUTS; k++)
            sum = (sum ^ (uint32_t)scores[k]) * {factor}u;
        wrong += found != selftest_classes[i] || sum != selftest_sums[i];
    }}
    {name}_init(arena);
    return wrong;
}}
"""


def checksum(scores: Integer[np.ndarray, "*item output"]) -> UInt32[np.ndarray, "*item"]:
    """Return the checksum over the scores of each item."""
    found = np.full(scores.shape[:-1], START, np.uint32)
    for k in range(scores.shape[-1]):
        found = (found ^ scores[..., k].astype(np.uint32)) * np.uint32(FACTOR)
    return found


def selftest_sources(
    graph: Graph,
    inputs: Sequence[Integer[np.ndarray, "_ _"]],
    classes: Int[np.ndarray, " item"],
    sums: UInt32[np.ndarray, " item"],
) -> dict[str, str]:
    """Return `selftest.c` and `selftest.h`, to be built beside what `emit` makes of `graph`.

    Args:
        graph: the integer network.
        inputs: raw words, one array of (step, channel) each, as a device takes them; at most one window of the graph.
        classes: what the model returns for each.
        sums: `checksum` of its scores.
    """
    assert len(inputs) == len(classes) == len(sums) > 0, "an answer for each input"
    lengths = [len(given) for given in inputs]
    assert graph.window is None or max(lengths) <= graph.window.length, "an input is one window at most"
    words = np.concatenate([np.asarray(given).reshape(-1) for given in inputs]).tolist()
    alike = len(set(lengths)) == 1
    values = {
        "name": graph.name,
        "NAME": graph.name.upper(),
        "count": len(inputs),
        "words": _values(words),
        "lengths": "" if alike else f"static const int32_t selftest_steps[] = {{{_values(lengths)}}};\n",
        "length": str(lengths[0]) if alike else "selftest_steps[i]",
        "class_type": "int8_t" if max(classes.tolist()) < 128 else "int16_t",
        "classes": _values(classes.tolist()),
        "sums": _values([f"{value}u" for value in sums.tolist()]),
        "start": START,
        "factor": FACTOR,
    }
    return {"selftest.c": _SOURCE.format(**values), "selftest.h": _HEADER.format(**values)}


def main_with_selftest(main: str, name: str = "model") -> str:
    """Return the example program with the self-test before its first sample; its result goes out as a class."""
    begun = f"    {name}_init(&arena);\n"
    assert main.count(begun) == 1, "the example starts the model once"
    called = main.replace(begun, f"{begun}    board_write_class({name}_selftest(&arena));\n")
    return called.replace(f'#include "{name}.h"\n', f'#include "{name}.h"\n#include "selftest.h"\n')


def _values(values: Sequence[int | str]) -> str:
    rows = [", ".join(map(str, values[i : i + 20])) for i in range(0, len(values), 20)]
    return "\n    " + ",\n    ".join(rows) + "\n"
