"""Guards in the generated C: a sum over all of the flash, code included, that is checked before an answer is given.

The words w_0 .. w_(n-1) of the flash, from its origin to the word that holds the sum, are added without carry, turned
by one bit each:

    sum_0 = 0,   sum_(i+1) = rotate_right(sum_i, 1) XOR w_i

so that bit b of word i lies at bit (b - (n - 1 - i)) mod 32 of the sum, as in a cyclic code by x^32 + 1. One wrong
bit changes it, and so do any burst of up to 32 bits and all errors of an odd number of bits. Of errors of two bits one
in 32 does not: those at the same place of the sum. It is one instruction for each word beside the load on a core that
shifts and combines at once.

With `parts` above 1 an answer checks only one part of the flash, and a whole scrub takes so many answers: it costs
less, and a fault may spoil the answers that are given until it is found.

>>> rotating_sum(np.array([1, 0, 0], np.uint32)), rotating_sum(np.array([0, 3], np.uint32))
(1073741824, 3)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from jaxtyping import UInt32

from sarto.core.errors import SartoError
from sarto.deploy.c.program import filled, image_sources

WHAT = ("flash", "code")
"""What a guard sums: all of the flash, or all but the weights."""
BLOCK = 8
"""Words that are checked in one turn of the loop; the linker fills the last one up."""
UNSET = 0xFFFFFFFF
"""Stands for the sum until the program is linked."""


@dataclass(frozen=True)
class Guard:
    """A guard, as an option says it: what is summed, and in how many parts."""

    weights: bool = True
    parts: int = 1

    @staticmethod
    def of(text: str) -> Guard:
        """Return the guard in `flash`, `code`, or with parts `flash:4`.

        >>> Guard.of("code:4")
        Guard(weights=False, parts=4)

        Raises:
            SartoError: E150, for anything else.
        """
        what, colon, parts = text.partition(":")
        if what not in WHAT or (colon and not parts.isdigit()):
            raise SartoError(
                "E150",
                f"'{text}' is no guard",
                cause="a guard sums all of the flash, or all but the weights (code)",
                hint="say flash, code, or flash:16 for a sixteenth at every answer",
            )
        return Guard(what == "flash", int(parts) if colon else 1)

    def __str__(self) -> str:
        return f"{WHAT[not self.weights]}{f':{self.parts}' if self.parts > 1 else ''}"


def guarded(
    sources: Mapping[str, str], parts: int = 1, total: int | None = None, *, weights: bool = True
) -> dict[str, str]:
    """Return `sources` of a model with a guard, and with the linker script that the guard needs.

    Args:
        sources: `model.c`, `model.h` and any other file of the program.
        parts: answers after which all of the flash was checked, a power of two.
        total: the sum of the linked program, which `measure.guard` finds; None learns it from the first scrub after the
            start, where nobody can write it into the program: what was wrong before the start is not found then.
        weights: whether the tables of weights are summed too. They are often most of the flash, and one wrong bit there
            seldom matters (`sarto.audit.faults` tells): left out, it costs less, and harmless faults stop less.

    Raises:
        SartoError: E150, when the sources are guarded already, or `parts` is no power of two.
    """
    if parts < 1 or parts & (parts - 1):
        raise SartoError(
            "E150",
            f"a guard in {parts} parts",
            cause="a small core has no division, so that their number is a power of two",
            hint="such as 1, 4 or 16",
        )
    if "unguarded_predict" in sources["model.c"]:
        raise SartoError(
            "E150",
            "the model has its guard already",
            cause="there is room for one",
            hint="guard the sources that Sarto generated",
        )
    streams = re.search(r"^#define \w+_WINDOW [1-9]", sources["model.h"], re.MULTILINE) is not None
    bare = _renamed(sources["model.c"], "predict", r"model_arena \*arena")
    if streams:
        bare = _renamed(bare, "step", r"model_arena \*arena, const model_sample \*sample")
    text = (files("sarto") / "deploy" / "c" / "guard" / "guard.c").read_text(encoding="utf-8")
    written = {"SUM": f"{UNSET if total is None else total:#010x}", "LEARN": str(int(total is None))}
    made = filled(text, {**written, "PARTS": str(parts), "WINDOWS": str(int(streams))})
    script = sources.get("link.ld", image_sources()["link.ld"])
    return {**sources, "model.c": f"{bare}\n{made}", "link.ld": guarded_script(script, weights)}


def _renamed(source: str, name: str, arguments: str) -> str:
    """Return the source with the definition of `model_NAME` as that of a function of this file, `unguarded_NAME`."""
    found, count = re.subn(
        rf"^int model_{name}\(({arguments})\)$",
        rf"static int unguarded_{name}(\1)",
        source,
        flags=re.MULTILINE,
    )
    assert count == 1, f"model_{name} is defined once"
    return found


def guarded_script(script: str, weights: bool) -> str:
    """Return the linker script with every section of the flash filled up, and the sum behind them.

    Where weights are not summed, they come after the sum: every table has a section of its own, with its name.
    """
    for name, align_b in ((".text", 8), (".rodata", 4 * BLOCK)):
        script, count = re.subn(
            rf"({re.escape(name)} : {{ [^}}]*)}} > FLASH", rf"\1. = ALIGN({align_b}); }} > FLASH", script
        )
        assert count == 1, f"the linker script has one {name}"
    guard = "  .guard : { guard_last = .; KEEP(*(.guard)) } > FLASH\n"
    if not weights:
        assert ".rodata.* " in script, "the linker script takes tables by their names"
        script = script.replace(".rodata.* ", ".rodata.[!w]* .rodata.w[!e]* ", 1)
        guard += "  .weights : { *(.rodata.we*) } > FLASH\n"
    return script.replace(
        "  .stack (NOLOAD)", f"  guard_first = ADDR(.vectors);\n{guard}  .stack (NOLOAD)", 1
    )


def rotating_sum(words: UInt32[np.ndarray, " word"]) -> int:
    """Return the sum over words, as the guard computes it."""
    total = 0
    for word in words.tolist():
        total = ((total << 31 | total >> 1) & 0xFFFFFFFF) ^ word
    return total
