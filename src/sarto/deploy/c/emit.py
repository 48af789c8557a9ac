"""C99 from an integer graph: one `.c` and one `.h`, no malloc, no libc, an arena whose size is a `#define`.

The kernels are the real C files in `kernels/`; what is generated are the sizes, the tables and the arena.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files

from sarto.core.graph import Graph
from sarto.core.graph.convolution import THRESHOLD_SHIFT
from sarto.core.graph.operations import FEATURE_LIMIT, POOLED_STEPS, SCORE_LIMIT
from sarto.core.graph.statistics import CROSSING, STATISTICS
from sarto.core.graph.values import Op, Tensor
from sarto.deploy.c.checksums import checked_readout, fault_text, is_checked
from sarto.deploy.c.layout import WORDS, laid_out, table
from sarto.deploy.c.network import emit_network, network_arena_b
from sarto.deploy.c.reservoir import ROWS, TANH, Kernel, numbered, reservoir, table_shift
from sarto.deploy.c.text import comment, resolved
from sarto.deploy.c.widths import emit_widths
from sarto.deploy.memory import Member, arena
from sarto.deploy.reject import rejects, sizes

HEADER = """\
/* {title}
 *
 * {name}_init, then {name}_step for every sample of {channels} raw sensor words{ends}.
 * All RAM that the model needs is one {name}_arena of {NAME}_ARENA_BYTES bytes. No malloc, no libc.
{words} */
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


ROUNDED = {"neuron", "mean_feature", "random_features"}
"""Kernels with a requantised sum."""


def emit(
    graph: Graph,
    title: str = "A model cut to measure by Sarto",
    words: str = "",
    checked: Collection[str] = (),
) -> dict[str, str]:
    """Return the generated files by name: `<name>.h` and `<name>.c`, where name is the graph's.

    Args:
        graph: the integer network.
        title: of the files, for people.
        words: what a count of each raw word is worth, for whoever writes the driver; not said when empty.
        checked: kinds of layers whose sums are held to checksums, see `deploy.c.checksums`.

    Raises:
        SartoError: E126, when a layer of a network cannot be written; E173, when it has widths, and something that one
            cannot have beside them.
    """
    if graph.groups > 1:
        return emit_widths(graph, title, words, checked)
    if graph.whole:
        return emit_network(graph, title, words, checked)
    if "dense" in checked:
        graph = checked_readout(graph)
    return {f"{graph.name}.h": _header(graph, title, words), f"{graph.name}.c": _source(graph, title)}


def arena_b(graph: Graph) -> int:
    """Return the bytes of the arena, which are all the RAM that the model needs besides the stack."""
    return network_arena_b(graph) if graph.whole else arena(graph).size_b


def _header(graph: Graph, title: str, words: str) -> str:
    plan = arena(graph)
    window = graph.window
    return HEADER.format(
        title=comment(title),
        words=f" * {comment(words)}\n" if words else "",
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
        output_list=comment(_outputs(graph)),
        answer="0" if graph.quanta else f"a class{rejects(graph)}",
        scores="The numbers that were predicted last, in the counts above"
        if graph.quanta
        else "The scores behind the last class, one per class, in counts of 2^-14",
        channel_list=comment(", ".join(graph.channels)),
        sample=f"{graph.by_name['raw'].dtype}_t",
        bank="\n".join(map(_member, plan.bank)),
        banks=plan.banks,
        shared="\n".join(map(_member, plan.shared)),
    )


def _outputs(graph: Graph) -> str:
    if not graph.quanta:
        return "Classes: " + ", ".join(f"{i} {name}" for i, name in enumerate(graph.outputs)) + rejects(graph)
    named = enumerate(zip(graph.outputs, graph.quanta, strict=True))
    return "A number is its score times 2 to the power of its exponent. Outputs: " + ", ".join(
        f"{i} {name} in counts of 2^{_exponent(q)}" for i, (name, q) in named
    )


def _exponent(quantum: float) -> int:
    return math.frexp(quantum)[1] - 1


def learns(graph: Graph) -> bool:
    """Return whether the readout of a graph is learned on the device, see `deploy.c.learn`."""
    return not graph.whole and graph.head.kind == "learned"


def said_of(sources: Mapping[str, str]) -> tuple[str, str]:
    """Return title and words that `emit` was given for `sources`."""
    title = re.match(r"/\* (.*) \*/\n", sources["model.c"])
    # Words, where there are any, are the last line of the header's comment.
    words = re.search(r"No malloc, no libc\.\n \* (.*)\n \*/\n", sources["model.h"])
    return (title[1] if title else "", words[1] if words else "")


def _member(member: Member) -> str:
    return f"    {member.dtype}_t {member.name}{'' if member.scalar else f'[{member.count}]'};"


def _source(graph: Graph, title: str) -> str:
    defines, kernels = _plan(graph)
    dense = _dense_tables(graph)
    tables = "\n".join(_table(dense.get(t.name, t), words=t.name in dense) for t in graph.kind("const"))
    parts = [_text(k) for k in kernels]
    parts[0] = f"{fault_text()}\n{parts[0]}" if is_checked(graph) else parts[0]
    at = next(i for i, k in enumerate(kernels) if k.name.startswith("body_"))
    code = "\n".join([*parts[:at], *_layers(kernels), *parts[at:-1], _clear(graph), parts[-1]])
    for word, upper in (("model_", False), ("MODEL_", True)):
        prefix = f"{graph.name}_"
        code = code.replace(word, prefix.upper() if upper else prefix)
    checks = (
        f"typedef char arena_has_the_size_it_says"
        f"[sizeof({graph.name}_arena) == {graph.name.upper()}_ARENA_BYTES ? 1 : -1];\n"
    )
    lines = "".join(f"#define {k} {v}\n" for k, v in defines.items())
    lines += WORDS if dense else ""
    own = '#include "learn.h"\n' if learns(graph) else ""
    return f'/* {comment(title)} */\n#include "{graph.name}.h"\n{own}\n{lines}\n{checks}\n{tables}\n{code}'


def _layers(kernels: Sequence[Kernel]) -> list[str]:
    """Return the function that moves every layer of a stack on, from the input on."""
    calls = [f"    move_layer_{k.layer}(arena, bank);\n" for k in kernels if k.name == "stack_layer"]
    text = f"static void layers(model_arena *arena, model_bank *bank)\n{{\n{''.join(calls)}}}\n"
    return [text] if calls else []


def _text(kernel: Kernel) -> str:
    """Return the text of a kernel, as the layer that it is for needs it."""
    text = (files("sarto.deploy.c") / "kernels" / f"{kernel.name}.c").read_text(encoding="utf-8")
    text = resolved(text, kernel.features)
    return text if kernel.layer is None else numbered(text, kernel.names, kernel.layer)


def _clear(graph: Graph) -> str:
    """Return the function that zeroes every state of a bank, but features that are learned from after the answer."""
    loops = "".join(
        f"    for (int i = 0; i < {t.shape[0]}; i++)\n        bank->{t.name}[i] = 0;\n"
        for t in graph.kind("state")
        if not (learns(graph) and t.name == "vector")
    )
    counters = "    bank->count = 0;\n    bank->segment = 0;\n"
    return f"static void clear(model_bank *bank)\n{{\n{loops}{counters}}}\n"


def _plan(graph: Graph) -> tuple[dict[str, int | str], list[Kernel]]:
    """Return the `#define`s and the kernel files for the operations of `graph`, in order."""
    body, head, last = graph.step[1], graph.head, graph.finish[-1]
    forecast = "latest" in last.inputs
    defines: dict[str, int | str] = {
        "CHANNELS": len(graph.channels),
        "OUTPUTS": graph.by_name["scores"].shape[0],
        "FEATURES": len(graph.const("exponent")),
        "SAMPLE": f"{graph.name}_sample",
        "POOLED_STEPS": POOLED_STEPS,
        "FEATURE_LIMIT": FEATURE_LIMIT,
        "SHIFT_IN": graph.step[0].attributes["shift"],
        "SCORE_LIMIT": SCORE_LIMIT,
        "SHIFT_OUT": last.attributes["shift"],
        **sizes(graph),
        "LATEST": int(forecast),
        "LATEST_SHIFT": last.attributes.get("latest_shift", 0),
        "SEGMENTS": graph.segments,
        "SEGMENT_STEPS": graph.segment_steps,
        "BANKS": graph.window.banks if graph.window else 1,
        "WINDOW": graph.window.length if graph.window else 0,
        "HOP": graph.window.hop if graph.window else 0,
    }
    of_body, inner = BODIES[body.kind](graph)
    of_head, outer = HEADS[head.kind](graph)
    rounding = [Kernel("requantise")] if ROUNDED & {*(k.name for k in inner), *outer} else []
    name = "reservoir" if body.kind == "recurrent" else body.kind
    has = frozenset(["CHECKED"] * is_checked(graph) + ["LEARNED"] * learns(graph))
    after = [
        *(Kernel(k, has) for k in outer),
        Kernel(f"body_{name}", _features(inner)),
        Kernel("learned_scores" if learns(graph) else "scores"),
        *_last(last),
    ]
    kernels = [*map(Kernel, ("arithmetic", "clamp")), *rounding, Kernel("standardise"), *inner, *after]
    return defines | of_body | of_head, [*kernels, *[Kernel("latest")] * forecast, Kernel("driver")]


def _last(last: Op) -> list[Kernel]:
    """Return the kernels that make an answer of scores."""
    if "least" not in last.inputs:
        return [Kernel(last.kind)]
    box = frozenset({"BOX"} if "radius" in last.inputs else ())
    return [Kernel("reject", box), Kernel("argmax_reject")]


def _features(kernels: Sequence[Kernel]) -> frozenset[str]:
    """Return what the body has, of whose layers these are the kernels."""
    if any(k.layer is not None for k in kernels):
        return frozenset({"LAYERS"})
    return frozenset[str]().union(*(k.features for k in kernels))


def _statistics(graph: Graph) -> tuple[dict[str, int | str], list[Kernel]]:
    chosen = {name.upper(): graph.step[1].attributes[name] for name in STATISTICS}
    single = ("LEAST", "LARGEST")
    averaged = any(taken for name, taken in chosen.items() if name not in single)
    extreme = any(chosen[name] for name in single)
    kernels = [*["reciprocal", "mean_feature"] * averaged, *["value_feature"] * extreme]
    return {**chosen, "CROSSING": CROSSING}, [*map(Kernel, kernels)]


def _convolution(graph: Graph) -> tuple[dict[str, int | str], list[Kernel]]:
    history = graph.by_name["history"].shape[0]
    return {
        "GROUPS": len(graph.const("group_end")),
        "KERNELS": len(graph.const("taps")),
        "SPAN": history // len(graph.channels),
        "THRESHOLD_SHIFT": THRESHOLD_SHIFT,
    }, [*map(Kernel, ("reciprocal", "mean_feature"))]


def _forest(graph: Graph) -> tuple[dict[str, int | str], list[str]]:
    return {"TREES": len(graph.const("tree_root")), "VECTOR": "int16_t"}, ["forest", "take_vector"]


def _random_features(graph: Graph) -> tuple[dict[str, int | str], list[str]]:
    op = graph.head
    defines: dict[str, int | str] = {
        "HIDDEN": graph.by_name["weights_hidden"].shape[0],
        "BIAS_SHIFT_HIDDEN": op.attributes["bias_shift"],
        "SHIFT_HIDDEN": op.attributes["shift"],
        "FACTOR_STRIDE": int(graph.by_name["factor_hidden"].shape[0] > 1),
        "TABLE_SHIFT": table_shift(graph.const("table")),
    }
    tanh = ["magnitude", *TANH["int16"], "activation_tanh"]
    activation = ["interpolated", "activation_cosine"] if op.attributes["cosine"] else tanh
    dense = ["words", "dense", "dense_int16"] if graph.by_name["weights_hidden"].shape[0] >= ROWS else []
    return defines, [*activation, *dense, "random_features", "take_vector"]


def _readout(_: Graph) -> tuple[dict[str, int | str], list[str]]:
    return {}, ["readout", "take_readout"]


def _learned(_: Graph) -> tuple[dict[str, int | str], list[str]]:
    return {}, ["take_vector"]


BODIES = {"recurrent": reservoir, "statistics": _statistics, "convolution": _convolution}
HEADS = {"readout": _readout, "forest": _forest, "random_features": _random_features, "learned": _learned}
"""What each operation adds: its `#define`s, and its kernel files in order."""


def _dense_tables(graph: Graph) -> dict[str, Tensor]:
    """Return the matrices that the dense kernels take, in the order in which they read them."""
    names: dict[str, bool] = {}
    for cell in graph.step:
        if cell.kind == "recurrent" and "weights" in cell.inputs and not cell.attributes["ring"]:
            wide = graph.by_name[cell.outputs["state"]].dtype == "int16"
            swapped = {"inputs": True, "weights": wide, "rotation": wide, "memory_out": True}
            names |= {cell.inputs[role]: s for role, s in swapped.items() if role in cell.inputs}
    if graph.head.kind == "random_features":
        names["weights_hidden"] = True
    return {
        name: replace(
            graph.by_name[name], data=(data := laid_out(graph.const(name), swapped)), shape=data.shape
        )
        for name, swapped in names.items()
    }


def _table(tensor: Tensor, words: bool) -> str:
    assert tensor.data is not None
    name = re.sub("^inputs", "weights_in", tensor.name)
    return table(name, f"{tensor.dtype}_t", tensor.data.reshape(-1), words)
