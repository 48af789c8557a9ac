"""A second emulator, QEMU, for the Arm cores: it stands beside the first one, in which everything is counted.

QEMU emulates boards, not cores alone, so an image for it lies in that board's memory, runs the harness of
`measure.board`, and is counted by the board's own timer: with `-icount` every instruction takes 2^8 ns.

A QEMU that lacks a core runs another with the same instructions, and says so: `MACHINES[...].stands_in`.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer

from sarto.core.device import Device, Memory
from sarto.core.errors import SartoError
from sarto.deploy.c.program import harness_sources
from sarto.measure.board import Heard
from sarto.measure.build import build
from sarto.measure.compilers import Name

ICOUNT_SHIFT = 8
NOTHING_INSTRUCTIONS = 2
"""Of the function whose call is taken off every count, see `counter.h`."""
TIMEOUT_S = 300


@dataclass(frozen=True)
class QemuMachine:
    """A board of QEMU.

    Attributes:
        name: for `-M`.
        flash, ram: where its memories lie.
        clock_hz: of its core and of SysTick.
        stands_in: the core that it has in place of the device's own; empty for the same core.
        core: the CPUID that it reports.
    """

    name: str
    flash: Memory
    ram: Memory
    clock_hz: float
    core: int
    stands_in: str = ""


_SOURCE = "QEMU 7.2, hw/arm/"
_MPS2 = (
    Memory(0, 4 << 20, _SOURCE + "mps2.c"),
    Memory(0x20000000, 4 << 20, _SOURCE + "mps2.c"),
    25e6,
)
MACHINES = {
    "cortex-m0": QemuMachine(
        "microbit",
        Memory(0, 256 * 1024, _SOURCE + "nrf51_soc.c"),
        Memory(0x20000000, 16 * 1024, _SOURCE + "nrf51_soc.c"),
        16e6,
        0x410CC200,
        stands_in="a Cortex-M0, which has the same instructions",
    ),
    "cortex-m4": QemuMachine("mps2-an386", *_MPS2, 0x410FC240),
    "cortex-m7": QemuMachine("mps2-an500", *_MPS2, 0x411FC272),
    "cortex-m33": QemuMachine(
        "mps2-an505",
        Memory(0x10000000, 4 << 20, _SOURCE + "mps2-tz.c"),
        Memory(0x38000000, 4 << 20, _SOURCE + "mps2-tz.c"),
        20e6,
        0x410FD213,
    ),
}
"""By the core of a device file. There is none for RISC-V: its images run in the first emulator alone."""


@dataclass(frozen=True, eq=False)
class QemuRun:
    """What a board of QEMU `said`, its counts as instructions: ticks of its timer by ticks per instruction."""

    heard: Heard
    instructions_per_step: Float[np.ndarray, " sample"]
    instructions_per_predict: Float[np.ndarray, " item"]
    machine: QemuMachine
    said: str


def run(
    sources: Mapping[str, str],
    device: Device,
    sequences: Sequence[Integer[np.ndarray, "_ _"]],
    *,
    model: str = "",
    optimise: str = "-O2",
    compiler: Name = "zig",
    cache: Path | None = None,
) -> QemuRun:
    """Build the harness around the model in `sources`, run it on QEMU's board, and return what it said.

    Raises:
        SartoError: E301 without QEMU; E112, when it has no board for the device; E402, when the program does not end;
            otherwise as `build` and `Heard.read`.
    """
    if device.emulator_cpu not in MACHINES:
        raise SartoError(
            "E112",
            f"QEMU has no board for {device.name}",
            cause=f"its core is {device.emulator_cpu}",
            hint=f"known: {', '.join(MACHINES)}",
        )
    machine = MACHINES[device.emulator_cpu]
    there = replace(device, flash=machine.flash, ram=machine.ram)
    program = {**sources, "board.c": "", "main.c": "", **harness_sources(sequences, model)}
    image = build(program, there, optimise=optimise, compiler=compiler, cache=cache)
    said = boot(image.elf, machine)
    heard = Heard.read(said)
    ticks = machine.clock_hz * 2**ICOUNT_SHIFT / 1e9
    return QemuRun(
        heard,
        heard.steps / ticks + NOTHING_INSTRUCTIONS,
        heard.predicts / ticks + NOTHING_INSTRUCTIONS,
        machine,
        said,
    )


def boot(elf: bytes, machine: QemuMachine) -> str:
    """Run the program `elf` on `machine` and return what it said.

    Raises:
        SartoError: E301 without QEMU; E402, when the program does not end.
    """
    if shutil.which("qemu-system-arm") is None:
        raise SartoError(
            "E301",
            "QEMU is not installed",
            cause="there is no program qemu-system-arm in PATH",
            hint="on Debian: apt-get install qemu-system-arm",
        )
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        path = Path(name) / "model.elf"
        path.write_bytes(elf)
        command = ["qemu-system-arm", "-M", machine.name, "-nographic", "-monitor", "none", "-serial", "none"]
        command += ["-semihosting-config", "enable=on,target=native", "-icount", f"shift={ICOUNT_SHIFT}"]
        try:
            done = subprocess.run(
                [*command, "-kernel", str(path)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT_S,
            )
        except subprocess.TimeoutExpired as error:
            raise SartoError(
                "E402",
                f"the program did not end within {TIMEOUT_S} s on QEMU's {machine.name}",
                cause="it faulted or runs for ever",
                hint="this is a fault of sarto: please report it",
            ) from error
    return done.stdout + done.stderr
