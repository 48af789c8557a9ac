"""One boot of an image in an emulated microcontroller. The one file that touches the emulator, unicorn.

Flash is mapped read-only and RAM without execution, in exactly the sizes that the linker was allowed (rounded up to
the emulator's page of 1 KiB); everything else is unmapped but the board's registers. The stack lies at the bottom of
the RAM, so that one byte too deep faults. All RAM holds random bytes before reset, as a real one holds anything.

>>> sorted(CORES)
['cortex-m0', 'cortex-m33', 'cortex-m4', 'cortex-m7', 'rv32imc']
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Int32, Integer, UInt64

from sarto.core.errors import SartoError
from sarto.core.seed import generator
from sarto.measure.cycles import cycle_counts
from sarto.measure.elf import RISCV32
from sarto.measure.image import Image
from sarto.measure.instructions import V6_M, V6S_M, V7E_M, V8_M_MAIN, ordinals, weights
from sarto.measure.outputs import Outputs
from sarto.measure.probe import (
    FUNCTIONS,
    INIT,
    MAIN,
    OK,
    OUTSIDE_CODE,
    PREDICT,
    RUNAWAY,
    STEP,
    TOO_MANY_RESULTS,
    Probe,
    probe_library,
)
from sarto.measure.words import raw_words

BOARD = 0x40000000
"""Address of the board's registers, see `deploy/c/image/board.c`."""


@dataclass(frozen=True)
class Core:
    """How the emulator knows a core.

    Attributes:
        module: of the emulator's constants.
        family: architecture, mode and prefix of the names of registers and models.
        model: of the core.
        link: register that holds where a function returns to.
        architectures: of the images that it runs.
    """

    module: str
    family: tuple[str, str, str]
    model: str
    link: str
    architectures: tuple[int, ...]


# Thumb mode alone: the mode for microcontrollers would silently make every core a Cortex-M33.
_ARM = ("arm_const", ("UC_ARCH_ARM", "UC_MODE_THUMB", "UC_ARM_REG_"))
_RISCV = ("riscv_const", ("UC_ARCH_RISCV", "UC_MODE_RISCV32", "UC_RISCV_REG_"))
CORES = {
    "cortex-m0": Core(*_ARM, "UC_CPU_ARM_CORTEX_M0", "LR", (V6_M, V6S_M)),
    "cortex-m4": Core(*_ARM, "UC_CPU_ARM_CORTEX_M4", "LR", (V7E_M,)),
    "cortex-m7": Core(*_ARM, "UC_CPU_ARM_CORTEX_M7", "LR", (V7E_M,)),
    "cortex-m33": Core(*_ARM, "UC_CPU_ARM_CORTEX_M33", "LR", (V8_M_MAIN,)),
    "rv32imc": Core(*_RISCV, "UC_CPU_RISCV32_ANY", "RA", (RISCV32,)),
}
"""Name in a device file -> the emulator's model, and the architectures that it runs. The emulator's M3 runs the DSP
instructions that a real one lacks, so it is not here; its RISC-V core has more than RV32IMC, of which
`measure.instructions` keeps images free."""

PUSH_B = 64
"""The most that one instruction pushes, 16 registers, before the stack pointer shows it."""

_FAILURES = {
    RUNAWAY: "run-away: more than {} instructions without a look at the board",
    OUTSIDE_CODE: "execution outside the code",
    TOO_MANY_RESULTS: "more results than samples",
}


class Machine:
    """A microcontroller with `image` in its flash and `sequences` at its board.

    Args:
        image: to boot.
        sequences: raw sensor words, one array of (step, channel) each.
        count: `block` counts the instructions of each block as the emulator enters it; `instruction` counts one by one
            and reads the stack pointer each time.
        most_instructions: allowed between two looks at the board; more is a run-away program.
    """

    def __init__(
        self,
        image: Image,
        sequences: Sequence[Integer[np.ndarray, "_ _"]],
        count: Literal["block", "instruction"],
        most_instructions: int,
    ) -> None:
        self.image, self.count = image, count
        channels, classes = image.constants["MODEL_CHANNELS"], image.constants["MODEL_OUTPUTS"]
        self._words, self.steps = raw_words(sequences, channels)
        self._results = np.zeros((len(self._words) + len(sequences), 3 + classes), np.int32)
        origin, flash_b = image.device.flash.origin, image.flash_b + image.flash_b % 2
        self._ordinals = ordinals(image.contents, origin, flash_b)
        self._weights = weights(image.contents, origin, flash_b)
        self._rooms = {INIT: 1, STEP: len(self._words), PREDICT: len(sequences), MAIN: 1}
        self._counts = [np.zeros(max(self._rooms[f], 1), np.uint64) for f in range(len(FUNCTIONS))]
        self.probe = Probe(
            words=self._words.ctypes.data,
            steps=self.steps.ctypes.data,
            sequences=len(sequences),
            channels=channels,
            classes=classes,
            results=self._results.ctypes.data,
            capacity=len(self._results),
            ordinals=self._ordinals.ctypes.data,
            weights=self._weights.ctypes.data,
            origin=origin,
            halfwords=flash_b // 2,
            inside=-1,
            limit=most_instructions,
            lowest_stack=2**32,
        )
        self._bounds = [np.zeros((max(self._rooms[f], 1), 2), np.uint64) for f in range(len(FUNCTIONS))]
        if count == "block" and (table := image.device.cycles) is not None:
            self._cycles = cycle_counts(image.contents, origin, flash_b, table)
            for i in range(2):
                self.probe.cycles[i] = self._cycles.before[i].ctypes.data
                self.probe.taken[i] = self._cycles.taken[i].ctypes.data
        entries = {s.name: s.address for s in image.contents.symbols if s.is_code}
        for f, name in enumerate(FUNCTIONS):
            self.probe.entries[f] = entries[name]
            self.probe.counts[f] = self._counts[f].ctypes.data
            self.probe.bounds[f] = self._bounds[f].ctypes.data
            self.probe.rooms[f] = self._rooms[f]
        self._stack_top, self._reset = (int.from_bytes(image.flash[i : i + 4], "little") for i in (0, 4))
        if (
            image.contents.architecture == RISCV32
        ):  # starts with its first instruction, which sets the stack pointer
            self._stack_top, self._reset = image.contents.labels["stack_top"], origin

    def run(self) -> None:
        """Boot from the vector table and run until every sequence is answered.

        Raises:
            SartoError: E301 without the emulator; E203 when the stack overflows; E402 when the image does not suit the
                core, faults or runs away; E112 when the emulator has no such core.
        """
        unicorn, library = emulator_modules()
        emulator = self._boot(unicorn)
        self._map_memory(unicorn, emulator)
        self._connect(unicorn, library, emulator)
        touched: list[tuple[int, int]] = []

        def invalid(_emulator: Any, _access: int, address: int, size: int, _value: int, _user: Any) -> bool:
            touched.append((address, size))
            return False

        emulator.hook_add(unicorn.UC_HOOK_MEM_INVALID, invalid)
        emulator.reg_write(self._register("SP"), self._stack_top)
        try:
            emulator.emu_start(self._reset, 0xFFFFFFFF)
        except unicorn.UcError as error:
            raise self._fault(str(error), touched) from error
        if self.probe.failure != OK:
            raise self._fault(_FAILURES[self.probe.failure].format(self.probe.limit), touched)
        assert self.probe.sequence == self.probe.sequences, "the program ended early"
        self.tool = f"unicorn {unicorn.__version__}, {self.image.device.emulator_cpu}"

    @property
    def _core(self) -> Core:
        """How the emulator knows the device's core.

        Raises:
            SartoError: E112, when it does not.
        """
        device = self.image.device
        if device.emulator_cpu not in CORES:
            raise SartoError(
                "E112",
                f"{device.name} cannot be emulated",
                cause=f"its emulator_cpu '{device.emulator_cpu}' is not known",
                hint=f"known: {', '.join(sorted(CORES))}",
            )
        return CORES[device.emulator_cpu]

    def _register(self, name: str) -> int:
        """Return the emulator's number of the register `name`."""
        return getattr(constants_of(self._core.module), self._core.family[2] + name)

    def _boot(self, unicorn: Any) -> Any:
        device, architecture, core = self.image.device, self.image.contents.architecture, self._core
        if architecture not in core.architectures:
            wanted = core.architectures[-1]
            raise SartoError(
                "E402",
                f"the image does not suit {device.name}",
                cause=f"it is built for architecture {architecture} of the Arm ABI (RISC-V: {RISCV32}), not {wanted}",
                hint="build it for this device",
            )
        kind, mode, _ = core.family
        emulator = unicorn.Uc(getattr(unicorn, kind), getattr(unicorn, mode))
        model = getattr(constants_of(core.module), core.model)
        emulator.ctl_set_cpu_model(model)
        assert emulator.ctl_get_cpu_model() == model, "the emulator changed the core"
        return emulator

    def _map_memory(self, unicorn: Any, emulator: Any) -> None:
        image, flash, ram = self.image, self.image.device.flash, self.image.device.ram
        page = emulator.ctl_get_page_size()
        flash_b, ram_b = (-(-size // page) * page for size in (image.flash_limit_b, image.ram_limit_b))
        emulator.mem_map(flash.origin, flash_b, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        emulator.mem_map(ram.origin, ram_b, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        self._before = generator(0, "RAM before reset", self.count).bytes(ram_b)
        emulator.mem_write(flash.origin, image.flash)
        emulator.mem_write(ram.origin, self._before)

    def _connect(self, unicorn: Any, library: Any, emulator: Any) -> None:
        """Connect the board and the counter, which are C functions: the emulator calls them without Python."""
        self._emulator = emulator
        self.probe.reg_read = ctypes.cast(library.uc_reg_read, ctypes.c_void_p).value
        self.probe.stop = ctypes.cast(library.uc_emu_stop, ctypes.c_void_p).value
        self.probe.link_register, self.probe.stack_register = map(self._register, (self._core.link, "SP"))
        functions, user = probe_library(), ctypes.cast(ctypes.byref(self.probe), ctypes.c_void_p)
        read, write, counter = (
            ctypes.cast(functions[name], ctypes.c_void_p)
            for name in ("board_read", "board_write", f"on_{self.count}")
        )
        place = ctypes.c_uint64(BOARD), ctypes.c_size_t(emulator.ctl_get_page_size())
        status = library.uc_mmio_map(emulator._uch, *place, read, user, write, user)
        assert status == unicorn.UC_ERR_OK, f"the board's registers: error {status} of the emulator"
        kind = unicorn.UC_HOOK_BLOCK if self.count == "block" else unicorn.UC_HOOK_CODE
        hook, everywhere = ctypes.c_size_t(), (ctypes.c_uint64(1), ctypes.c_uint64(0))
        status = library.uc_hook_add(emulator._uch, ctypes.byref(hook), kind, counter, user, *everywhere)
        assert status == unicorn.UC_ERR_OK, f"the counter: error {status} of the emulator"

    def _fault(self, what: str, touched: list[tuple[int, int]]) -> SartoError:
        image, ram = self.image, self.image.device.ram
        at, stack = (self._emulator.reg_read(self._register(name)) for name in ("PC", "SP"))
        symbols = image.contents.symbols
        name = next((s.name for s in symbols if s.address <= at < s.address + s.size_b), "no function")
        hint = "if you edited the generated files, undo that; else this is a fault of sarto: please report it"
        if touched:
            address, size = touched[-1]
            what += f", {size} B at {address:#010x}"
            if address < ram.origin and (stack < ram.origin or 0 < stack - address <= PUSH_B):
                return SartoError(
                    "E203",
                    f"the RAM of the emulated {image.device.name}, {image.ram_limit_b} B, does not hold the stack",
                    cause=f"stack overflow: {what}, in {name} at {at:#010x}; the stack has {image.stack_b} B",
                    hint="allow more RAM, or choose a smaller model",
                )
        return SartoError(
            "E402",
            f"the program faulted on the emulated {image.device.name}",
            cause=f"{what}, in {name} at {at:#010x}, sequence {self.probe.sequence}, step {self.probe.step}",
            hint=hint,
        )

    def instructions(self, function: int) -> UInt64[np.ndarray, " call"]:
        """Return the instructions of each call of `function`, an index of `FUNCTIONS`."""
        calls, expected = self.probe.calls[function], self._rooms[function]
        assert calls == expected, f"{calls} calls of {FUNCTIONS[function]}, not {expected}"
        return self._counts[function][:expected]

    def cycles(self, function: int) -> UInt64[np.ndarray, "call 2"]:
        """Return the cycles of each call of `function`, at least and at most; zeros without a table or blocks."""
        return self._bounds[function][: self._rooms[function]]

    def outputs(self) -> Outputs:
        """Return what the program wrote to the board."""
        return Outputs.from_rows(self.results())

    def results(self) -> Int32[np.ndarray, "row column"]:
        """Return the rows that the program wrote: sequence, step (-1 where none is open), class, scores."""
        return self._results[: self.probe.rows]

    def variable(self, name: str) -> bytes:
        """Return the bytes of the variable `name` as they are now."""
        found = next(s for s in self.image.contents.symbols if s.name == name and not s.is_code)
        return bytes(self._emulator.mem_read(found.address, found.size_b))

    def written_stack_b(self) -> int:
        """Return the depth of the deepest stack byte that does not hold what it held before reset."""
        stack_b = self.image.stack_b
        now = np.frombuffer(self._emulator.mem_read(self.image.device.ram.origin, stack_b), np.uint8)
        changed = np.flatnonzero(now != np.frombuffer(self._before, np.uint8, stack_b))
        return stack_b - int(changed[0]) if len(changed) else 0

    def pointed_stack_b(self) -> int:
        """Return the depth of the lowest stack pointer that any instruction saw; counting one by one only."""
        assert self.count == "instruction"
        return self._stack_top - self.probe.lowest_stack


def emulator_modules() -> tuple[Any, Any]:
    """Return the module `unicorn`, and the C library below it.

    Raises:
        SartoError: E301, when unicorn is not installed.
    """
    try:
        import unicorn
        from unicorn.unicorn_py3.unicorn import uclib
    except ImportError as error:
        raise SartoError(
            "E301",
            "the emulator unicorn is not installed",
            cause="there is no Python package unicorn 2",
            hint="python -m pip install 'sarto[mcu]'",
        ) from error
    return unicorn, uclib


def constants_of(module: str) -> Any:
    """Return the emulator's constants of one architecture."""
    return importlib.import_module(f"unicorn.{module}")
