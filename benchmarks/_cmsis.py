"""CMSIS-NN's fully connected layer as a program that `sarto.measure` builds and counts, from a checkout of it.

The checkout is named by the environment variable CMSIS_NN; without it there is nothing to compare with. The layer runs
with its own rounding, 8-bit inputs and outputs, one scale per tensor, and no offsets. Where it reads words by `memcpy`,
the compiler's builtin stands in, since there is no C library.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
from jaxtyping import Int

SOURCES = (
    "Source/FullyConnectedFunctions/arm_fully_connected_s8.c",
    "Source/NNSupportFunctions/arm_nn_vec_mat_mult_t_s8.c",
)
MULTIPLIER, SHIFT = 1518500250, -7
"""The layer's scale: 2^-7 times 1518500250 / 2^31."""
WRAPPER = """\
#include "model.h"
#include "arm_nnfunctions.h"
{tables}
void model_init(model_arena *arena)
{{
    arena->scores[0] = 0;
}}

int model_step(model_arena *arena, const model_sample *sample)
{{
    const cmsis_nn_context context = {{0, 0}};
    const cmsis_nn_fc_params parameters = {{0, 0, 0, {{-128, 127}}}};
    const cmsis_nn_per_tensor_quant_params quantisation = {{{multiplier}, {shift}}};
    const cmsis_nn_dims input = {{1, 1, 1, {columns}}}, filter = {{{columns}, 1, 1, {rows}}};
    const cmsis_nn_dims biases = {{1, 1, 1, {rows}}}, output = {{1, 1, 1, {rows}}};
    (void)arm_fully_connected_s8(&context, &parameters, &quantisation, &input, sample, &filter, weights, &biases, bias,
                                 &output, arena->out);
    return -1;
}}

int model_predict(model_arena *arena)
{{
    for (int i = 0; i < {rows}; i++)
        arena->scores[i] = arena->out[i];
    return 0;
}}

const int32_t *model_scores(const model_arena *arena) {{ return arena->scores; }}
"""
HEADER = """\
#ifndef MODEL_H
#define MODEL_H
#include <stdint.h>
#define MODEL_CHANNELS {columns}
#define MODEL_OUTPUTS {rows}
typedef int8_t model_sample;
typedef struct {{ int32_t scores[{rows}]; int8_t out[{rows}]; }} model_arena;
void model_init(model_arena *arena);
int model_step(model_arena *arena, const model_sample *sample);
int model_predict(model_arena *arena);
const int32_t *model_scores(const model_arena *arena);
#endif
"""
STRING = """\
#include <stddef.h>
#define memcpy __builtin_memcpy
#define memset __builtin_memset
"""


def checkout() -> Path | None:
    """Return the checkout, or None when CMSIS_NN does not name one."""
    folder = Path(os.environ.get("CMSIS_NN", ""))
    return folder if os.environ.get("CMSIS_NN") and (folder / SOURCES[0]).is_file() else None


def sources(
    folder: Path, weights: Int[np.ndarray, "row column"], bias: Int[np.ndarray, " row"]
) -> dict[str, str]:
    """Return the files of a program whose `model_step` is the layer with `weights` and `bias`."""
    rows, columns = weights.shape
    found = {
        path.name: path.read_text(encoding="utf-8") for path in sorted((folder / "Include").rglob("*.h"))
    }
    found |= {Path(name).name: (folder / name).read_text(encoding="utf-8") for name in SOURCES}
    flat = {name: re.sub(r'#include "Internal/', '#include "', text) for name, text in found.items()}
    flat = {name: text.replace("<string.h>", '"string_stub.h"') for name, text in flat.items()}
    tables = (
        f"static const int8_t weights[] = {{{', '.join(map(str, weights.reshape(-1).tolist()))}}};\n"
        f"static const int32_t bias[] = {{{', '.join(map(str, bias.tolist()))}}};\n"
    )
    shape = dict(rows=rows, columns=columns)
    wrapper = WRAPPER.format(tables=tables, multiplier=MULTIPLIER, shift=SHIFT, **shape)
    return {**flat, "string_stub.h": STRING, "model.h": HEADER.format(**shape), "model.c": wrapper}


def outputs(
    weights: Int[np.ndarray, "row column"], bias: Int[np.ndarray, " row"], x: Int[np.ndarray, "item column"]
) -> tuple[Int[np.ndarray, "item row"], Int[np.ndarray, "item row"]]:
    """Return what the layer says with its own two roundings, and with one rounding."""
    acc = x.astype(np.int64) @ weights.T.astype(np.int64) + bias
    high = (
        acc * MULTIPLIER
    )  # doubling high multiply, half away from zero, then a shift that rounds half away as well
    doubled = np.where(high < 0, -((-high + (1 << 30)) >> 31), (high + (1 << 30)) >> 31)
    mask = (1 << -SHIFT) - 1
    rest, threshold = doubled & mask, (mask >> 1) + (doubled < 0)
    own = (doubled >> -SHIFT) + (rest > threshold)
    once = (high + (1 << (30 - SHIFT))) >> (31 - SHIFT)
    return own.clip(-128, 127), once.clip(-128, 127)
