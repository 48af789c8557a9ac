"""The header of a network's C: what a program calls, and how large the arena is.

>>> lines_of((28, 28, 3)), lines_of((1, 100, 6)), lines_of((64,)), lines_of((4000, 1))
((28, 84), (100, 6), (1, 64), (4000, 1))
"""

from __future__ import annotations

from collections.abc import Collection

from sarto.core.graph import Graph
from sarto.deploy.c.text import comment, resolved
from sarto.deploy.plan import WORD_B
from sarto.deploy.reject import rejects

HEADER = """\
/* {title}
 *
#if FRONT_END
 * {name}_init once, {name}_step for each sample; {name}_listen for the class of the last {lines} as often as wanted, or
 * {name}_predict at the end of a recording.
#else
#if WINDOWS
 * {name}_init, then {name}_step for every sample of {channels} raw sensor words; a window of {lines} samples ends every
 * {window_hop}.
#else
#if WIDTHS
 * For each item {name}_init, then {name}_step for each of its {lines} lines ({line}), then {name}_run at a width
 * from 1 to {widths}, and as long as there is time {name}_extend; or {name}_predict in place of both.
#else
 * {name}_init once, {name}_step for each of the {lines} lines of an item ({line}), then {name}_predict.
#endif
#endif
#endif
 * All RAM that the model needs is one {name}_arena of {NAME}_ARENA_BYTES bytes. No malloc, no libc.
{words} */
#ifndef {NAME}_H
#define {NAME}_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define {NAME}_CHANNELS {channels}
#define {NAME}_LINES {lines}
#define {NAME}_OUTPUTS {outputs}
#define {NAME}_ARENA_BYTES {arena_b}
#if WIDTHS
#define {NAME}_WIDTHS {widths}
#ifndef {NAME}_WIDTH
#define {NAME}_WIDTH {widths} /* that {name}_predict runs at */
#endif
#define {NAME}_NO_WIDTH (-2)
#endif
#if WINDOWS
#define {NAME}_WINDOW {lines}
#define {NAME}_HOP {window_hop}
#endif

/* {output_list}.{channel_list} */
typedef {sample} {name}_sample;

typedef struct {{
    uint32_t words[{arena_words}];
    int32_t line;
#if WIDTHS
    int32_t groups; /* that have run on the item */
#endif
#if WINDOWS
    int32_t label;
#endif
}} {name}_arena;

#if FRONT_END
/* Starts a recording. */
void {name}_init({name}_arena *arena);
/* Takes the next sample; returns -1. Every {hop} samples a frame is whole, and transformed. */
int {name}_step({name}_arena *arena, const {name}_sample *sample);
/* Returns the class of the frames in the last {NAME}_LINES samples, silence before the first, and listens on. */
int {name}_listen({name}_arena *arena);
/* Returns the same at the end of a recording; the next sample starts another. */
int {name}_predict({name}_arena *arena);
#else
#if WINDOWS
/* Starts a stream. */
void {name}_init({name}_arena *arena);
/* Takes one sample; returns {answer} when a window ended with it, else -1. */
int {name}_step({name}_arena *arena, const {name}_sample *sample);
/* Ends the stream; returns {answer}, of its last window or of what there is of the first one. */
int {name}_predict({name}_arena *arena);
#else
/* Starts an item. */
void {name}_init({name}_arena *arena);
/* Takes the next line of {NAME}_CHANNELS numbers; returns -1. Lines after the last one of an item are left out. */
int {name}_step({name}_arena *arena, const {name}_sample *sample);
#if WIDTHS
/* Runs the item at a width of 1 to {NAME}_WIDTHS groups; returns {answer}. Lines that were not given are {missing}.
   Returns {NAME}_NO_WIDTH, and does nothing, at any other width. */
int {name}_run({name}_arena *arena, int width);
/* Runs one group more, and no other again; returns what {name}_run returns at that width, with the same scores. Returns
   {NAME}_NO_WIDTH, and does nothing, where all have run. */
int {name}_extend({name}_arena *arena);
/* Runs one group after the other until the highest score leads by least[k - 1] counts after k groups, or all have run;
   returns {answer}. `least` has {NAME}_WIDTHS - 1 numbers. */
int {name}_cascade({name}_arena *arena, const int32_t *least);
/* {name}_run at {NAME}_WIDTH, and then {name}_init. */
int {name}_predict({name}_arena *arena);
#else
/* Returns {answer}, and is ready for the next item. Lines that were not given are {missing}. */
int {name}_predict({name}_arena *arena);
#endif
#endif
#endif
/* {scores}; valid until the next step. */
const int32_t *{name}_scores(const {name}_arena *arena);

#ifdef __cplusplus
}}
#endif
#endif
"""


def lines_of(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many lines an item of `shape` has, and of how many numbers: rows, samples, or one vector."""
    if len(shape) == 1:
        return 1, shape[0]
    if len(shape) == 2:
        return shape
    rows, columns, channels = shape
    return (columns, channels) if rows == 1 else (rows, columns * channels)


def counters_b(graph: Graph) -> int:
    """Return the bytes of what is counted: the lines, the groups of a nested graph, the class of the last window."""
    return WORD_B * (1 + (graph.window is not None) + (graph.groups > 1))


def _outputs(graph: Graph) -> str:
    if not graph.quanta:
        return "Classes: " + ", ".join(f"{i} {name}" for i, name in enumerate(graph.outputs)) + rejects(graph)
    named = enumerate(zip(graph.outputs, graph.quanta, strict=True))
    return "Numbers: " + ", ".join(f"{i} {name} in counts of {count:.9g}" for i, (name, count) in named)


def header(graph: Graph, title: str, words: str, planned_b: int, features: Collection[str]) -> str:
    """Return the header of a graph of whole items, of whose arena `planned_b` bytes are planned."""
    (given,), (scores,) = graph.kind("input"), graph.kind("output")
    lines, channels = lines_of(given.shape)
    line = "the whole of it" if lines == 1 else "a sample each" if given.shape[0] == 1 else "a row each"
    unit = f", in counts of {scores.scale:.6g}" if scores.scale else ""
    text = HEADER.format(
        name=graph.name,
        NAME=graph.name.upper(),
        title=comment(title),
        words=f" * {comment(words)}\n" if words else "",
        lines=lines,
        line=line,
        channels=channels,
        widths=graph.groups,
        outputs=len(graph.outputs),
        hop=graph.whole[0].attributes.get("hop", 0),
        window_hop=graph.window.hop if graph.window else 0,
        channel_list=f" Channels: {comment(', '.join(graph.channels))}." if graph.channels else "",
        missing="at the mean" if graph.whole[0].kind == "standardise" else "zeros",
        arena_b=planned_b + counters_b(graph),
        arena_words=planned_b // WORD_B,
        output_list=comment(_outputs(graph)),
        answer="0" if graph.quanta else f"the class{rejects(graph)}",
        scores="The numbers that were predicted last, in counts as above"
        if graph.quanta
        else f"The scores behind the last class, one per class{unit}",
        sample=f"{given.dtype}_t",
    )
    return resolved(text, features)
