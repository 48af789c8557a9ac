"""Cycles by the core's table: kinds are those that another disassembler's mnemonics say, and calls add up."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from sarto.core.device import KINDS, CycleTable
from sarto.core.errors import SartoError
from sarto.deploy.c.emit import emit
from sarto.devices import device, microcontrollers
from sarto.measure.build import build
from sarto.measure.cycles import cycle_counts, kind_of
from sarto.measure.elf import RISCV32, Elf
from sarto.measure.emulate import emulate
from sarto.measure.instructions import instructions
from tests.core.graph.companions import STATISTICS, companion
from tests.core.graph.graphs import raw_words, small_graph
from tests.measure.example import SEQUENCES, SOURCES, changed
from tests.measure.test_instructions import code

ONE = {
    **dict.fromkeys(KINDS, 1),
    "register": 0,
    "refill": 0,
}
"""Every instruction takes one cycle."""


def table(**entries: int | tuple[int, int]) -> CycleTable:
    rows = {k: v if isinstance(v, tuple) else (v, v) for k, v in {**ONE, **entries}.items()}
    return CycleTable(tuple((kind, *bounds) for kind, bounds in rows.items()), "made up", "nothing")


@pytest.mark.parametrize("name", microcontrollers())
def test_with_one_cycle_each_cycles_are_instructions(name: str) -> None:
    core = replace(device(name), cycles=table())
    found = emulate(build(SOURCES, core), SEQUENCES)
    for column in (0, 1):
        assert found.step_cycles[:, column].tolist() == found.step_instructions.tolist()
        assert found.inference_cycles[:, column].tolist() == found.inference_instructions.tolist()


@pytest.mark.parametrize("name", ["cortex_m0plus", "cortex_m4", "rv32imc"])
def test_a_loop_takes_one_branch_more_for_each_turn(name: str) -> None:
    """The branch back is taken at every turn but the last, and costs what it costs more each time."""
    thumb = '__asm__ volatile("movs r0, #{}\\n1: subs r0, #1\\nbne 1b" : : : "r0", "cc");'
    riscv = '__asm__ volatile("li t0, {}\\n1: addi t0, t0, -1\\nbnez t0, 1b" : : : "t0");'

    def cycles(turns: int, taken: int) -> int:
        core = replace(device(name), cycles=table(branch_taken=taken))
        found = emulate(replace(images[turns], device=core), [SEQUENCES[0][:1]])
        return int(found.step_cycles[0, 0])

    loop = riscv if name == "rv32imc" else thumb
    images = {n: build(changed(new=loop.format(n)), device(name)) for n in (1, 2, 100, 255)}
    others = cycles(1, 8) - cycles(1, 1)
    assert [cycles(turns, 8) - cycles(turns, 1) - others for turns in (2, 100, 255)] == [7, 693, 1778]
    assert cycles(100, 1) - cycles(1, 1) == 2 * 99


def test_bounds_of_the_cortex_m4_hold_its_instructions() -> None:
    graph = small_graph(1, units=9, channels=5, classes=3, segments=2, segment_steps=3)
    raw, offsets = raw_words(5, [6, 9, 13], 5)
    image = build(emit(graph), device("cortex_m4"))
    run = emulate(image, [raw[a:b] for a, b in pairwise(offsets)])
    low, high = run.inference_cycles.T.astype(float)
    assert (0.7 * run.inference_instructions < low).all()
    assert (low < high).all()
    assert (high < 3 * run.inference_instructions).all()


def test_an_instruction_whose_condition_fails_takes_at_least_one_cycle() -> None:
    """IT of two, a load and a store, which take five: at least one each, where the condition fails."""
    elf = code("bf04 6808 6008 4770")
    counts = cycle_counts(elf, 0x100, 8, table(load=5, store=5, if_then=(0, 1)))
    assert counts.before[0].tolist() == [0, 0, 1, 2, 3]
    assert counts.before[1].tolist() == [0, 1, 6, 11, 12]


def test_registers_and_the_program_counter_are_paid_for() -> None:
    elf = code("b570 e8bd 8070 bd70")  # push {r4-r6, lr}; ldm.w sp!, {r4-r6, pc}; pop {r4-r6, pc}
    counts = cycle_counts(elf, 0x100, 8, table(register=10, refill=(100, 300)))
    assert counts.before[0].tolist() == [0, 41, 182, 182, 323]
    assert counts.before[1].tolist() == [0, 41, 382, 382, 723]


def test_what_a_branch_takes_more_lies_behind_it() -> None:
    elf = code("d0fe f43f afff e7fe")  # beq; beq.w; b
    counts = cycle_counts(elf, 0x100, 8, table(branch_taken=(2, 4)))
    assert counts.taken.tolist() == [[0, 1, 0, 1, 0], [0, 3, 0, 3, 0]]


def test_a_kind_that_the_table_lacks_is_named() -> None:
    lacking = replace(table(), entries=tuple(row for row in table().entries if row[0] != "multiply"))
    with pytest.raises(SartoError, match=r"E112.*no entry 'multiply'"):
        cycle_counts(code("4348 4770"), 0x100, 4, lacking)


_ARM = [
    (r"smull|umull|[su]mlal$|smlal(bb|bt|tb|tt|d|dx)|smlsld|umaal", "multiply_long"),
    (r"muls?$|mla|mls|sm(l|u)|smm", "multiply"),
    (r"[su]div", "divide"),
    (r"ldm|ldrd|pop", "load_multiple"),
    (r"stm|strd|push", "store_multiple"),
    (r"ldr", "load"),
    (r"str", "store"),
    (r"tb[bh]", "table_branch"),
    (r"blx?$", "call"),
    (r"bx", "branch_register"),
    (r"b(\.[nw])?$", "branch"),
    (r"cbn?z|b(eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)(\.[nw])?$", "branch_if"),
    (r"it[te]*$", "if_then"),
    (r"mrs|msr|dmb|dsb|isb|cps", "system"),
]
_RISCV = [
    (r"mulh", "multiply_long"),
    (r"mul", "multiply"),
    (r"div|rem", "divide"),
    (r"l[bhw]u?$", "load"),
    (r"s[bhw]$", "store"),
    (r"jalr?$|call", "call"),
    (r"jr|ret", "branch_register"),
    (r"j$", "branch"),
    (r"b(eqz?|nez?|ltz?|gez?|ltu|geu|lez|gtz|gt|le|gtu|leu)$", "branch_if"),
    (r"csr|ecall|ebreak|fence|\.word|\.4byte", "system"),  # the startup's csrw is of an extension to objdump
]


def _mnemonics(elf: bytes, program: str, folder: Path) -> dict[int, str]:
    if shutil.which(program) is None:
        pytest.skip(f"needs the program {program}")
    path = folder / "model.elf"
    path.write_bytes(elf)
    listing = subprocess.run([program, "-d", str(path)], capture_output=True, text=True, check=True).stdout
    lines = re.findall(r"^\s*([0-9a-f]+):\t(?:[0-9a-f]{4,8} ?)+\s*\t(\S+)(.*)$", listing, re.MULTILINE)
    return {int(address, 16): f"{name} {rest}" for address, name, rest in lines}


def _expected(line: str, riscv: bool) -> str:
    name = line.split()[0]
    if riscv:
        if name == "jalr" or name == "jr":
            return "branch_register"
        return next((kind for pattern, kind in _RISCV if re.match(pattern, name)), "data")
    bare = re.sub(r"\.[nw]$", "", name)
    kind = next((kind for pattern, kind in _ARM if re.match(pattern, bare)), "data")
    if kind == "data" and re.match(r"(mov|add)\s+pc,", re.sub(r"\s+", " ", line)):
        return "branch_register"
    return "branch_register" if kind == "call" and bare == "blx" else kind


@pytest.mark.parametrize("name", microcontrollers())
def test_kinds_are_those_of_gnu_objdump(name: str, tmp_path: Path) -> None:
    core = device(name)
    riscv = core.target.startswith("riscv")
    program = "riscv64-unknown-elf-objdump" if riscv else "arm-none-eabi-objdump"
    seen: set[str] = set()
    for at, graph in enumerate(
        (
            small_graph(1, units=9, channels=5, classes=3, segments=2, segment_steps=3),
            small_graph(2, units=10, channels=6, bits=8, kind="mean_square"),
            companion(STATISTICS, "random_features", 1),
        )
    ):
        for optimise in ("-O2", "-Os"):
            image = build(emit(graph), core, optimise=optimise)
            said = _mnemonics(image.elf, program, tmp_path)
            for address, first, second in instructions(image.contents):
                if riscv and first == 0:  # pads functions
                    continue
                kind = _kind(image.contents, first, second)
                assert kind == _expected(said[address], riscv), f"{address:#x} {said[address]} ({at})"
                seen.add(kind)
    assert {"data", "multiply", "load", "store", "branch_if", "branch_register"} <= seen


def _kind(elf: Elf, first: int, second: int) -> str:
    if elf.architecture == RISCV32:
        from sarto.measure.cycles import riscv_kind

        return riscv_kind(first, second)[0]
    return kind_of(first, second)[0]


def test_the_counts_of_both_columns_start_at_zero() -> None:
    counts = cycle_counts(code("2001 4770"), 0x100, 4, table(data=(1, 2)))
    assert np.array_equal(counts.before, [[0, 1, 2], [0, 2, 3]])
