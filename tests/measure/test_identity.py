"""A board is silicon or an emulator by what it says of itself, and by nothing else."""

from __future__ import annotations

import pytest

from sarto.core.errors import SartoError
from sarto.measure.identity import identify


@pytest.mark.parametrize(
    ("core", "maker", "name", "how"),
    [
        (0x410CC200, 0x000BB008, "Cortex-M0", "measured"),
        (0x410CC601, 0x000BB008, "Cortex-M0+", "measured"),
        (0x410FC241, 0x000BB00C, "Cortex-M4", "measured"),
        (0x411FC271, 0x000BB00C, "Cortex-M7", "measured"),
        (0x410FD214, 0x000BBD21, "Cortex-M33", "measured"),
        (0x410FD213, 0x000BBD21, "Cortex-M33", "measured"),  # the same CPUID as QEMU's
        (0x410CC200, 0x001BB000, "Cortex-M0", "emulated"),
        (0x410FC240, 0x001BB000, "Cortex-M4", "emulated"),
        (0x411FC272, 0x001BB000, "Cortex-M7", "emulated"),
        (0x410FD213, 0x001BB000, "Cortex-M33", "emulated"),
    ],
)
def test_cortex_m(core: int, maker: int, name: str, how: str) -> None:
    found = identify(core, maker)
    assert (found.core, found.how) == (name, how)
    assert f"{core:#010x}" in found.words
    assert found.words.startswith("QEMU's ") == (how == "emulated")


@pytest.mark.parametrize(
    ("marchid", "mvendorid", "how"),
    [(0x80000022, 0x31E, "measured"), (4, 0x602, "measured"), (42, 0, "emulated"), (0x70216, 0, "emulated")],
)
def test_riscv(marchid: int, mvendorid: int, how: str) -> None:
    assert identify(marchid, mvendorid, riscv=True).how == how


@pytest.mark.parametrize(
    ("core", "maker", "riscv"),
    [
        (0, 0, False),
        (0x410FC241, 0, False),  # no identification
        (0x410FC241, 0x000AA00C, False),  # not designed by Arm
        (0x410FC241, 0x0003B00C, False),  # not by the list of designers
        (0x510FC241, 0x000BB00C, False),
        (0x410FD220, 0x000BBD22, False),
        (0x412FC231, 0x000BB000, False),  # a Cortex-M3 says what QEMU says
        (0, 0, True),
        (22, 0, True),
    ],
)
def test_what_cannot_be_told_is_refused(core: int, maker: int, riscv: bool) -> None:
    with pytest.raises(SartoError, match=r"E117.*cannot be told from an emulator"):
        identify(core, maker, riscv=riscv)
