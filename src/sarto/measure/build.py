"""Builds the image that a user would flash: model, example program, board, startup, linked for one device.

    image = build({"model.c": ..., "model.h": ...}, device("cortex_m4"), flash_b=65536, ram_b=16384)

The linker is given exactly the flash and RAM that the budget allows, so that it refuses what is too big. The same
sources give the same bytes.
"""

from __future__ import annotations

import base64
import re
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sarto.core.device import Device
from sarto.core.errors import SartoError
from sarto.core.store import Store, content_hash
from sarto.core.units import format_quantity
from sarto.deploy.c.program import COMPILE, LINK, SECTIONS, WARN, image_sources, linker_script
from sarto.measure import zig
from sarto.measure.compilers import COMPILERS, Compiler, Name
from sarto.measure.image import Image, constants
from sarto.measure.instructions import check_instructions
from sarto.measure.probe import FUNCTIONS

STACK_ALIGN_B = {"thumb": 8, "riscv32": 16}
"""By the beginning of a device's target. Source: Arm, "Procedure Call Standard for the Arm Architecture", the stack at
a public interface; "RISC-V ABIs specification", the stack pointer at procedure entry."""

_ARITHMETIC = re.compile(
    r"__aeabi_(lmul|llsl|llsr|lasr|u?lcmp|u?idiv(mod)?|u?ldivmod)|__(clz|ctz|popcount)[sd]i2"
    r"|__(ashl|ashr|lshr|mul|u?div|u?mod|u?cmp)di[23]|__gnu_thumb1_case_[su][qh]i"
)
"""Integer helpers that a small core has no instruction for; nothing that moves memory or computes in floating point.
Source: Arm, "Run-time ABI for the Arm Architecture", section 4.2 and 4.3; "GCC internals", the GCC low-level runtime
library, routines for integer arithmetic; the last are GCC's jump tables of 16-bit Thumb."""
_MEMORY = re.compile(r"(__aeabi_)?mem(cpy|set|move|cmp|clr)\w*|bcmp")


def build(
    sources: Mapping[str, str],
    device: Device,
    *,
    optimise: str = "-O2",
    compiler: Name = "zig",
    flash_b: int | None = None,
    ram_b: int | None = None,
    stack_b: int | None = None,
    cache: Path | None = None,
) -> Image:
    """Return the image of the model in `sources` for `device`.

    Args:
        sources: file name -> text; `model.c` and `model.h`, and any file of `image_sources` to put in place of ours.
        device: to build for.
        optimise: the compiler's level, such as `-O2` or `-Os`.
        compiler: `zig`, or `gcc` where it is installed for the device.
        flash_b: flash allowed, at most the device's; None allows all of it.
        ram_b: RAM allowed, at most the device's; None allows all of it.
        stack_b: RAM set aside for the stack, a multiple of 8 (RISC-V: 16); None sets aside all that is left.
        cache: a folder in which to keep what was built.

    Raises:
        SartoError: E202 or E203 when flash or RAM does not suffice, with how much is missing; E301 without a compiler;
            E401 when the compiler refuses the sources, or builds what the device cannot run.
    """
    flash_limit_b = int(min(device.flash.size_b, flash_b or device.flash.size_b))
    align_b = STACK_ALIGN_B.get(device.target.partition("-")[0], 8)
    ram_limit_b = int(min(device.ram.size_b, ram_b or device.ram.size_b)) // align_b * align_b
    chosen = COMPILERS[compiler]
    fixed = constants(sources["model.h"])
    empty = Image(b"", device, flash_limit_b, ram_limit_b, 0, (), fixed, chosen.version(device), "", "")
    store = Store(cache) if cache is not None else None
    program = {**image_sources(), **sources}
    key = content_hash(
        "image", program, repr(device), optimise, flash_limit_b, ram_limit_b, stack_b, empty.toolchain
    )
    if store is not None and (kept := store.get(key)) is not None:
        return replace(
            empty,
            **{
                **kept,
                "elf": zlib.decompress(base64.b64decode(kept["elf"])),
                "runtime": tuple(kept["runtime"]),
            },
        )
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        folder = Path(name)
        zig.write_sources(program, folder)
        image = _link(empty, program, chosen, optimise, stack_b or 0, folder)
        if stack_b is None:
            left_b = (ram_limit_b - image.static_ram_b) // align_b * align_b
            image = _link(image, program, chosen, optimise, left_b, folder)
    check_instructions(image.contents, device.cpu)
    if store is not None:
        built = {f: getattr(image, f) for f in ("stack_b", "runtime", "command", "diagnostics")}
        store.put(key, {**built, "elf": base64.b64encode(zlib.compress(image.elf)).decode()})
    return image


def _link(
    image: Image, program: Mapping[str, str], compiler: Compiler, optimise: str, stack_b: int, folder: Path
) -> Image:
    """Return `image` linked with `stack_b` for the stack, first without, then with the compiler's own library.

    `program` lies in `folder`. Zig compiles a file there only once, and says only then what there is to warn of: where
    it warned, the files are written again, so that the next link compiles them and says it too.
    """
    device = image.device
    script = linker_script(image.flash_allowed, image.ram_allowed, stack_b, program["link.ld"])
    filled = {**program, "link.ld": script}
    zig.write_sources({"link.ld": script}, folder)
    inputs = sorted(name for name in program if name.endswith(".c"))

    def link(library: bool) -> tuple[int, str, list[str]]:
        shared = [*COMPILE, *WARN, *SECTIONS, *LINK, "-Wl,-T,link.ld", *inputs, "-o", "model.elf"]
        words = [*compiler.command(device, optimise, library), *shared, *compiler.tail(device, library)]
        status, said = compiler.run(words, folder)
        if "warning:" in said:
            zig.write_sources(filled, folder)
        return status, said, words

    runtime = image.runtime
    status, said, command = link(bool(runtime))
    missing = compiler.missing(said)
    if missing and all(map(_ARITHMETIC.fullmatch, missing)):
        runtime = tuple(missing)
        status, said, command = link(library=True)
        missing = compiler.missing(said)
    _refuse_memory_functions(missing)
    if status != 0:
        raise _refused(image, compiler, said, stack_b)
    linked = replace(
        image,
        elf=(folder / "model.elf").read_bytes(),
        stack_b=stack_b,
        runtime=runtime,
        command=" ".join(command),
        diagnostics=said.strip(),
    )
    names = [s.name for s in linked.contents.symbols if s.is_code]
    _refuse_memory_functions(names)
    if unused := [name for name in FUNCTIONS if name not in names]:
        raise SartoError(
            "E401",
            f"the program does not call {', '.join(unused)}",
            cause="the linker dropped what nothing calls, so that it cannot be measured",
            hint="compare main.c with the example that sarto writes",
        )
    return linked


def _refuse_memory_functions(names: Sequence[str]) -> None:
    if slow := [name for name in names if _MEMORY.fullmatch(name)]:
        raise SartoError(
            "E401",
            f"the program calls {', '.join(slow)}",
            cause="the compiler never inlines memory functions here; the calls would pass for the model's work",
            hint="write a loop, or __builtin_memcpy of a few bytes",
        )


def _refused(image: Image, compiler: Compiler, said: str, stack_b: int) -> SartoError:
    for code, region, word, limit_b in (
        ("E202", "FLASH", "flash", image.flash_limit_b),
        ("E203", "RAM", "RAM", image.ram_limit_b),
    ):
        if over_b := compiler.overflow(said, region):
            got, limit, more = (format_quantity(v, "B") for v in (limit_b + over_b, limit_b, over_b))
            stack = f", {stack_b} B of it for the stack" if word == "RAM" and stack_b else ""
            return SartoError(
                code,
                f"{word} {got} > {limit} on {image.device.name} (over by {more})",
                cause=f"the linked image needs {limit_b + over_b} B{stack}",
                hint="choose a smaller model or a larger budget",
            )
    lines = [
        line for line in said.splitlines() if not any(map(_ARITHMETIC.fullmatch, compiler.missing(line)))
    ]
    return zig.failed("the image", "\n".join(lines))
