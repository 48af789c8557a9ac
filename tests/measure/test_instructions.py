"""Thumb code: where instructions begin, how many a hook stands for, and which a core lacks."""

from __future__ import annotations

import pytest

from sarto.core.errors import SartoError
from sarto.measure.elf import Elf, Section, Symbol
from sarto.measure.instructions import (
    V6_M,
    V6S_M,
    V7E_M,
    V8_M_MAIN,
    check_instructions,
    instructions,
    ordinals,
    weights,
)


def code(text: str, marks: tuple[tuple[int, str], ...] = ((0x100, "t"),), architecture: int = V7E_M) -> Elf:
    """An ELF file with the halfwords `text` at 0x100."""
    content = b"".join(int(word, 16).to_bytes(2, "little") for word in text.split())
    symbol = Symbol("here", ".text", 0x100, len(content), True)
    section = Section(".text", 0x100, len(content), content)
    return Elf(architecture, (section,), ((0x100, content),), (symbol,), {}, marks)


def test_data_between_code_is_no_code() -> None:
    elf = code("2001 f000 f800 ffff ffff 4770", ((0x100, "t"), (0x106, "d"), (0x10A, "t")))
    assert [hex(address) for address, _, _ in instructions(elf)] == ["0x100", "0x102", "0x10a"]
    assert ordinals(elf, 0x100, 12).tolist() == [0, 1, 2, 2, 2, 2, 3]
    assert ordinals(elf, 0x0FC, 16).tolist() == [0, 0, 0, 1, 2, 2, 2, 2, 3]


@pytest.mark.parametrize(
    ("first", "conditional"),
    [("bf08", 1), ("bf04", 2), ("bf0c", 2), ("bf02", 3), ("bf0e", 3), ("bf01", 4), ("bf0f", 4), ("bfb5", 4)],
)
def test_an_it_stands_for_its_block(first: str, conditional: int) -> None:
    elf = code(f"{first} 3001 3002 3003 3004 3005")
    assert weights(elf, 0x100, 12).tolist() == [1 + conditional, *[0] * conditional, *[1] * (5 - conditional)]


def test_a_hint_is_no_it() -> None:
    assert weights(code("bf00 bf30 f04f 0001 4770"), 0x100, 10).tolist() == [1, 1, 1, 0, 1]


def test_the_weights_of_straight_code_sum_to_its_instructions() -> None:
    elf = code("bf06 3001 f100 0001 3003 f000 f800 4770")
    assert weights(elf, 0x100, 16).sum() == ordinals(elf, 0x100, 16)[-1] == 6


V6 = {
    "2001": "movs",
    "4770": "bx lr",
    "bf00": "nop",
    "bf30": "wfi",
    "b510": "push",
    "be00": "bkpt",
    "b2c0": "uxtb",
    "ba00": "rev",
    "de00": "udf",
    "f000 f800": "bl",
    "f7ff fffe": "bl back",
    "f3ef 8010": "mrs",
    "f380 8808": "msr",
    "f3bf 8f5f": "dmb",
    "f7f0 a000": "udf.w",
}
NOT_V6 = {
    "b100": "cbz",
    "b900": "cbnz",
    "bb00": "cbnz far",
    "b300": "cbz far",
    "bf08": "it",
    "f000 9000": "b.w",
    "f000 8000": "beq.w",
    "f240 0000": "movw",
    "f8d0 0000": "ldr.w",
    "e92d 4010": "push.w",
    "fb20 f001": "smuad",
    "fb90 f0f1": "sdiv",
    "eb00 0001": "add.w",
    "ee30 0a00": "vadd.f32",
}


@pytest.mark.parametrize("architecture", [V6_M, V6S_M])
@pytest.mark.parametrize("word", V6, ids=V6.values())
def test_v6_m_has(word: str, architecture: int) -> None:
    check_instructions(code(word, architecture=architecture), "cortex_m0plus")


@pytest.mark.parametrize("word", NOT_V6, ids=NOT_V6.values())
def test_v6_m_lacks(word: str) -> None:
    with pytest.raises(SartoError, match=rf"E401.*cortex_m0plus lacks[\s\S]*{word} at 0x102 in here"):
        check_instructions(code(f"2001 {word}", architecture=V6S_M), "cortex_m0plus")


@pytest.mark.parametrize("architecture", [V7E_M, V8_M_MAIN])
def test_without_an_fpu_only_floating_point_is_lacking(architecture: int) -> None:
    for word, name in NOT_V6.items():
        elf = code(word, architecture=architecture)
        if name == "vadd.f32":
            with pytest.raises(SartoError, match="E401"):
                check_instructions(elf, "cortex_m4")
        else:
            check_instructions(elf, "cortex_m4")
    for word in ("fc00 0000", "fe00 0000", "ed2d 8b02", "ec41 0b10"):
        with pytest.raises(SartoError, match="E401"):
            check_instructions(code(word, architecture=architecture), "cortex_m4")


def test_an_unknown_architecture_is_not_waved_through() -> None:
    with pytest.raises(SartoError, match=r"E401[\s\S]*architecture 10"):
        check_instructions(code("4770", architecture=10), "cortex_m3")
