"""Guards in the generated C: what is wrong is found before an answer is given, and then there is none.

`flash` is a sum over all of the flash, code included, or over all but the weights (`code`). `abft` holds the sums of
layers to checksums of their weights while they are computed, see `sarto.deploy.c.checksums`: of fully connected layers,
or with `abft:all` of convolutions too. `copy` has tables in the flash twice and goes on with the copy that is sound,
see `sarto.deploy.copies`: all tables, or with `copy:2kB` those that were chosen for so many bytes.

The words w_0 .. w_(n-1) of the flash, from its origin to the word that holds the sum, are added without carry, turned
by one bit each:

    sum_0 = 0,   sum_(i+1) = rotate_right(sum_i, 1) XOR w_i

so that bit b of word i lies at bit (b - (n - 1 - i)) mod 32 of the sum, as in a cyclic code by x^32 + 1. One wrong
bit changes it, and so do any burst of up to 32 bits and all errors of an odd number of bits. Of errors of two bits one
in 32 does not: those at the same place of the sum. It is one instruction for each word beside the load on a core that
shifts and combines at once.

With `parts` above 1 an answer checks only one part of the flash, and a whole scrub takes so many answers: it costs
less, and a fault may spoil the answers that are given until it is found.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from sarto.core.errors import SartoError
from sarto.core.graph import Graph
from sarto.core.units import parse_quantity
from sarto.deploy.c.checksums import KINDS, coverage
from sarto.deploy.c.emit import emit, said_of
from sarto.deploy.c.program import filled, image_sources
from sarto.deploy.copies import copied

WHAT = ("flash", "code")
"""What a guard sums: all of the flash, or all but the weights."""
LAYERS = {"abft": ("dense",), "abft:all": KINDS}
"""Which kinds of layers a guard checks."""
BLOCK = 8
"""Words that are checked in one turn of the loop; the linker fills the last one up."""
UNSET = 0xFFFFFFFF
"""Stands for the sum until the program is linked."""


@dataclass(frozen=True)
class FlashSum:
    """A sum over the flash: of all of it or of all but the weights, and in how many parts."""

    weights: bool = True
    parts: int = 1

    def __str__(self) -> str:
        return f"{WHAT[not self.weights]}{f':{self.parts}' if self.parts > 1 else ''}"


@dataclass(frozen=True)
class Copies:
    """A second copy of tables.

    Attributes:
        budget_b: bytes that it may take; None is all tables.
        tables: their names, once they were chosen (`sarto.audit.faults.copies`); none is all.
    """

    budget_b: int | None = None
    tables: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "copy" if self.budget_b is None else f"copy:{self.budget_b}B"


@dataclass(frozen=True)
class Guards:
    """Guards, as an option lists them.

    Attributes:
        flash: the sum over the flash.
        abft: kinds of layers that are held to checksums.
        copy: the tables that lie in the flash twice.

    >>> str(Guards.of("copy:2kB, abft:all, flash:16"))
    'flash:16,abft:all,copy:2000B'
    """

    flash: FlashSum | None = None
    abft: tuple[str, ...] = ()
    copy: Copies | None = None

    @staticmethod
    def of(text: str) -> Guards:
        """Return the guards in a list such as `flash`, `code:4` or `flash:16,abft`.

        >>> Guards.of("code:4")
        Guards(flash=FlashSum(weights=False, parts=4), abft=(), copy=None)

        Raises:
            SartoError: E150, for anything else, and for two guards of one kind.
        """
        found = Guards()
        for one in text.split(","):
            said = _guard(one.strip())
            if any(getattr(found, kind) for kind in said):
                raise SartoError(
                    "E150",
                    f"'{text}' has two guards of one kind",
                    cause="the flash is summed once, and layers are checked once",
                    hint="say each kind once, such as flash:16,abft",
                )
            found = replace(found, **said)
        return found

    def __str__(self) -> str:
        said = [str(self.flash)] if self.flash else []
        said += [name for name, kinds in LAYERS.items() if kinds == self.abft]
        said += [str(self.copy)] if self.copy else []
        return ",".join(said)


def _guard(text: str) -> dict[str, Any]:
    """Return one guard of a list: the kind, as `Guards` names it, and its value."""
    what, colon, more = text.partition(":")
    if what in WHAT and (more.isdigit() or not colon):
        return {"flash": FlashSum(what == "flash", int(more) if colon else 1)}
    if text in LAYERS:
        return {"abft": LAYERS[text]}
    if what == "copy":
        return {"copy": Copies(int(parse_quantity(more, "byte").value) if colon else None)}
    raise SartoError(
        "E150",
        f"'{text}' is no guard",
        cause="a guard sums the flash, or all but the weights (code), checks layers (abft, abft:all), or copies tables",
        hint="say flash, code, abft, flash:16 for a sixteenth at every answer, copy:2kB, or several: flash,copy:2kB",
    )


def guarded(
    sources: Mapping[str, str], guards: Guards, total: int | None = None, graph: Graph | None = None
) -> dict[str, str]:
    """Return `sources` of a model with guards, and with the linker script that they need.

    Args:
        sources: `model.c`, `model.h` and any other file of the program.
        guards: which. The parts of a sum are a power of two. The tables of weights, which it may leave out, are often
            most of the flash, and one wrong bit there seldom matters (`sarto.audit.faults` tells): without them it
            costs less, and harmless faults stop less.
        total: the sum of the linked program, which `measure.guard` finds; None learns it from the first scrub after the
            start, where nobody can write it into the program: what was wrong before the start is not found then.
        graph: what `sources` were generated from, for checks of its layers.

    Raises:
        SartoError: E150, when the sources are guarded already, the parts are no power of two, or no layer can be
            checked; E173, for a model with widths.
    """
    if any(name in sources["model.c"] for name in ("unguarded_predict", "guard_fault", "kept_tables")):
        raise SartoError(
            "E150",
            "the model has its guard already",
            cause="there is room for one",
            hint="guard the sources that Sarto generated",
        )
    if "model_extend" in sources["model.h"]:
        raise SartoError(
            "E173",
            "a guard for a model with widths",
            cause="a guard stands before model_predict, and model_run and model_extend would answer without it",
            hint="deploy it without --guard, or cut the model to one width",
        )
    made = dict(sources)
    if guards.abft:
        assert graph is not None, "checks of layers are written with the layers"
        made |= _checked(graph, sources, guards.abft)
    if guards.copy is not None:
        assert guards.copy.tables or guards.copy.budget_b is None, "tables are chosen under a budget first"
        made = copied(made, guards.copy.tables)
    return made if guards.flash is None else _summed(made, guards.flash, total)


def _checked(graph: Graph, sources: Mapping[str, str], kinds: Collection[str]) -> dict[str, str]:
    """Return source and header, which were generated from `graph`, with the checks of its layers."""
    found = coverage(graph, kinds)
    if not found.layers:
        cause = "; ".join(f"{name}: {reason}" for name, reason in found.left_out.items())
        raise SartoError(
            "E150",
            "the model has no layer that could be checked",
            cause=cause or "a check adds up the sums of a fully connected layer, and there is none",
            hint="say abft:all for a network of convolutions, or flash, which is for any program",
        )
    said = said_of(sources)
    if any(_dense(text) != _dense(sources[name]) for name, text in emit(graph, *said).items()):
        raise SartoError(
            "E150",
            "the layers of the model cannot be checked",
            cause="its sources are not those that this version of Sarto generates of its graph",
            hint="make the model again with this version, or say flash, which is for any program",
        )
    return emit(graph, *said, kinds)


def _dense(text: str) -> list[str]:
    """Return the lines of a text that are not empty."""
    return [line for line in text.splitlines() if line]


def _summed(sources: Mapping[str, str], flash: FlashSum, total: int | None) -> dict[str, str]:
    """Return `sources` with a sum over the flash."""
    parts = flash.parts
    if parts < 1 or parts & (parts - 1):
        raise SartoError(
            "E150",
            f"a guard in {parts} parts",
            cause="a small core has no division, so that their number is a power of two",
            hint="such as 1, 4 or 16",
        )
    streams = re.search(r"^#define \w+_WINDOW [1-9]", sources["model.h"], re.MULTILINE) is not None
    bare = _renamed(sources["model.c"], "predict", r"model_arena \*arena")
    if streams:
        bare = _renamed(bare, "step", r"model_arena \*arena, const model_sample \*sample")
    text = _text("guard.c")
    written = {"SUM": f"{UNSET if total is None else total:#010x}", "LEARN": str(int(total is None))}
    fault = "" if "guard_fault" in bare else _text("fault.c")
    written |= {"FAULT": fault}
    made = filled(text, {**written, "PARTS": str(parts), "WINDOWS": str(int(streams))})
    script = sources.get("link.ld", image_sources()["link.ld"])
    return {**sources, "model.c": f"{bare}\n{made}", "link.ld": guarded_script(script, flash.weights)}


def _text(name: str) -> str:
    return (files("sarto.deploy.c") / "guard" / name).read_text(encoding="utf-8")


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

    What is not summed comes after the sum: tables that lie in the flash twice, which are checked by themselves, and
    weights where they are left out. Every table has a section of its own, with its name.
    """
    for name, align_b in ((".text", 8), (".rodata", 4 * BLOCK)):
        script, count = re.subn(
            rf"({re.escape(name)} : {{ [^}}]*)}} > FLASH", rf"\1. = ALIGN({align_b}); }} > FLASH", script
        )
        assert count == 1, f"the linker script has one {name}"
    assert ".rodata.* " in script, "the linker script takes tables by their names"
    summed = ".rodata.[!k]* " if weights else ".rodata.[!kw]* .rodata.w[!e]* "
    script = script.replace(".rodata.* ", summed, 1)
    guard = "  .guard : { guard_last = .; KEEP(*(.guard)) } > FLASH\n  .kept : { *(.rodata.k*) } > FLASH\n"
    if not weights:
        guard += "  .weights : { *(.rodata.we*) } > FLASH\n"
    return script.replace(
        "  .stack (NOLOAD)", f"  guard_first = ADDR(.vectors);\n{guard}  .stack (NOLOAD)", 1
    )
