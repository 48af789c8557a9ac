"""What the harness on a board said: the answers, the counts, and what the board is.

`Heard.read` reads the lines that the harness (`deploy/c/board`) said over semihosting or a UART.

>>> heard = Heard.read('''sarto board 1
... model 5eed
... inputs c0de
... core 1091551809
... maker 765964
... counter cyccnt
... nothing 4
... step 0 0 104
... predict 0 -1 54
... sequence 0 -1 1 -20 30
... end
... ''')
>>> heard.outputs.scores.tolist(), heard.steps.tolist(), heard.predicts.tolist(), heard.counter
([[-20, 30]], [100], [50], 'cyccnt')
>>> heard.identity
Identity(core='Cortex-M4', words='Cortex-M4 r0p1, CPUID 0x410fc241, SCS part 0x00c', how='measured')
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import shorten

import numpy as np
from jaxtyping import Int

from sarto.core.errors import SartoError
from sarto.measure.identity import Identity, identify
from sarto.measure.outputs import Outputs

FIRST_LINE = "sarto board 1"
_WORDS, _NUMBERS = ("model", "inputs", "counter"), ("core", "maker", "nothing")


@dataclass(frozen=True, eq=False)
class Heard:
    """What a board said.

    Attributes:
        model: hash of the graph that the program was made for.
        inputs: hash of the sequences that it ran.
        core: what the core says it is, see `counter.h`.
        maker: who says so, see `counter.h`.
        counter: that was read: `cyccnt`, `systick`, `mcycle`.
        outputs: answers, in the order of the inputs.
        lengths: steps of each sequence.
        steps: counts of every call of `model_step`, those of a call of a function that does nothing taken off.
        predicts: counts of every call of `model_predict`, likewise.
        inferences: counts of every sequence, all its steps and `model_predict`.
    """

    model: str
    inputs: str
    core: int
    maker: int
    counter: str
    outputs: Outputs
    lengths: Int[np.ndarray, " item"]
    steps: Int[np.ndarray, " sample"]
    predicts: Int[np.ndarray, " item"]
    inferences: Int[np.ndarray, " item"]

    @property
    def identity(self) -> Identity:
        """What the board is.

        Raises:
            SartoError: E117, when it cannot be told whether it is silicon or an emulator.
        """
        return identify(self.core, self.maker, riscv=self.counter == "mcycle")

    @staticmethod
    def read(text: str) -> Heard:
        """Return what the lines of `text` say; lines before the first one of the harness are skipped.

        Raises:
            SartoError: E103, with the line, when they are not the harness's, or cut short, or a count did not fit the
                board's counter.
        """
        lines = text.splitlines()
        start = next((i for i, line in enumerate(lines) if line.strip() == FIRST_LINE), None)
        if start is None:
            raise _unread(0, f"there is no line '{FIRST_LINE}'")
        words: dict[str, str] = {}
        numbers: dict[str, int] = {}
        rows: list[list[int]] = []
        counts: dict[str, list[tuple[int, int, int]]] = {"step": [], "predict": []}
        for number, line in enumerate(lines[start + 1 :], start + 2):
            kind, *values = line.split() or [""]
            if kind == "end":
                break
            try:
                if kind in _WORDS:
                    words[kind] = " ".join(values)
                elif kind in _NUMBERS:
                    (numbers[kind],) = _words32(values)
                elif kind in counts:
                    sequence, step, count = _words32(values)
                    counts[kind].append((sequence, step, _taken(count, numbers["nothing"])))
                elif kind in ("window", "sequence"):
                    rows.append(_words32(values))
                else:
                    raise ValueError(f"'{shorten(line, 60)}'")
            except (ValueError, KeyError) as error:
                raise _unread(number, f"it says {error}") from error
        else:
            raise _unread(len(lines), "the line 'end' is missing")
        width = {len(row) for row in rows}
        missing = {*_WORDS, *_NUMBERS} - {*words, *numbers}
        if missing or len(width) != 1 or min(width) < 4 or not any(row[1] < 0 for row in rows):
            cause = (
                f"the line '{min(missing)}' is missing"
                if missing
                else "answers are missing, or differ in length"
            )
            raise _unread(len(lines), cause)
        outputs = Outputs.from_rows(np.array(rows, np.int64).astype(np.int32))
        steps, predicts = (np.array(counts[k], np.int64).reshape(-1, 3) for k in ("step", "predict"))
        sequences = len(outputs.classes)
        if predicts[:, 0].tolist() != list(range(sequences)):
            raise _unread(len(lines), "there is not one line 'predict' for each line 'sequence'")
        lengths = np.bincount(steps[:, 0].clip(0, sequences), minlength=sequences)
        expected = [(s, t) for s, length in enumerate(lengths.tolist()) for t in range(length)]
        if [tuple(row) for row in steps[:, :2].tolist()] != expected:
            raise _unread(len(lines), "the lines 'step' are not one for each step, in order")
        return Heard(
            **words,
            core=numbers["core"],
            maker=numbers["maker"],
            outputs=outputs,
            lengths=lengths,
            steps=steps[:, 2],
            predicts=predicts[:, 2],
            inferences=predicts[:, 2] + np.bincount(steps[:, 0], steps[:, 2], sequences).astype(np.int64),
        )


def _taken(count: int, nothing: int) -> int:
    """Return `count` without what counting itself takes."""
    if count < 0:
        raise ValueError("that a call took longer than its counter can count")
    if count <= nothing:
        raise ValueError(
            f"{count}, no more than the {nothing} of a call that does nothing: the counter stands still"
        )
    return count - nothing


def _words32(values: list[str]) -> list[int]:
    """Return numbers of 32 bits, signed or not."""
    found = [int(value) for value in values]
    if any(not -(2**31) <= number < 2**32 for number in found):
        raise ValueError("a number that no board of 32 bits has")
    return found


def _unread(line: int, cause: str) -> SartoError:
    where = f"line {line} of what the board said" if line else "what the board said"
    return SartoError(
        "E103",
        f"{where} cannot be read",
        cause=cause,
        hint="give all that the harness printed, from its first line to the line 'end'",
    )
