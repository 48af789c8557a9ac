"""The suite that every device file passes: a sourced description, and a real image that runs in exactly its memory.

A host passes another one: a real program that runs here, and has the sizes of what is in it.
"""

from __future__ import annotations

import numpy as np
import pytest

from sarto.core.device import Device, Host
from sarto.core.errors import SartoError
from sarto.devices import any_device, device, devices, microcontrollers
from sarto.measure.build import build
from sarto.measure.compilers import Name
from sarto.measure.emulate import emulate
from sarto.measure.evidence import evidence
from sarto.measure.machine import CORES
from sarto.measure.native import compile_native
from sarto.measure.outputs import check_equal
from tests.measure.example import SEQUENCES, SOURCES, changed, expected, needs_program

TABLE = "static const volatile uint8_t table[{}] = {{1}}; arena->spare = table[*sample & 7];"
every = pytest.mark.parametrize("name", devices())
image = pytest.mark.parametrize("name", microcontrollers())
native = pytest.mark.parametrize("name", [n for n in devices() if isinstance(any_device(n), Host)])


@every
def test_every_device_says_what_it_is(name: str):
    found = any_device(name)
    assert found.name == name
    assert found.title
    assert isinstance(found, Device) == (name in microcontrollers())


@image
def test_every_number_has_a_source(name: str):
    core = device(name)
    numbers = (core.flash, core.ram, core.clock_hz, core.energy_per_cycle_j, core.cycles)
    for number in (known for known in numbers if known is not None):
        assert len(number.source) > 20  # a document and a place in it
        assert "todo" not in number.source.lower()


@image
def test_the_memories_lie_apart_and_off_the_board(name: str):
    core = device(name)
    spans = sorted((m.origin, m.origin + m.size_b) for m in (core.flash, core.ram))
    assert spans[0][1] <= spans[1][0]
    assert spans[1][1] <= 0x40000000


@image
def test_the_emulator_has_its_core(name: str):
    assert device(name).emulator_cpu in CORES


@image
@pytest.mark.parametrize("compiler", ["zig", "gcc"])
def test_an_image_runs_and_answers_as_the_model_does(name: str, compiler: Name):
    core = device(name)
    needs_program(compiler, core)
    image = build(SOURCES, core, compiler=compiler)
    emulation = emulate(image, SEQUENCES)
    check_equal(emulation.outputs, expected(SEQUENCES), f"the emulated {name}", "NumPy")
    assert np.array_equal(emulate(image, SEQUENCES).step_instructions, emulation.step_instructions)
    assert emulation.step_instructions.min() > 6  # at least one addition per class and channel
    found = {e.what for e in evidence(image, emulation)}
    assert ("cycles per inference" in found) == (core.cycles is not None)
    assert ("latency" in found) == (None not in (core.cycles, core.clock_hz))
    assert ("energy" in found) == (None not in (core.cycles, core.energy_per_cycle_j))


@image
def test_its_flash_is_filled_to_the_last_byte_and_not_beyond(name: str):
    core = device(name)
    small = build(changed(new=TABLE.format(1024)), core).flash_b
    full = build(changed(new=TABLE.format(1024 + core.flash.size_b - small)), core)
    assert full.flash_b == core.flash.size_b
    check_equal(emulate(full, SEQUENCES).outputs, expected(SEQUENCES), name, "NumPy")
    with pytest.raises(SartoError, match=r"E202.*over by 1 B"):
        build(changed(new=TABLE.format(1024 + core.flash.size_b - small + 1)), core)


@image
def test_its_ram_is_filled_to_the_last_byte_and_not_beyond(name: str):
    core = device(name)
    peak_b = -(-emulate(build(SOURCES, core), SEQUENCES).peak_stack_b // 8) * 8
    buffer = "static volatile int8_t buffer[{0}]; buffer[{0} - 1] = 1;"
    bytes_left = core.ram.size_b - 32 - peak_b - 64
    full = build(changed(new=buffer.format(bytes_left)), core)
    emulation = emulate(full, SEQUENCES)
    assert full.static_ram_b + full.stack_b == core.ram.size_b
    check_equal(emulation.outputs, expected(SEQUENCES), name, "NumPy")
    with pytest.raises(SartoError, match="E203"):
        build(changed(new=buffer.format(core.ram.size_b - 31)), core)


@image
def test_a_write_to_its_flash_faults(name: str):
    core = device(name)
    with pytest.raises(SartoError, match=r"E402[\s\S]*WRITE_PROT"):
        emulate(build(changed(new=f"*(volatile int32_t *){core.flash.origin:#x} = 1;"), core), SEQUENCES)


@native
def test_a_program_runs_here_and_answers_as_the_model_does(name: str):
    host = any_device(name)
    assert isinstance(host, Host)
    program = compile_native(SOURCES, host)
    check_equal(program.outputs(SEQUENCES), expected(SEQUENCES), name, "NumPy")
    with pytest.raises(SartoError, match=rf"E112.*no image is built for {name}"):
        device(name)
    more = compile_native(changed(new=TABLE.format(1024)), host)
    most = compile_native(changed(new=TABLE.format(5120)), host)
    assert most.flash_b - more.flash_b == 4096
    assert more.static_ram_b == program.static_ram_b == 32
