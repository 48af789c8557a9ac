"""Evidence: each figure with its name, its unit and how it was got."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sarto.core.device import Assumption
from sarto.core.evidence import Evidence
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.evidence import estimates, evidence
from tests.measure.example import SEQUENCES, SOURCES

CORE = device("cortex_m4")


def test_every_figure_has_its_name_unit_and_way() -> None:
    image = build(SOURCES, CORE)
    emulation = emulate(image, SEQUENCES)
    found = {e.what: e for e in evidence(image, emulation, command="sarto measure out", subject_sha256="ab")}
    assert {name: (e.how, e.unit) for name, e in found.items()} == {
        "flash": ("measured", "B"),
        "static ram": ("measured", "B"),
        "peak stack": ("emulated", "B"),
        "ram": ("emulated", "B"),
        "instructions per sample": ("emulated", "instructions"),
        "instructions per inference": ("emulated", "instructions"),
        "cycles per sample": ("estimated", "cycles"),
        "cycles after the last sample": ("estimated", "cycles"),
        "latency after the last sample": ("estimated", "s"),
        "cycles per inference": ("estimated", "cycles"),
        "latency": ("estimated", "s"),
        "energy": ("estimated", "J"),
    }
    assert found["flash"].value == image.flash_b == len(image.flash)
    assert found["static ram"].value == 32
    assert found["ram"].value == 32 + emulation.peak_stack_b == 32 + found["peak stack"].value
    sample, inference = found["instructions per sample"], found["instructions per inference"]
    assert sample.interval == (emulation.step_instructions.min(), emulation.step_instructions.max())
    assert sample.n == sum(map(len, SEQUENCES))
    assert inference.value == emulation.inference_instructions.max()
    assert inference.n == len(SEQUENCES)
    answer, ends = found["cycles after the last sample"], np.cumsum([len(s) for s in SEQUENCES]) - 1
    last = [emulation.step_cycles[end, 1] if len(s) else 0 for s, end in zip(SEQUENCES, ends, strict=True)]
    assert (
        answer.value == max(last) + (emulation.inference_cycles[3, 1])
    )  # the fourth has no step: predict alone
    cycles = found["cycles per inference"]
    assert cycles.interval == (emulation.inference_cycles[:, 0].min(), emulation.inference_cycles[:, 1].max())
    assert cycles.value == emulation.inference_cycles[:, 1].max()
    assert "DDI 0439D" in cycles.tool and "without wait states" in cycles.tool
    assert all(e.command == "sarto measure out" and e.subject_sha256 == "ab" for e in found.values())
    assert all("zig cc" in e.tool for name, e in found.items() if "cycles" in name or e.how != "estimated")
    assert "unicorn" in inference.tool


def test_the_compilers_command_and_the_flash_stand_in_for_what_is_not_given() -> None:
    image = build(SOURCES, CORE)
    found = evidence(image, emulate(image, SEQUENCES))
    assert all(e.command == image.command and e.subject_sha256 == image.sha256 for e in found)


def test_time_and_energy_only_with_every_number_sourced() -> None:
    counted = Evidence("cycles per inference", 3e6, "cycles", "estimated", "u", "c", 2, (1e6, 3e6), None, "s")
    clock, energy = Assumption(80e6, "Hz", "a data sheet"), Assumption(3e-10, "J", "another")
    full = replace(CORE, clock_hz=clock, energy_per_cycle_j=energy)
    latency, joules = estimates(full, counted)
    assert (latency.what, latency.unit, latency.how) == ("latency", "s", "estimated")
    assert (joules.what, joules.unit, joules.how) == ("energy", "J", "estimated")
    assert latency.value == pytest.approx(3e6 / 80e6)
    assert latency.interval == pytest.approx((1e6 / 80e6, 3e6 / 80e6))
    assert joules.value == pytest.approx(3e6 * 3e-10)
    assert CORE.cycles is not None
    assumed = f"; assumes {CORE.cycles.assumes}"
    assert latency.tool == f"cycles per inference (estimated) / 80 MHz (a data sheet){assumed}"
    assert joules.tool == f"cycles per inference (estimated) x 300 pJ (another){assumed}"
    seen = replace(counted, how="measured")
    assert estimates(full, seen)[0].tool == "cycles per inference (measured) / 80 MHz (a data sheet)"
    assert latency.n == 2 and latency.subject_sha256 == "s"
    assert [e.what for e in estimates(replace(full, clock_hz=None), counted)] == ["energy"]
    assert [e.what for e in estimates(replace(full, energy_per_cycle_j=None), counted)] == ["latency"]
    assert estimates(replace(full, clock_hz=None, energy_per_cycle_j=None), counted) == []


def test_without_a_cycle_table_nothing_is_estimated() -> None:
    image = build(SOURCES, device("cortex_m7"))
    found = {e.what for e in evidence(image, emulate(image, SEQUENCES))}
    assert not found & {"cycles per sample", "cycles per inference", "latency", "energy"}
