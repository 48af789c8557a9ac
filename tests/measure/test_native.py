"""A model on this host: sizes, stack and time are those of the model, and grow by what is put into it."""

from __future__ import annotations

import platform
from collections.abc import Mapping

import pytest

from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.measure.native import measure_native
from tests.measure.example import SEQUENCES, SOURCES, changed

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="needs Linux")


def found(sources: Mapping[str, str] = SOURCES) -> dict[str, Evidence]:
    return {
        e.what: e
        for e in measure_native(sources, SEQUENCES, "-Os", "sarto measure out --device host", "5eed")
    }


def test_everything_is_measured_here() -> None:
    rows = found()
    assert list(rows) == ["code and tables", "static ram", "peak stack", "ram", "latency"]
    assert {e.how for e in rows.values()} == {"measured"}
    assert {e.subject_sha256 for e in rows.values()} == {"5eed"}
    assert rows["static ram"].value == 32
    assert rows["ram"].value == 32 + rows["peak stack"].value
    assert "7 rounds" in rows["latency"].tool
    assert rows["latency"].n == len(SEQUENCES)


def test_a_table_is_so_many_bytes_more() -> None:
    table = "static const volatile uint8_t table[{}] = {{1}}; arena->spare = table[*sample & 7];"
    small, large = (found(changed(new=table.format(size)))["code and tables"].value for size in (1000, 3000))
    assert large - small == 2000


def test_a_buffer_is_so_much_deeper() -> None:
    buffer = "volatile int8_t buffer[{0}]; for (int i = 0; i < {0}; i++) buffer[i] = 1;"
    small, large = (found(changed(new=buffer.format(size)))["peak stack"].value for size in (1024, 9216))
    assert 1024 <= small < 1536
    assert large - small == 8192


def test_a_stack_that_is_deeper_than_can_be_seen_is_refused() -> None:
    with pytest.raises(SartoError, match=r"E203.*65536 B of stack or more"):
        found(changed(new="volatile int8_t buffer[70000]; for (int i = 0; i < 70000; i++) buffer[i] = 1;"))


def test_more_work_takes_longer() -> None:
    loop = "for (volatile int i = 0; i < {}; i++) {{ }}"
    short, long = (found(changed(new=loop.format(turns)))["latency"] for turns in (100, 10000))
    assert 20 < long.value / short.value < 500
    assert long.interval is not None
    assert long.value == long.interval[1] > 3 * long.interval[0]  # nine steps against none


def test_another_system_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    with pytest.raises(SartoError, match=r"E112.*it runs Windows"):
        found()
