"""C99 from an integer graph: one `.c` and one `.h`, no malloc, no libc, an arena whose size is a `#define`.

The kernels are the real C files in `kernels/`; what is generated are the sizes, the tables and the arena.
"""

from __future__ import annotations

import math
from importlib.resources import files
from typing import Any

import numpy as np

from sarto.core.graph import Graph
from sarto.core.graph.operations import FEATURE_LIMIT, POOLED_STEPS, SCORE_LIMIT
from sarto.core.graph.values import Tensor
from sarto.deploy.memory import Member, arena

HEADER = """\
/* {title}
 *
 * {name}_init, then {name}_step for every sample of {channels} raw sensor words{ends}.
 * All RAM that the model needs is one {name}_arena of {NAME}_ARENA_BYTES bytes. No malloc, no libc.
 */
#ifndef {NAME}_H
#define {NAME}_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define {NAME}_CHANNELS {channels}
#define {NAME}_OUTPUTS {outputs}
{exponents}#define {NAME}_ARENA_BYTES {arena_b}
#define {NAME}_WINDOW {window}
#define {NAME}_HOP {hop}

/* {output_list}. Channels: {channel_list}. */
typedef {sample} {name}_sample;

typedef struct {{
{bank}
}} {name}_bank;

typedef struct {{
    {name}_bank bank[{banks}];
{shared}
}} {name}_arena;

/* Starts a sequence (or a stream). */
void {name}_init({name}_arena *arena);
/* Takes one sample; returns {answer} when a window ended with it, else -1. */
int {name}_step({name}_arena *arena, const {name}_sample *sample);
/* Ends the sequence; returns {answer}{of_window}, and is ready for the next one. */
int {name}_predict({name}_arena *arena);
/* {scores}. */
const int32_t *{name}_scores(const {name}_arena *arena);

#ifdef __cplusplus
}}
#endif
#endif
"""


def emit(graph: Graph, title: str = "A model cut to measure by Sarto") -> dict[str, str]:
    """Return the generated files by name: `<name>.h` and `<name>.c`, where name is the graph's."""
    return {f"{graph.name}.h": _header(graph, title), f"{graph.name}.c": _source(graph, title)}


def _comment(text: str) -> str:
    """Return `text` such that it cannot end a comment or continue a line."""
    return (
        "".join(c if c.isprintable() and c != "\\" else "?" for c in text)
        .replace("*/", "* /")
        .replace("/*", "/ *")
    )


def _header(graph: Graph, title: str) -> str:
    plan = arena(graph)
    window = graph.window
    return HEADER.format(
        title=_comment(title),
        name=graph.name,
        NAME=graph.name.upper(),
        channels=len(graph.channels),
        outputs=len(graph.outputs),
        exponents="".join(
            f"#define {graph.name.upper()}_EXPONENT_{i} ({_exponent(q)})\n"
            for i, q in enumerate(graph.quanta)
        ),
        arena_b=plan.size_b,
        window=window.length if window else 0,
        hop=window.hop if window else 0,
        ends=f"; a window of {window.length} samples ends every {window.hop}"
        if window
        else f", then {graph.name}_predict",
        of_window=", of its last window if one ended" if window else "",
        output_list=_comment(_outputs(graph)),
        answer="0" if graph.quanta else "a class",
        scores="The numbers that were predicted last, in the counts above"
        if graph.quanta
        else "The scores behind the last class, one per class, in counts of 2^-14",
        channel_list=_comment(", ".join(graph.channels)),
        sample=f"{graph.by_name['raw'].dtype}_t",
        bank="\n".join(map(_member, plan.bank)),
        banks=plan.banks,
        shared="\n".join(map(_member, plan.shared)),
    )


def _outputs(graph: Graph) -> str:
    if not graph.quanta:
        return "Classes: " + ", ".join(f"{i} {name}" for i, name in enumerate(graph.outputs))
    named = enumerate(zip(graph.outputs, graph.quanta, strict=True))
    return "A number is its score times 2 to the power of its exponent. Outputs: " + ", ".join(
        f"{i} {name} in counts of 2^{_exponent(q)}" for i, (name, q) in named
    )


def _exponent(quantum: float) -> int:
    return math.frexp(quantum)[1] - 1


def _member(member: Member) -> str:
    return f"    {member.dtype}_t {member.name}{'' if member.scalar else f'[{member.count}]'};"


def _source(graph: Graph, title: str) -> str:
    defines, kernels = _plan(graph)
    names = {"weights": "weights", "inputs": "weights_in"}
    tables = "\n".join(_table(t, names.get(t.name, t.name)) for t in graph.kind("const"))
    folder = files("sarto.deploy.c") / "kernels"
    code = "\n".join((folder / f"{k}.c").read_text(encoding="utf-8") for k in kernels)
    for word, upper in (("model_", False), ("MODEL_", True)):
        prefix = f"{graph.name}_"
        code = code.replace(word, prefix.upper() if upper else prefix)
    checks = (
        f"typedef char arena_has_the_size_it_says"
        f"[sizeof({graph.name}_arena) == {graph.name.upper()}_ARENA_BYTES ? 1 : -1];\n"
    )
    lines = "".join(f"#define {k} {v}\n" for k, v in defines.items())
    return f'/* {_comment(title)} */\n#include "{graph.name}.h"\n\n{lines}\n{checks}\n{tables}\n{code}'


def _plan(graph: Graph) -> tuple[dict[str, Any], list[str]]:
    """Return the `#define`s and the kernel files for the operations of `graph`, in order."""
    scale, cell, *pools = graph.step
    (seen, _), (last,) = graph.segment, graph.finish
    state, table = graph.by_name[cell.outputs["state"]], graph.const("table")
    ring = cell.attributes["ring"]
    segments = table.dtype == np.int8
    intervals = (len(table) - (1 if segments else 2)).bit_length()
    window = graph.window
    units = graph.by_name["total"].shape[0] if pools else 0
    defines = {
        "CHANNELS": len(graph.channels),
        "OUTPUTS": len(graph.outputs),
        "NEURONS": state.shape[0],
        "UNITS": units,
        "SAMPLE": f"{graph.name}_sample",
        "STATE": f"{state.dtype}_t",
        "POOLS": len(pools),
        "POOL_SQUARES": int(units > state.shape[0]),
        "LAST": int("state" in seen.inputs),
        "SQUARE_SHIFT": pools[0].attributes["square_shift"] if pools else 0,
        "POOLED_STEPS": POOLED_STEPS,
        "FEATURE_LIMIT": FEATURE_LIMIT,
        "RING": ring,
        "RING_STRIDE": int(graph.by_name["weights"].shape[0] > 1),
        "ROW_STRIDE": int(graph.by_name["factor"].shape[0] > 1),
        "SHIFT_IN": scale.attributes["shift"],
        "INPUT_SHIFT": cell.attributes["input_shift"],
        "BIAS_SHIFT": cell.attributes["bias_shift"],
        "SHIFT": cell.attributes["shift"],
        "ALPHA": cell.attributes["alpha"],
        "BETA": cell.attributes["beta"],
        "STATE_LIMIT": cell.attributes["limit"],
        "TABLE_SHIFT": 15 - intervals,
        "SCORE_LIMIT": SCORE_LIMIT,
        "SHIFT_OUT": last.attributes["shift"],
        "LATEST": int("latest" in last.inputs),
        "LATEST_SHIFT": last.attributes.get("latest_shift", 0),
        "SEGMENTS": graph.segments,
        "SEGMENT_STEPS": graph.segment_steps,
        "BANKS": window.banks if window else 1,
        "WINDOW": window.length if window else 0,
        "HOP": window.hop if window else 0,
    }
    latest = ["latest"] if "latest" in last.inputs else []
    kernels = [
        "arithmetic",
        "standardise",
        f"tanh_{state.dtype}",
        "neuron",
        f"recurrent_{'ring' if ring else 'dense'}",
    ]
    return defines, [*kernels, *["pool"] * len(pools), "readout", "scores", last.kind, *latest, "driver"]


def _table(tensor: Tensor, name: str) -> str:
    assert tensor.data is not None
    values = tensor.data.reshape(-1).tolist()
    rows = [", ".join(map(str, values[i : i + 20])) for i in range(0, len(values), 20)]
    return f"static const {tensor.dtype}_t {name}[{len(values)}] = {{\n    " + ",\n    ".join(rows) + "};\n"
