"""The emulated microcontroller: the same answers, exact counts, exact memory, and every fault noticed."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from sarto.core.device import Device
from sarto.core.errors import SartoError
from sarto.devices import device
from sarto.measure import machine
from sarto.measure.build import build
from sarto.measure.elf import Elf
from sarto.measure.emulate import emulate
from sarto.measure.instructions import V6S_M, V7E_M, ordinals
from sarto.measure.machine import Machine
from sarto.measure.outputs import check_equal
from sarto.measure.probe import FUNCTIONS, STEP
from tests.measure.example import SEQUENCES, SOURCES, changed, expected, replaced

M4, M0 = device("cortex_m4"), device("cortex_m0plus")
BOTH = pytest.mark.parametrize("core", [M4, M0], ids=["m4", "m0plus"])
LITTLE = 100_000
INIT = "void model_init(model_arena *arena) { clear(arena); }"


def in_assembly(*lines: str) -> dict[str, str]:
    """The sources with a `model_init` of these instructions alone; the arena then starts as startup left it."""
    text = "\\n".join(lines)
    naked = (
        f'__attribute__((naked)) void model_init(model_arena *arena) {{ (void)arena; __asm__("{text}"); }}'
    )
    return replaced(INIT, naked.replace("(void)arena; ", ""))


def fault(
    sources: dict[str, str],
    core: Device,
    *,
    ram_b: int | None = None,
    stack_b: int | None = None,
    code: str = "E402",
) -> str:
    """What the error says of a run."""
    with pytest.raises(SartoError, match=code) as caught:
        emulate(build(sources, core, ram_b=ram_b, stack_b=stack_b), SEQUENCES, most_instructions=LITTLE)
    assert core.name in caught.value.message
    return caught.value.cause


@BOTH
@pytest.mark.parametrize("optimise", ["-O2", "-Os", "-O3"])
def test_outputs_are_those_of_the_model(core: Device, optimise: str) -> None:
    emulation = emulate(build(SOURCES, core, optimise=optimise), SEQUENCES)
    check_equal(emulation.outputs, expected(SEQUENCES), core.name, "NumPy")
    assert len(emulation.outputs.windows) == 1 + 0 + 3 + 0 + 2 + 1


@BOTH
@pytest.mark.parametrize("word", ["int8_t", "int16_t", "int32_t"])
def test_words_of_every_size_keep_their_value_and_sign(core: Device, word: str) -> None:
    info = np.iinfo(word.removesuffix("_t"))
    high = min(info.max, 2**20)
    sequence = np.array([[-high, high], [high, -high // 2], [-1, 1]])
    sources = replaced("typedef int16_t model_sample;", f"typedef {word} model_sample;", name="model.h")
    emulation = emulate(build(sources, core), [sequence])
    check_equal(emulation.outputs, expected([sequence]), core.name, "NumPy")


@BOTH
def test_counts_repeat_and_blocks_agree_with_single_instructions(core: Device) -> None:
    image = build(SOURCES, core)
    first, again = emulate(image, SEQUENCES), emulate(image, SEQUENCES)
    assert np.array_equal(first.step_instructions, again.step_instructions)
    assert np.array_equal(first.inference_instructions, again.inference_instructions)
    single = Machine(image, SEQUENCES, "instruction", LITTLE)
    single.run()
    blocks = Machine(image, SEQUENCES, "block", LITTLE)
    blocks.run()
    for function in range(len(FUNCTIONS)):
        assert np.array_equal(single.instructions(function), blocks.instructions(function))
    assert len(first.step_instructions) == sum(map(len, SEQUENCES))
    assert first.step_instructions.min() < first.step_instructions.max()  # every third step has more to do
    edges = np.cumsum([0, *map(len, SEQUENCES)]).tolist()
    for item, (start, stop) in enumerate(pairwise(edges)):
        steps = int(first.step_instructions[start:stop].sum())
        assert first.inference_instructions[item] == steps + int(first.predict_instructions[item])
    inside = int(first.inference_instructions.sum()) + first.init_instructions + first.startup_instructions
    assert inside < first.total_instructions


@BOTH
def test_a_loop_has_as_many_instructions_as_one_counts_by_hand(core: Device) -> None:
    sources = in_assembly("movs r0, #10", "1: subs r0, #1", "bne 1b", "nop", "bx lr")
    assert emulate(build(sources, core), SEQUENCES).init_instructions == 1 + 10 * 2 + 1 + 1


@BOTH
def test_a_callee_is_counted_and_a_literal_pool_is_not(core: Device) -> None:
    sources = in_assembly(
        "push {r4, lr}",
        "bl 1f",
        "bl 1f",
        "ldr r0, 2f",
        "pop {r4, pc}",
        "1: nop",
        "bx lr",
        ".align 2",
        "2: .word 7",
    )
    assert emulate(build(sources, core), SEQUENCES).init_instructions == 1 + 2 * (1 + 2) + 1 + 1


def test_an_instruction_whose_condition_fails_counts() -> None:
    sources = in_assembly("cmp r0, r0", "itet eq", "moveq r1, #1", "movne r1, #2", "moveq r1, #3", "bx lr")
    assert emulate(build(sources, M4), SEQUENCES).init_instructions == 6


def test_a_32_bit_instruction_counts_once() -> None:
    sources = in_assembly("movw r0, #4660", "add.w r0, r0, r0, lsl #3", "mov r8, r0", "bx lr")
    assert emulate(build(sources, M4), SEQUENCES).init_instructions == 4


@BOTH
def test_startup_is_counted(core: Device) -> None:
    """Eight words of the arena are zeroed; 64 more words take as many more turns of the same loop."""
    more = replaced("} model_arena;", "int32_t more[64]; } model_arena;", name="model.h")
    often = replaced("} model_arena;", "int32_t more[128]; } model_arena;", name="model.h")
    small, middle, large = (
        emulate(build(s, core), SEQUENCES).startup_instructions for s in (SOURCES, more, often)
    )
    assert large - middle == middle - small
    assert (middle - small) % 64 == 0


@BOTH
def test_the_stack_counts_also_where_nothing_is_written(core: Device) -> None:
    depths = [
        emulate(build(in_assembly(f"sub sp, #{b}", f"add sp, #{b}", "bx lr"), core), SEQUENCES).peak_stack_b
        for b in (400, 408)
    ]
    assert depths[1] - depths[0] == 8
    assert depths[0] >= 400


@BOTH
def test_a_stack_that_only_a_late_sequence_needs_is_found(core: Device) -> None:
    deep = "void deep(void) { volatile int32_t big[64]; for (int i = 0; i < 64; i++) big[i] = i; }"
    sources = changed(new="if (sample[0] == 77) deep();")
    sources["model.c"] = f"{sources['model.c']}__attribute__((noinline)) {deep}"
    sources["model.h"] = sources["model.h"].replace("#endif", "void deep(void);\n#endif")
    image = build(sources, core)
    usual = emulate(image, SEQUENCES)
    late = emulate(image, [*SEQUENCES, np.array([[77, 0]])])
    assert usual.stack_items < len(SEQUENCES)
    assert late.stack_items == len(SEQUENCES) + 1
    alone = emulate(image, [np.array([[77, 0]])])
    assert late.peak_stack_b == alone.peak_stack_b >= 256


@BOTH
def test_a_stack_of_the_peak_suffices_and_eight_bytes_less_overflow(core: Device) -> None:
    peak_b = emulate(build(SOURCES, core), SEQUENCES).peak_stack_b
    stack_b = -(-peak_b // 8) * 8
    tight = emulate(build(SOURCES, core, ram_b=32 + stack_b, stack_b=stack_b), SEQUENCES)
    assert tight.peak_stack_b == peak_b
    check_equal(tight.outputs, expected(SEQUENCES), core.name, "NumPy")
    said = fault(SOURCES, core, stack_b=stack_b - 8, code="E203")
    assert said.startswith("stack overflow")
    assert f"the stack has {stack_b - 8} B" in said


@BOTH
def test_a_large_frame_overflows_as_well(core: Device) -> None:
    deep = "volatile int32_t big[300]; for (int i = 0; i < 300; i++) big[i] = i;"
    assert fault(changed(new=deep), core, stack_b=800, code="E203").startswith("stack overflow")


@BOTH
def test_recursion_without_end_is_a_stack_overflow(core: Device) -> None:
    recursive = SOURCES["model.c"].replace(
        "static int best(",
        "static int down(volatile int *at) { volatile int x = *at; return down(&x) + x; }\nstatic int best(",
    )
    sources = {
        **SOURCES,
        "model.c": recursive.replace("arena->steps++;", "int x = 1; arena->steps += down(&x);"),
    }
    assert fault(sources, core, ram_b=2048, code="E203").startswith("stack overflow")


@BOTH
def test_the_last_byte_of_ram_is_there_and_the_next_is_not(core: Device) -> None:
    end = core.ram.origin + core.ram.size_b
    poke = "*(volatile int8_t *){:#x} = 1;"
    emulate(build(changed(new=poke.format(end - 1)), core), SEQUENCES)
    assert f"1 B at {end:#010x}, in model_step" in fault(changed(new=poke.format(end)), core)
    assert f"1 B at {core.ram.origin - 1:#010x}" in fault(changed(new=poke.format(core.ram.origin - 1)), core)
    emulate(build(changed(new=poke.format(core.ram.origin + 2047)), core, ram_b=2048), SEQUENCES)
    assert "UNMAPPED" in fault(changed(new=poke.format(core.ram.origin + 2048)), core, ram_b=2048)


@BOTH
def test_the_last_byte_of_flash_is_there_and_the_next_is_not(core: Device) -> None:
    end = core.flash.origin + core.flash.size_b
    peek = "arena->spare = *(volatile int8_t *){:#x};"
    emulate(build(changed(new=peek.format(end - 1)), core), SEQUENCES)
    assert "READ_UNMAPPED" in fault(changed(new=peek.format(end)), core)


@BOTH
@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("*(volatile int16_t *)(uintptr_t)&weights[0][0] = 4;", "WRITE_PROT"),
        ("*(volatile int32_t *)0 = 1;", "WRITE_UNMAPPED"),
        ("arena->spare = *(volatile int32_t *)0x30000000;", "READ_UNMAPPED"),
        ("__builtin_trap();", "INSN_INVALID"),
        ("((void (*)(void))0x20000101)();", "FETCH_PROT"),
        ("((void (*)(void))0x30000001)();", "FETCH_UNMAPPED"),
        ("for (volatile int i = 0; i >= 0;) i = 1;", "run-away: more than 100000 instructions"),
    ],
)
def test_a_fault_is_named_with_its_place(core: Device, statement: str, kind: str) -> None:
    said = fault(changed(new=statement), core)
    assert kind in said
    assert not said.startswith("stack overflow")
    assert "sequence 0, step 1" in said
    assert "in model_step" in said or "FETCH" in kind


def test_an_unaligned_word_faults_on_the_core_that_cannot_read_it():
    odd = changed(new="arena->spare = *(volatile int32_t *)((volatile char *)arena + 1);")
    assert "EXCEPTION" in fault(odd, M0)
    emulate(build(odd, M4), SEQUENCES)


def test_a_core_that_the_emulator_lacks_is_a_fault_of_the_device_file():
    with pytest.raises(SartoError, match=r"E112.*cortex_m4 cannot be emulated[\s\S]*known: cortex-m0"):
        emulate(replace(build(SOURCES, M4), device=replace(M4, emulator_cpu="cortex-m3")), SEQUENCES)


@BOTH
def test_a_program_that_ends_is_a_run_away(core: Device) -> None:
    calls = "if (!a.steps) model_predict(&a); else model_step(&a, (const model_sample *)0);"
    main = f'#include "model.h"\nint main(void) {{ static model_arena a; model_init(&a); {calls} return 0; }}'
    said = fault({**SOURCES, "main.c": main}, core)
    assert said.startswith("run-away")
    assert "in reset" in said  # which waits at its end, as on a fault


@BOTH
def test_startup_sets_up_ram_that_held_anything(core: Device) -> None:
    started = replaced('#include "model.h"\n', '#include "model.h"\nint32_t seven = 7, eight = 8, zero;\n')
    started["model.c"] = started["model.c"].replace(
        "arena->sum[c] = 0;", "arena->sum[c] = zero + (seven - 7) + (eight - 8);"
    )
    check_equal(emulate(build(started, core), SEQUENCES).outputs, expected(SEQUENCES), core.name, "NumPy")
    unset = changed(new="volatile int32_t x[40]; arena->sum[0] += x[*sample & 31];")
    with pytest.raises(SartoError, match=r"E402.*reads RAM that it never wrote"):
        emulate(build(unset, core), SEQUENCES)


def test_an_image_for_another_core_is_refused_and_would_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = replace(build(SOURCES, M4), device=replace(M4, emulator_cpu="cortex-m0"))
    with pytest.raises(SartoError, match=r"E402[\s\S]*architecture 13"):
        emulate(foreign, SEQUENCES)
    monkeypatch.setitem(
        machine.CORES, "cortex-m0", replace(machine.CORES["cortex-m0"], architectures=(V6S_M, V7E_M))
    )
    with pytest.raises(SartoError, match="INSN_INVALID"):
        emulate(foreign, SEQUENCES)
    other_way = replace(build(SOURCES, M0), device=replace(M0, emulator_cpu="cortex-m4"))
    with pytest.raises(SartoError, match=r"E402[\s\S]*architecture 12"):
        emulate(other_way, SEQUENCES)


def test_the_core_that_runs_is_the_core_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import unicorn
    from unicorn import arm_const

    emulator: Any = vars(unicorn)["Uc"]

    def forgetful(architecture: int, mode: int) -> Any:
        """An emulator in the mode that makes every core a Cortex-M33, whatever is set."""
        return emulator(architecture, mode | unicorn.UC_MODE_MCLASS)

    monkeypatch.setattr(unicorn, "Uc", forgetful)
    with pytest.raises(AssertionError, match="the emulator changed the core"):
        emulate(build(SOURCES, M0), SEQUENCES)
    forced = forgetful(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    forced.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M0)
    assert forced.ctl_get_cpu_model() == arm_const.UC_CPU_ARM_CORTEX_M33


def test_sequences_must_be_the_models() -> None:
    image = build(SOURCES, M4)
    with pytest.raises(SartoError, match=r"E108.*sequence 1 has 3 channels, the model 2"):
        emulate(image, [np.zeros((2, 2), np.int8), np.zeros((2, 3), np.int8)])
    with pytest.raises(SartoError, match="E104"):
        emulate(image, [])
    with pytest.raises(AssertionError, match="at most 32 bits"):
        emulate(image, [np.array([[2**31, 0]])])


def test_only_empty_sequences_give_answers_without_samples() -> None:
    emulation = emulate(build(SOURCES, M4), [np.zeros((0, 2), np.int16)] * 2)
    assert emulation.outputs.scores.tolist() == [[0, 0, 0]] * 2
    assert len(emulation.step_instructions) == 0


def test_without_the_emulator_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    image = build(SOURCES, M4)
    monkeypatch.setitem(sys.modules, "unicorn", None)
    with pytest.raises(SartoError, match=r"E301[\s\S]*unicorn[\s\S]*pip install 'sarto\[mcu\]'"):
        emulate(image, SEQUENCES)


def test_a_count_that_is_not_of_the_code_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    image = build(SOURCES, M4)

    def twice(elf: Elf, origin: int, size_b: int) -> object:
        return ordinals(elf, origin, size_b) * np.uint32(2)

    monkeypatch.setattr(machine, "ordinals", twice)
    with pytest.raises(AssertionError, match="counts of model_init differ"):
        emulate(image, SEQUENCES)


def test_many_sequences_take_one_pass() -> None:
    many = [SEQUENCES[k % len(SEQUENCES)] for k in range(600)]
    emulation = emulate(build(SOURCES, M4), many)
    check_equal(emulation.outputs, expected(many), "M4", "NumPy")
    assert len(emulation.step_instructions) == sum(map(len, many))
    assert FUNCTIONS[STEP] == "model_step"


def test_a_riscv_core_finds_its_place_when_it_boots_from_zero() -> None:
    """As the reference part does, which maps its flash at 0 as well: every access is where the image is linked."""
    image = build(SOURCES, device("rv32imc"))
    unicorn, _ = machine.emulator_modules()
    constants = machine.constants_of("riscv_const")
    emulator: Any = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
    flash, ram = image.device.flash, image.device.ram
    for origin in (0, flash.origin):
        emulator.mem_map(origin, flash.size_b, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        emulator.mem_write(origin, image.flash)
    emulator.mem_map(ram.origin, ram.size_b, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
    main = next(s.address for s in image.contents.symbols if s.name == "main")
    emulator.emu_start(0, main, count=10_000)
    assert emulator.reg_read(constants.UC_RISCV_REG_PC) == main
    stack = emulator.reg_read(constants.UC_RISCV_REG_SP)
    assert ram.origin < stack <= ram.origin + image.stack_b


@pytest.mark.parametrize("name", ["cortex_m4", "rv32imc"])
def test_the_stack_does_not_depend_on_where_the_ram_ends(name: str) -> None:
    """A RISC-V core makes its stack pointer in two steps, of which the first may lie far below the stack."""
    core = device(name)
    depths = {
        emulate(build(SOURCES, replace(core, ram=replace(core.ram, size_b=size_b))), SEQUENCES).peak_stack_b
        for size_b in (8 << 10, 32 << 10, 65 << 10)
    }
    assert len(depths) == 1
