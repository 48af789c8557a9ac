"""Learning on the device in C: a model whose readout lives in RAM, and `learn.c`, `learn.h` beside it that move it.

`emit_learning` returns the files of a model that learns by recursive least squares, in integers as all else here, so
that every core and the NumPy definition, `sarto.learn.integer_rls`, agree on every bit. The arena holds the learner.
The features of the last answer are kept until the next, so that its class may be told afterwards:

    model_learn_reset(&arena);                 once: what the learner knows at first
    model_init(&arena);  model_step(&arena, sample) ...;  model_predict(&arena);
    model_learn(&arena, label);                the answer should have been this class

`beginning_of` returns what a learner knows at first: nothing, or the readout that the graph was fitted with.

>>> from sarto.deploy.c.learn import Learning
>>> str(Learning.of("rls:50")), str(Learning.of("rls:blank"))
('rls:50', 'rls:blank')
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.resources import files

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Op, Tensor
from sarto.core.graph.operations import FEATURE_LIMIT
from sarto.deploy.c.emit import emit
from sarto.deploy.c.layout import table
from sarto.deploy.c.text import comment, resolved
from sarto.learn import integer_rls
from sarto.learn.integer_rls import Beginning

METHOD, BLANK, SAMPLES = "rls", "blank", 30
"""The method; the word for a beginning without a readout; samples that the fitted readout counts for, unasked."""
MOST_SAMPLES = 10_000
MOST_UNIT = integer_rls.LIMIT // 128
"""With which weights of 8 bits stay within a coefficient."""

_HEADER = """\
/* {title}: learning on the device, {how}.
 *
 * {name}_learn_reset once, before {name}_init. After an answer, {name}_learn with the class that it should have been;
 * the answers that follow are those of the readout that has learned it. {samples}
 * All RAM is in the arena: {learner_b} bytes of it. */
#ifndef {NAME}_LEARN_H
#define {NAME}_LEARN_H
#include "{name}.h"

#ifdef __cplusplus
extern "C" {{
#endif

/* Forgets all that was learned. {name}_init does not: it starts a sequence. */
void {name}_learn_reset({name}_arena *arena);
/* Learns that what was answered last, a sequence or a window, is of class `label`; does nothing where there is no such
 * class. Call it before the next answer, and with windows before the next segment of one ends. */
void {name}_learn({name}_arena *arena, int label);
/* What the readout says of features; {name}.c calls it. */
int32_t *{name}_learned({name}_arena *arena, const int16_t *vector);

#ifdef __cplusplus
}}
#endif
#endif
"""


@dataclass(frozen=True)
class Learning:
    """How a device learns, as an option says it.

    Attributes:
        samples: that the fitted readout counts for at first; None where the device begins without one.
    """

    samples: int | None = SAMPLES

    @staticmethod
    def of(text: str) -> Learning:
        """Return what `rls`, `rls:blank` or `rls:50` says.

        Raises:
            SartoError: E167, for anything else.
        """
        method, colon, more = text.strip().partition(":")
        counted = more.isascii() and more.isdigit() and 1 <= int(more) <= MOST_SAMPLES
        if method != METHOD or (colon and more != BLANK and not counted):
            raise SartoError(
                "E167",
                f"'{text}' is no way to learn on a device",
                cause=f"there is recursive least squares, from the fitted readout ({METHOD}), which counts for "
                f"{SAMPLES} samples ({METHOD}:50 for 50, at most {MOST_SAMPLES}), or from nothing ({METHOD}:{BLANK})",
                hint=f"say {METHOD}, {METHOD}:50 or {METHOD}:{BLANK}",
            )
        if not colon:
            return Learning()
        return Learning(None if more == BLANK else int(more))

    def __str__(self) -> str:
        return METHOD if self.samples == SAMPLES else f"{METHOD}:{self.samples or BLANK}"


def check_learns(graph: Graph) -> None:
    """Check that the device can learn the readout of `graph`.

    Raises:
        SartoError: E167, with the reason.
    """
    reason = None
    if graph.whole:
        reason = "it is a network, whose last layer reads what the layers before it leave in shared memory"
    elif graph.head.kind != "readout":
        reason = f"it ends in {graph.head.kind.replace('_', ' ')}, not in a linear readout of its features"
    elif graph.quanta:
        reason = "it predicts numbers, and a device is told classes"
    elif "least" in graph.finish[-1].inputs:
        reason = "its reject option was calibrated for the readout as it was fitted"
    if reason is not None:
        raise SartoError(
            "E167",
            "the model cannot learn on the device",
            cause=reason,
            hint="fit a classifier of the family reservoir, statistics or convolution",
        )


def beginning_of(graph: Graph, learning: Learning, vectors: Integer[np.ndarray, "item feature"]) -> Beginning:
    """Return what a learner of `graph` knows at first.

    Args:
        graph: with the readout as it was fitted.
        learning: how it begins.
        vectors: features of some sequences, for their mean and spread.

    Raises:
        SartoError: E167, for a model that cannot learn.
    """
    check_learns(graph)
    spread, classes = float(np.sqrt(vectors.var(axis=0).mean())), len(graph.outputs)
    if learning.samples is None:
        return Beginning.blank(vectors.shape[1], classes, spread)
    last = graph.finish[-1]
    weights = graph.const("weights_out").reshape(vectors.shape[1], classes)
    factor, bias = graph.const("factor_out").astype(np.float64), graph.const("bias_out")
    centre = np.rint(vectors.mean(axis=0)).astype(np.int64)
    # A score of 2^-14 is u >> SCORE_SHIFT, and u is a feature << FEATURE_BITS times a coefficient.
    up = 2.0 ** (integer_rls.SHIFT + integer_rls.SCORE_SHIFT - integer_rls.FEATURE_BITS)
    worth = factor * 2.0 ** -last.attributes["shift"]
    at_centre = (centre @ weights.astype(np.int64)) * worth + bias
    unit = np.rint(worth * up).clip(1, MOST_UNIT).astype(np.int64)
    limit = integer_rls.LIMIT
    constant = np.rint(at_centre * up / 2**integer_rls.CONSTANT_BITS).clip(-limit, limit).astype(np.int64)
    return Beginning.fitted(centre, spread, learning.samples, weights, unit, constant)


def learning_graph(graph: Graph, beginning: Beginning) -> Graph:
    """Return `graph` for `emit`, with a head that learns: its words, and the row that a sample is put into."""
    gone = {"weights_out", "sums", "factor_out", "bias_out"}
    added = [
        Tensor("vector", "int16", (beginning.features,), "state"),
        Tensor("learner", "int32", (beginning.words,), "scratch"),
        Tensor("row", "int32", (beginning.columns + beginning.classes,), "scratch"),
    ]
    if graph.window is not None and graph.window.banks > 1:
        added.append(Tensor("last", "int32", (1,), "scratch"))
    head = Op("learned", {"vector": "vector", "learner": "learner"}, {"sums": "row"})
    last = Op("argmax", {"sums": "row"}, {"scores": "scores"}, {"shift": integer_rls.SCORE_SHIFT})
    return replace(
        graph,
        tensors=(*(t for t in graph.tensors if t.name not in gone), *added),
        segment=(graph.segment[0], Op("collect", {}, {"vector": "vector"})),
        finish=(head, last),
    )


def emit_learning(
    graph: Graph, beginning: Beginning, title: str = "A model cut to measure by Sarto", words: str = ""
) -> dict[str, str]:
    """Return the generated files of a model that learns: `<name>.c` and `.h`, `learn.c`, `learn.h`, and `main.c`.

    Args:
        graph: with the readout as it was fitted.
        beginning: what the learner knows at first.
        title: of the files, for people.
        words: see `emit`.

    Raises:
        SartoError: E167, for a model that cannot learn.
    """
    check_learns(graph)
    folder, name, known = files("sarto.deploy.c"), graph.name, beginning.weights is not None
    kernel = (folder / "kernels" / "learn_rls.c").read_text(encoding="utf-8")
    kernel = resolved(kernel, ["KNOWN"] * known)
    main = (folder / "learning" / "main.c").read_text(encoding="utf-8")
    defines = "".join(f"#define {key} {value}\n" for key, value in _defines(graph, beginning).items())
    source = f'/* {comment(title)} */\n#include "learn.h"\n\n{defines}\n{_tables(beginning)}{kernel}'
    header = _HEADER.format(
        title=comment(title),
        name=name,
        NAME=name.upper(),
        how="recursive least squares",
        learner_b=4 * (beginning.words + beginning.columns + beginning.classes) + 2 * beginning.features,
        samples="It begins with the fitted readout." if known else "It begins knowing nothing.",
    )
    written = {"learn.c": source, "main.c": main}
    if name != "model":
        for file, text in written.items():
            for word in ("model_", "MODEL_"):
                text = text.replace(word, f"{name}_" if word.islower() else f"{name.upper()}_")
            written[file] = text.replace('"model.h"', f'"{name}.h"')
    return {**emit(learning_graph(graph, beginning), title, words), "learn.h": header, **written}


def _defines(graph: Graph, beginning: Beginning) -> dict[str, int | str]:
    banks = graph.window.banks if graph.window else 1
    return {
        "COLUMNS": beginning.columns,
        "OUTPUTS": beginning.classes,
        "LAST": "arena->last[0]" if banks > 1 else 0,
        "LIMIT": integer_rls.LIMIT,
        "SUM_LIMIT": integer_rls.SUM_LIMIT,
        "FEATURE_BITS": integer_rls.FEATURE_BITS,
        "SHIFT": integer_rls.SHIFT,
        "GAIN_SHIFT": integer_rls.GAIN_BITS - integer_rls.SHIFT,
        "CONSTANT_BITS": integer_rls.CONSTANT_BITS,
        "TARGET": f"(1 << {integer_rls.TARGET_BITS})",
        "PRIOR": beginning.prior,
        "PRIOR_CONSTANT": beginning.prior_constant,
    }


def _tables(beginning: Beginning) -> str:
    if beginning.weights is None:
        return ""
    assert beginning.centre is not None and beginning.unit is not None and beginning.constant is not None
    assert np.abs(beginning.centre).max() <= FEATURE_LIMIT, "a mean lies within the features"
    numbers: list[tuple[str, str, Int[np.ndarray, " value"]]] = [
        ("weights_known", "int8_t", beginning.weights.reshape(-1)),
        ("centre", "int16_t", beginning.centre),
        ("unit", "int32_t", beginning.unit),
        ("constant", "int32_t", beginning.constant),
    ]
    return "\n".join(table(*one) for one in numbers) + "\n"
