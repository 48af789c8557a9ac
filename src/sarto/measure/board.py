"""The harness for a board: its program for given inputs, and what it said.

`harness_sources` returns the files that stand in for `main.c` and `board.c`; `Heard.read` reads the lines that the
program said, over semihosting or a UART, back into answers and counts.

>>> heard = Heard.read('''sarto board 1
... model 5eed
... core 1091551809
... counter cyccnt
... nothing 4
... step 0 0 104
... predict 0 -1 54
... sequence 0 -1 1 -20 30
... end
... ''')
>>> heard.outputs.scores.tolist(), heard.steps.tolist(), heard.predicts.tolist(), heard.counter
([[-20, 30]], [100], [50], 'cyccnt')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.errors import SartoError
from sarto.measure.image import constants
from sarto.measure.outputs import Outputs

FIRST_LINE = "sarto board 1"


@dataclass(frozen=True, eq=False)
class Heard:
    """What a board said.

    Attributes:
        model: hash of the graph that the program was made for.
        core: what the core says it is, see `counter.h`.
        counter: that was read: `cyccnt`, `systick`, `mcycle`.
        outputs: answers, in the order of the inputs.
        steps: counts of every call of `model_step`, those of a call of a function that does nothing taken off.
        predicts: counts of every call of `model_predict`, likewise.
    """

    model: str
    core: int
    counter: str
    outputs: Outputs
    steps: Int[np.ndarray, " sample"]
    predicts: Int[np.ndarray, " item"]

    @staticmethod
    def read(text: str) -> Heard:
        """Return what the lines of `text` say; lines before the first one of the harness are skipped.

        Raises:
            SartoError: E103, with the line, when they are not the harness's, or cut short.
        """
        lines = text.splitlines()
        start = next((i for i, line in enumerate(lines) if line.strip() == FIRST_LINE), None)
        if start is None:
            raise _unread(0, f"there is no line '{FIRST_LINE}'")
        facts: dict[str, str] = {}
        rows: list[list[int]] = []
        counts: dict[str, list[int]] = {"step": [], "predict": []}
        for number, line in enumerate(lines[start + 1 :], start + 2):
            kind, *values = line.split() or [""]
            if kind == "end":
                break
            try:
                if kind in ("model", "core", "counter", "nothing"):
                    facts[kind] = " ".join(values)
                elif kind in counts:
                    _, _, count = map(int, values)
                    counts[kind].append(count - int(facts["nothing"]))
                elif kind in ("window", "sequence"):
                    rows.append([*map(int, values)])
                else:
                    raise ValueError(f"'{line}'")
            except (ValueError, KeyError) as error:
                raise _unread(number, f"it says {error}") from error
        else:
            raise _unread(len(lines), "the line 'end' is missing")
        width = {len(row) for row in rows}
        if len(width) != 1 or min(width) < 4 or "counter" not in facts or "core" not in facts:
            raise _unread(len(lines), "answers are missing, or differ in length")
        return Heard(
            model=facts.get("model", ""),
            core=int(facts["core"]),
            counter=facts["counter"],
            outputs=Outputs.from_rows(np.array(rows, np.int32)),
            steps=np.array(counts["step"], np.int64),
            predicts=np.array(counts["predict"], np.int64),
        )


def _unread(line: int, cause: str) -> SartoError:
    where = f"line {line} of what the board said" if line else "what the board said"
    return SartoError(
        "E103",
        f"{where} cannot be read",
        cause=cause,
        hint="give all that the harness printed, from its first line to the line 'end'",
    )


def harness_sources(
    sources: Mapping[str, str], sequences: Sequence[Integer[np.ndarray, "_ _"]], model: str
) -> dict[str, str]:
    """Return the files of the harness with `sequences` of raw words in it, in place of `main.c` and `board.c`.

    Args:
        sources: of the model, for the type of its samples.
        sequences: raw words, one array of (step, channel) each.
        model: hash of the graph, for whoever reads what the board says.
    """
    channels = constants(sources["model.h"])["MODEL_CHANNELS"]
    folder = files("sarto") / "deploy" / "c" / "board"
    words = np.concatenate([np.asarray(s).reshape(-1, channels) for s in sequences]).reshape(-1)
    steps = [len(s) for s in sequences]
    header = (
        '/* The inputs that the harness runs. */\n#ifndef INPUTS_H\n#define INPUTS_H\n#include "model.h"\n\n'
        f'#define INPUTS_MODEL "{model}"\n#define INPUT_SEQUENCES {len(steps)}\n'
        "extern const int32_t input_steps[INPUT_SEQUENCES];\nextern const model_sample input_words[];\n\n#endif\n"
    )
    table = (
        '#include "inputs.h"\n\n'
        f"const int32_t input_steps[INPUT_SEQUENCES] = {{{_values(steps)}}};\n"
        f"const model_sample input_words[] = {{{_values(words.tolist() or [0])}}};\n"
    )
    return {
        **{f.name: f.read_text(encoding="utf-8") for f in folder.iterdir() if f.name.endswith((".c", ".h"))},
        "inputs.h": header,
        "inputs.c": table,
    }


def _values(values: Sequence[int]) -> str:
    rows = [", ".join(map(str, values[i : i + 20])) for i in range(0, len(values), 20)]
    return "\n    " + ",\n    ".join(rows) + "\n"
