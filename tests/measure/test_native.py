"""A model on this host: sizes, stack and time are those of the model, and grow by what is put into it."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.device import Host
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.deploy.c.emit import emit
from sarto.deploy.memory import arena
from sarto.measure import native
from sarto.measure.native import Program, compile_native
from sarto.measure.outputs import check_equal
from tests.measure.example import SEQUENCES, SOURCES, changed, expected
from tests.measure.test_from_board import GRAPH

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="needs Linux")
HERE = Host("host", "this computer", "native")


def program(sources: Mapping[str, str] = SOURCES, **changes: Any) -> Program:
    return compile_native(sources, HERE, optimise="-Os", **changes)


def found(sources: Mapping[str, str] = SOURCES, **changes: Any) -> dict[str, Evidence]:
    measured = program(sources, **changes).evidence(SEQUENCES, "sarto measure out --device host", "5eed")
    return {e.what: e for e in measured}


def test_everything_is_measured_here() -> None:
    rows = found()
    assert list(rows) == ["flash", "static ram", "peak stack", "ram", "latency"]
    assert {e.how for e in rows.values()} == {"measured"}
    assert {e.subject_sha256 for e in rows.values()} == {"5eed"}
    assert rows["static ram"].value == 32
    assert rows["ram"].value == 32 + rows["peak stack"].value
    assert "7 rounds for each sequence, processor time" in rows["latency"].tool
    assert rows["latency"].n == len(SEQUENCES)


@pytest.mark.parametrize("optimise", ["-Os", "-O2"])
def test_the_program_that_is_measured_says_what_numpy_says(optimise: str) -> None:
    check_equal(
        compile_native(SOURCES, HERE, optimise=optimise).outputs(SEQUENCES),
        expected(SEQUENCES),
        "host",
        "NumPy",
    )


def test_the_map_names_every_byte() -> None:
    made = program(emit(GRAPH))
    rows = made.memory_map().rows
    assert sum(int(row[3]) for row in rows if row[0] == "flash") == made.flash_b
    assert sum(int(row[3]) for row in rows if row[0] == "RAM") == made.static_ram_b == arena(GRAPH).size_b
    names = {row[1]: row[2] for row in rows}
    assert names["model_step"] == "code"
    assert names["weights_out"] == "table"
    assert names["arena"] == "variable"


def test_a_table_is_so_many_bytes_more() -> None:
    table = "static const volatile uint8_t table[{}] = {{1}}; arena->spare = table[*sample & 7];"
    small, large = (found(changed(new=table.format(size)))["flash"].value for size in (1000, 3000))
    assert large - small == 2000


@pytest.mark.parametrize(("kind", "flash_b"), [("", 0), ("= {{1}}", 2000)])
def test_a_variable_beside_the_arena_is_ram_and_its_initial_value_is_flash(kind: str, flash_b: int) -> None:
    variable = "static volatile uint8_t table[{}] " + kind + "; arena->spare = table[*sample & 7];"
    small, large = (found(changed(new=variable.format(size))) for size in (1000, 3000))
    assert large["static ram"].value - small["static ram"].value == 2000
    assert small["static ram"].value == 32 + 1000
    assert large["flash"].value - small["flash"].value == flash_b


def test_a_buffer_is_so_much_deeper() -> None:
    buffer = "volatile int8_t buffer[{0}]; for (int i = 0; i < {0}; i++) buffer[i] = 1;"
    small, large = (found(changed(new=buffer.format(size)))["peak stack"].value for size in (1024, 9216))
    assert 1024 <= small < 1536
    assert large - small == 8192


@pytest.mark.parametrize("value", [0xA5, 0x5A])
def test_what_is_written_as_it_was_painted_is_seen(value: int) -> None:
    buffer = f"volatile uint8_t buffer[4096]; for (int i = 0; i < 4096; i++) buffer[i] = {value};"
    assert found(changed(new=buffer))["peak stack"].value >= 4096


def test_a_stack_that_is_deeper_than_can_be_seen_is_refused() -> None:
    with pytest.raises(SartoError, match=r"E203.*65536 B of stack or more"):
        found(changed(new="volatile int8_t buffer[70000]; for (int i = 0; i < 70000; i++) buffer[i] = 1;"))


def test_sizes_and_stack_are_the_same_in_every_process() -> None:
    """Where a process has its stack differs; a frame that is aligned to 64 bytes must not show it."""
    code = (
        "from tests.measure.test_native import *\n"
        "wide = '__attribute__((aligned(64))) volatile int8_t buffer[64]; buffer[*sample & 63] = 1;'\n"
        "rows = found(changed(new=wide))\n"
        "print([rows[what].value for what in ('flash', 'static ram', 'peak stack')])\n"
    )
    root = Path(__file__).parents[2]
    said = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(4)
    }
    assert len(said) == 1, said


def test_more_work_takes_longer() -> None:
    loop = "for (volatile int i = 0; i < {}; i++) {{ }}"
    short, long = (found(changed(new=loop.format(turns)))["latency"] for turns in (100, 10000))
    assert 20 < long.value / short.value < 500
    assert long.interval is not None
    assert long.value == long.interval[1] > 3 * long.interval[0]  # nine steps against none


def test_a_time_is_measured_once_for_a_program_and_its_sequences(tmp_path: Path) -> None:
    first, again = (found(cache=tmp_path)["latency"] for _ in range(2))
    assert again == first
    fewer = program(cache=tmp_path).times_s(SEQUENCES[:2])
    assert len(fewer) == 2
    turned = [s[::-1].copy() for s in SEQUENCES]
    names = {p.name for p in tmp_path.iterdir()}
    program(cache=tmp_path).times_s(turned)
    assert len({p.name for p in tmp_path.iterdir()} - names) == 1, "other words are other sequences"


def test_another_processor_is_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = program(cache=tmp_path).key
    monkeypatch.setattr(native, "processor", lambda: "another")
    assert program(cache=tmp_path).key != key


def test_words_are_those_of_the_model(tmp_path: Path) -> None:
    """Given as wide integers, as a sample image has them, they take what they take as narrow ones."""
    made = program(emit(GRAPH))
    rng = np.random.default_rng(0)
    words = [rng.integers(-999, 999, (7, len(GRAPH.channels))).astype(np.int16) for _ in range(3)]
    assert made.stack_b(words) == made.stack_b([w.astype(np.int32) for w in words])


def test_another_system_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    with pytest.raises(SartoError, match=r"E112.*it runs Windows"):
        found()
