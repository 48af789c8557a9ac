"""What each compiler is told, and what is read from what it says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sarto.core.errors import SartoError
from sarto.devices import device
from sarto.measure import gcc
from sarto.measure.build import build
from sarto.measure.compilers import COMPILERS, GCC, ZIG
from tests.measure.example import SOURCES, changed, needs_program

M0, M4, RISCV = device("cortex_m0plus"), device("cortex_m4"), device("rv32imc")


def test_missing_symbols_and_overflows_are_read() -> None:
    assert ZIG.missing("error: undefined symbol: g\nerror: undefined symbol: f") == ["f", "g"]
    said = "a.c:(.text+0x4): undefined reference to `__aeabi_lmul'\nb.c: undefined reference to `f'"
    assert GCC.missing(said) == ["__aeabi_lmul", "f"]
    assert (
        ZIG.overflow("section '.text' will not fit in region 'FLASH': overflowed by 12 bytes", "FLASH") == 12
    )
    assert GCC.overflow("ld: region `RAM' overflowed by 40 bytes", "RAM") == 40
    assert GCC.overflow("ld: region `RAM' overflowed by 40 bytes", "FLASH") == 0
    assert [c.name for c in COMPILERS.values()] == list(COMPILERS)


@pytest.mark.parametrize("core", [M0, M4, RISCV], ids=lambda c: c.name)
def test_gcc_builds_the_same_bytes_again_and_names_its_own_library(core: object) -> None:
    assert core in (M0, M4, RISCV)
    found = next(c for c in (M0, M4, RISCV) if c is core)
    needs_program("gcc", found)
    first, again = (build(SOURCES, found, compiler="gcc") for _ in range(2))
    assert first.sha256 == again.sha256
    assert first.toolchain.startswith(found.gcc.split()[0])
    assert first.command.endswith("-lgcc") == bool(first.runtime)
    assert b"/tmp" not in first.elf
    assert bool(first.runtime) == (found is M0), (
        "only the smallest core lacks an instruction for some arithmetic"
    )
    assert {"main", "model_step", "model_predict", "reset"} <= {s.name for s in first.contents.symbols}


@pytest.mark.parametrize(
    ("flash_b", "ram_b", "code"), [(300, None, "E202"), (None, 16, "E203")], ids=["flash", "RAM"]
)
def test_gcc_refuses_what_does_not_fit(flash_b: int | None, ram_b: int | None, code: str) -> None:
    needs_program("gcc", M4)
    with pytest.raises(SartoError, match=f"{code}.*over by"):
        build(SOURCES, M4, compiler="gcc", flash_b=flash_b, ram_b=ram_b)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("volatile float f = 1; arena->spare = (int)(f * f);", "__aeabi_fmul"),
        ("extern int missing(void); missing();", "missing"),
        ("arena->steps = ;", "error: expected expression"),
    ],
)
def test_gcc_refuses_what_a_microcontroller_must_not_have(statement: str, said: str) -> None:
    needs_program("gcc", M4)
    with pytest.raises(SartoError, match="E401") as caught:
        build(changed(new=statement), M4, compiler="gcc")
    assert said in str(caught.value)


def test_without_gcc_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gcc.version.cache_clear()

    def which(_: str) -> None:
        return None

    monkeypatch.setattr("sarto.measure.gcc.shutil.which", which)
    with pytest.raises(SartoError, match=r"E301.*arm-none-eabi-gcc[\s\S]*apt-get install"):
        build(SOURCES, M4, compiler="gcc")
    gcc.version.cache_clear()


def test_a_device_file_without_gcc_is_told_apart() -> None:
    with pytest.raises(SartoError, match=r"E112.*GCC cannot build for cortex_m4"):
        build(SOURCES, replace(M4, gcc=""), compiler="gcc")
