"""The image: what the linker lets through, what it refuses, and that it is the same every time."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from sarto.core.device import Device
from sarto.core.errors import SartoError
from sarto.deploy.c.program import image_sources
from sarto.devices import device
from sarto.measure import zig
from sarto.measure.build import build
from sarto.measure.instructions import V6S_M, check_instructions
from tests.measure.example import SOURCES, changed, replaced

M4, M0 = device("cortex_m4"), device("cortex_m0plus")
BOTH = pytest.mark.parametrize("core", [M4, M0], ids=["m4", "m0plus"])


@BOTH
def test_vector_table_stack_at_the_bottom_and_no_warnings(core: Device) -> None:
    image = build(SOURCES, core, stack_b=256)
    stack, reset = (int.from_bytes(image.flash[i : i + 4], "little") for i in (0, 4))
    assert stack == core.ram.origin + 256 == image.contents.labels["stack_top"]
    symbols = {s.name: s for s in image.contents.symbols}
    assert reset == symbols["reset"].address | 1
    assert symbols["arena"].address == stack
    assert image.diagnostics == ""
    assert image.constants == {"MODEL_CHANNELS": 2, "MODEL_OUTPUTS": 3, "MODEL_ARENA_BYTES": 32}


@BOTH
def test_flash_and_ram_are_accounted_for_to_the_byte(core: Device) -> None:
    sources = changed("static int best(", "x;").copy()
    sources = replaced('#include "model.h"\n', '#include "model.h"\nint32_t started = 7;\nint8_t odd[5];\n')
    sources["model.c"] = sources["model.c"].replace("arena->steps++;", "arena->steps++; odd[started & 3]++;")
    image, plain = build(sources, core), build(SOURCES, core)
    table = image.memory_map()
    for region, total in (("flash", image.flash_b), ("RAM", image.static_ram_b)):
        assert sum(int(row[3]) for row in table.rows if row[0] == region) == total
    assert all(int(row[3]) > 0 for row in table.rows)
    sizes = {(row[0], row[1], row[2]): row[3] for row in table.rows}
    assert sizes["RAM", "arena", "variable"] == 32
    assert sizes["RAM", "started", "variable"] == 4
    assert sizes["RAM", "odd", "variable"] == 5
    assert sizes["flash", ".data", "initial values"] == 4
    assert sizes["flash", "vectors", "vectors"] == 64
    assert ("flash", "model_step", "code") in sizes
    assert plain.static_ram_b == 32
    assert image.static_ram_b == 32 + 4 + 5 + 3  # the last three are padding to a word
    assert image.flash[image.contents.labels["data_load"] - core.flash.origin :][:4] == bytes([7, 0, 0, 0])


@BOTH
def test_tables_are_told_from_code(core: Device) -> None:
    sources = changed(
        new="static const int8_t table[500] = {1, 2, 3}; arena->spare = table[sample[0] & 255];"
    )
    rows = build(sources, core).memory_map().rows
    assert [row[3] for row in rows if row[2] == "table" and str(row[1]).startswith("model_step.table")] == [
        500
    ]


@BOTH
def test_all_ram_but_the_variables_is_stack_unless_said(core: Device) -> None:
    assert build(SOURCES, core).stack_b == core.ram.size_b - 32
    assert build(SOURCES, core, ram_b=1003).stack_b == 1000 - 32
    assert build(SOURCES, core, ram_b=1024, stack_b=64).stack_b == 64


@BOTH
def test_the_last_byte_of_flash_fits_and_one_more_does_not(core: Device) -> None:
    size = build(SOURCES, core).flash_b
    assert build(SOURCES, core, flash_b=size).flash_b == size
    with pytest.raises(SartoError, match=r"E202.*over by 1 B") as caught:
        build(SOURCES, core, flash_b=size - 1)
    assert f"needs {size} B" in caught.value.cause
    assert core.name in caught.value.message


@BOTH
def test_all_that_is_lacking_is_said_when_code_and_tables_are_too_much(core: Device) -> None:
    sources = changed(
        new="static const volatile int8_t table[500] = {1}; arena->spare = table[sample[0] & 255];"
    )
    size = build(sources, core).flash_b
    with pytest.raises(SartoError, match=rf"E202.*over by {size - 256} B[\s\S]*needs {size} B"):
        build(sources, core, flash_b=256)


@BOTH
def test_ram_is_refused_by_the_bytes_that_it_lacks(core: Device) -> None:
    assert build(SOURCES, core, ram_b=32 + 64, stack_b=64).static_ram_b == 32
    with pytest.raises(SartoError, match=r"E203.*over by 8 B"):
        build(SOURCES, core, ram_b=32 + 64, stack_b=72)
    one_more = replaced('#include "model.h"\n', '#include "model.h"\nint8_t more;\n')
    one_more["model.c"] = one_more["model.c"].replace("arena->steps++;", "arena->steps++; more++;")
    with pytest.raises(SartoError, match=r"E203.*over by 4 B"):
        build(one_more, core, ram_b=32 + 64, stack_b=64)
    with pytest.raises(SartoError, match="E203"):
        build(SOURCES, core, ram_b=24)


def test_a_budget_above_the_device_is_cut_to_it() -> None:
    image = build(SOURCES, M0, flash_b=10**9, ram_b=10**9)
    assert (image.flash_limit_b, image.ram_limit_b) == (M0.flash.size_b, M0.ram.size_b)
    huge = changed(new="static int8_t huge[40000]; huge[sample[0]]++;")
    with pytest.raises(SartoError, match="E203"):
        build(huge, M0)
    assert build(huge, M4).static_ram_b == 32 + 40000


@BOTH
@pytest.mark.parametrize("optimise", ["-O1", "-O2", "-O3", "-Os", "-Oz"])
def test_the_same_sources_give_the_same_bytes_wherever_they_lie(
    core: Device, optimise: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build(SOURCES, core, optimise=optimise)
    (tmp_path / "elsewhere, a longer name").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere, a longer name"))
    again = build(SOURCES, core, optimise=optimise)
    assert first == again
    assert first.sha256 == again.sha256
    for text in (first.elf, first.command.encode()):
        assert str(Path(tempfile.gettempdir())).encode() not in text
        assert b"/tmp" not in text
        assert b"/home" not in text
    assert {"main", "model_step", "model_predict", "reset"} <= {s.name for s in first.contents.symbols}


def test_an_image_is_kept_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build(SOURCES, M0, cache=tmp_path)
    zig.version()

    def run(*_: object) -> None:
        pytest.fail("the compiler was called again")

    monkeypatch.setattr(zig, "run", run)
    assert build(SOURCES, M0, cache=tmp_path) == first
    with pytest.raises(pytest.fail.Exception):
        build(SOURCES, M0, cache=tmp_path, stack_b=8)


def test_the_compilers_own_library_is_named_and_only_where_needed() -> None:
    assert build(SOURCES, M4).runtime == ()
    image = build(SOURCES, M0)
    assert image.runtime == ("__aeabi_lmul",)
    assert "-nostdlib" in build(SOURCES, M4).command
    assert "-nostdlib" not in image.command
    assert ("flash", "__aeabi_lmul", "code") in [row[:3] for row in image.memory_map().rows]


@BOTH
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "int8_t big[900] = {0}; volatile int8_t *p = big; arena->spare = p[*sample & 7];",
            "calls __aeabi_memclr",
        ),
        ("volatile float f = 1; arena->spare = (int)(f * f);", "__aeabi_fmul"),
        ("volatile double f = 1; arena->spare = (int)(f * f);", "__aeabi_dmul"),
        ("extern int missing(void); missing();", "undefined symbol: missing"),
        ("arena->steps = ;", "model.c:42:36: error: expected expression"),
    ],
)
def test_what_a_microcontroller_must_not_have_is_refused(core: Device, statement: str, said: str) -> None:
    with pytest.raises(SartoError, match="E401") as caught:
        build(changed(new=statement), core)
    assert said in str(caught.value)
    assert tempfile.gettempdir() not in str(caught.value)
    assert "__aeabi_lmul" not in str(caught.value)


def test_a_dsp_instruction_is_for_the_core_that_has_it() -> None:
    dsp = changed(new='__asm__ volatile("smlad r0, r1, r2, r3" ::: "r0");')
    image = build(dsp, M4)
    with pytest.raises(SartoError, match="E401"):
        build(dsp, M0)
    with pytest.raises(SartoError, match=r"E401.*cortex_m0plus lacks"):
        check_instructions(replace(image.contents, architecture=V6S_M), "cortex_m0plus")


def test_floating_point_instructions_are_refused_on_a_core_with_a_unit() -> None:
    with pytest.raises(SartoError, match=r"E401[\s\S]*eef1 fa10[\s\S]*in model_step"):
        build(changed(new='__asm__ volatile(".inst.w 0xeef1fa10");'), M4)


def test_without_the_compiler_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    zig.version.cache_clear()

    def find_spec(_: str) -> None:
        return None

    monkeypatch.setattr(zig, "find_spec", find_spec)
    with pytest.raises(SartoError, match=r"E301[\s\S]*pip install 'sarto\[mcu\]'"):
        build(SOURCES, M4)


@pytest.mark.parametrize("origin", [None, "elsewhere/__init__.py"])
def test_a_compiler_whose_program_is_not_found_is_started_by_its_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, origin: str | None
) -> None:
    wanted = zig.run(["version"], tmp_path)
    assert wanted[0] == 0
    package = ModuleSpec("ziglang", None, origin=origin)

    def find_spec(_: str) -> ModuleSpec:
        return package

    monkeypatch.setattr(zig, "find_spec", find_spec)
    assert zig.run(["version"], tmp_path) == wanted


@BOTH
@pytest.mark.parametrize("stack_b", [None, 64])
def test_a_warning_is_kept(core: Device, stack_b: int | None) -> None:
    """Of an image that is linked once or twice, and of one that needs the compiler's own library."""
    image = build(changed(new="int idle;"), core, stack_b=stack_b)
    assert "unused variable" in image.diagnostics
    assert image.contents.labels["stack_top"] == core.ram.origin + image.stack_b


def test_the_example_program_is_portable_c() -> None:
    sources = image_sources()
    assert "0x40000000" in sources["board.c"]
    for name in ("main.c", "board.c", "startup.c"):
        assert "malloc" not in sources[name]
        assert "#include <std" not in sources[name].replace("#include <stdint.h>", "")


def test_a_program_that_does_not_use_the_model_is_refused() -> None:
    main = '#include "model.h"\nint main(void) { static model_arena a; model_init(&a); return 0; }'
    with pytest.raises(SartoError, match=r"E401.*does not call model_step, model_predict"):
        build({**SOURCES, "main.c": main}, M4)


def test_smaller_when_asked() -> None:
    assert build(SOURCES, M4, optimise="-Os").flash_b < build(SOURCES, M4, optimise="-O2").flash_b
