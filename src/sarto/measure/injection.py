"""Faults in an image while it runs in the emulated microcontroller: bits of its flash or its RAM, at any moment.

`Injector` runs the image without a fault once, keeps what RAM and registers hold between two sequences, and then runs
one fault after the other, each from the latest of these points before it. A run ends early where RAM and registers are,
between two sequences, what they are without a fault: then so is all that follows. The example program goes on from one
sequence to the next, so that a fault that stays in RAM meets later sequences too.

A sequence has no answer if the program, before it gives one, accesses or executes what is not there, executes no
instruction, sleeps, asks the board for more words than there are, or runs `SLOWEST` times as long as it ever does
without a fault between two looks at the board, or all in all. (A device sees the first four as a fault, and the last
by its watchdog.)

A fault comes into RAM once; for one that stays there see `measure.permanent`.

>>> from sarto.core.bits import Places
>>> from sarto.devices import device
>>> from sarto.measure.build import build
>>> header = '''
... #include <stdint.h>
... #define MODEL_CHANNELS 1
... #define MODEL_OUTPUTS 2
... typedef int8_t model_sample;
... typedef struct { int32_t scores[2]; } model_arena;
... void model_init(model_arena *arena);
... int model_step(model_arena *arena, const model_sample *sample);
... int model_predict(model_arena *arena);
... const int32_t *model_scores(const model_arena *arena);
... '''
>>> source = '''
... #include "model.h"
... const volatile int32_t start = 5;
... void model_init(model_arena *a) { a->scores[0] = start; a->scores[1] = 0; }
... int model_step(model_arena *a, const model_sample *s) { a->scores[1] += *s; return -1; }
... int model_predict(model_arena *a) { return a->scores[1] > a->scores[0]; }
... const int32_t *model_scores(const model_arena *a) { return a->scores; }
... '''
>>> image = build({"model.h": header, "model.c": source}, device("cortex_m4"))
>>> injector = Injector(image, [np.array([[3], [-1]])])
>>> at = next(s.address for s in image.contents.symbols if s.name == "start") - image.device.flash.origin
>>> injector.golden.scores.tolist(), injector.flash(Places([at], [3])).scores.tolist()
([[5, 2]], [[13, 2]])
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from jaxtyping import Bool, Int32, Integer

from sarto.core.bits import Kind, Places, inject
from sarto.core.seed import generator
from sarto.measure.image import Image
from sarto.measure.instructions import instructions
from sarto.measure.machine import BOARD, Machine, emulator_modules
from sarto.measure.probe import compile_library

SLOWEST = 4
"""Times the longest run without a fault that a program may take before it counts as hanging."""
_LEAST = 10_000
"""Instructions between two looks at the board that are always allowed."""
RUNNING, FINISHED, PAUSED, BETWEEN, RUNAWAY = range(5)
_NEVER = 2**64 - 1
_DRAWS = 3
"""Random fillings of idle instructions that are tried, each from another moment on."""


class _Board(ctypes.Structure):
    """The `injection` of `inject.c`, field by field."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("sequence", "step", "word", "row", "score", "ended", "looked")),
        *((name, ctypes.c_uint64) for name in ("total", "since")),
        ("state", ctypes.c_int64),
        ("words", ctypes.c_void_p),
        ("steps", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("sequences", "classes", "word_count")),
        ("results", ctypes.c_void_p),
        ("answered", ctypes.c_void_p),
        ("ordinals", ctypes.c_void_p),
        *((name, ctypes.c_uint64) for name in ("origin", "halfwords")),
        *((name, ctypes.c_uint64) for name in ("longest", "most_since", "most", "pause")),
        ("between", ctypes.c_int64),
        ("touched", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("ram", ctypes.c_void_p),
        *((name, ctypes.c_uint64) for name in ("ram_origin", "ram_b")),
        *((name, ctypes.c_void_p) for name in ("read_as", "stuck0", "stuck1", "turned", "fresh")),
        ("faulty", ctypes.c_int64),
    ]


MOVES_B = 80
"""The first bytes of a `_Board`, which move on with a run."""


@dataclass(frozen=True)
class Answers:
    """What a program said of each sequence.

    Attributes:
        classes: the class, 0 where there is none.
        scores: of each class.
        answered: where there is one.
    """

    classes: Int32[np.ndarray, " item"]
    scores: Int32[np.ndarray, "item class"]
    answered: Bool[np.ndarray, " item"]


@dataclass(frozen=True)
class _Point:
    """A moment to which the machine can be taken back."""

    total: int
    sequence: int
    registers: tuple[int, ...]
    context: Any
    ram: bytes
    board: bytes


class Injector(Machine):
    """A microcontroller with `image` in its flash and `sequences` at its board, run with one fault after the other.

    Attributes:
        golden: what it says without a fault.
        total: instructions without a fault, from reset to the last answer.
        touched: of each byte of the flash, whether it matters without a fault: all but instructions that are never
            executed, where the program does not read its own code (random bytes in their place change no answer).
        stack_b: depth of the stack that is written without a fault.

    Raises:
        SartoError: E301 without the emulator; E402 when the image faults without a fault.
    """

    def __init__(self, image: Image, sequences: Sequence[Integer[np.ndarray, "_ _"]]) -> None:
        super().__init__(image, sequences, "block", 1)
        self._unicorn, library = emulator_modules()
        self._emulator = self._boot(self._unicorn)
        self._map_memory(self._unicorn, self._emulator)
        classes = image.constants["MODEL_OUTPUTS"]
        self._said = np.zeros((len(sequences), 1 + classes), np.int32)
        self._answered = np.zeros(len(sequences), np.uint8)
        touched = np.zeros(2 * len(self._ordinals), np.uint8)
        self._board = _Board(
            row=-1,
            words=self._words.ctypes.data,
            steps=self.steps.ctypes.data,
            sequences=len(sequences),
            classes=classes,
            word_count=self._words.size,
            results=self._said.ctypes.data,
            answered=self._answered.ctypes.data,
            ordinals=self._ordinals.ctypes.data,
            origin=image.device.flash.origin,
            halfwords=len(self._ordinals) - 1,
            most_since=_NEVER,
            most=_NEVER,
            pause=_NEVER,
            between=1,
            touched=touched.ctypes.data,
            stop=ctypes.cast(library.uc_emu_stop, ctypes.c_void_p).value,
        )
        self._names = (*(f"R{i}" for i in range(13)), "SP", "LR", "XPSR", "PC")
        if self._core.link == "RA":
            self._names = (*(f"X{i}" for i in range(1, 32)), "PC")
        self._listen(library)
        self._emulator.reg_write(self._register("SP"), self._stack_top)
        self._points = self._without_a_fault()
        self.golden = self._answers()
        self.total = int(self._board.total)
        data = np.ones(image.flash_b, bool)
        for address, _, second in instructions(image.contents):
            data[address - image.device.flash.origin :][: 2 if second < 0 else 4] = False
        self.touched = data | touched[: image.flash_b].astype(bool)
        self.stack_b = self.written_stack_b()
        self._board.touched = None
        self._board.most_since = max(_LEAST, SLOWEST * int(self._board.longest))
        self._board.most = _LEAST + SLOWEST * self.total
        if self._reads_code():
            self.touched[:] = True

    def flash(self, places: Places, kind: Kind = "flip", moment: int = 0) -> Answers:
        """Return what the program says with faults in its flash, from its start on or from a moment on.

        Args:
            places: bytes from the flash's origin on, and bits.
            kind: of fault.
            moment: instruction, below `total`; 0 is before the start.
        """
        content = inject(self.image.flash, places, kind)
        changed = [int(at) for at in np.unique(places.element) if content[at] != self.image.flash[at]]
        if not any(self.touched[at] for at in changed):
            return self.golden
        self._rewind(moment)
        if not moment or self._to(moment):
            self._program(changed, content)
            self._board.between = 0
            self._go()
            self._program(changed, self.image.flash)
        return self._answers()

    def ram(self, places: Places, kind: Kind = "flip", moment: int = 0) -> Answers:
        """Return what the program says after faults came into its RAM once, before the block of instruction `moment`.

        Args:
            places: bytes from the RAM's origin on, and bits.
            kind: of fault.
            moment: instruction, below `total`.
        """
        self._rewind(moment)
        if moment and not self._to(moment):
            return self._answers()
        first, last = int(places.element.min()), int(places.element.max()) + 1
        start = self.image.device.ram.origin + first
        now = bytes(self._emulator.mem_read(start, last - first))
        then = inject(now, Places(places.element - first, places.bit), kind)
        if now == then:
            return self.golden
        self._emulator.mem_write(start, then)
        self._board.between = 1
        while self._go() == BETWEEN:
            if self._as_without():
                self._fill(slice(int(self._board.sequence), None))
                break
        return self._answers()

    def _reads_code(self) -> bool:
        """Return whether other bytes in the place of idle instructions change an answer, from the start or later on."""
        idle: list[int] = np.flatnonzero(~self.touched).tolist()
        rng = generator(0, "bytes in place of idle instructions")
        for draw in range(_DRAWS if idle else 0):
            content = bytearray(self.image.flash)
            for at, byte in zip(idle, rng.bytes(len(idle)), strict=True):
                content[at] = byte
            moment = draw * self.total // _DRAWS
            self._rewind(moment)
            assert not moment or self._to(moment)
            self._program(idle, bytes(content))
            self._board.between = 0
            self._go()
            self._program(idle, self.image.flash)
            said = self._answers()
            if not said.answered.all() or (said.scores != self.golden.scores).any():
                return True
        return False

    def _listen(self, library: Any) -> None:
        """Connect the board and the counter."""
        functions, user = injection_library(), ctypes.cast(ctypes.byref(self._board), ctypes.c_void_p)
        read, write, block = (
            ctypes.cast(functions[name], ctypes.c_void_p)
            for name in ("injected_read", "injected_write", "on_injected_block")
        )
        place = ctypes.c_uint64(BOARD), ctypes.c_size_t(self._emulator.ctl_get_page_size())
        status = library.uc_mmio_map(self._emulator._uch, *place, read, user, write, user)
        assert status == self._unicorn.UC_ERR_OK, f"the board's registers: error {status} of the emulator"
        hook, everywhere = ctypes.c_size_t(), (ctypes.c_uint64(1), ctypes.c_uint64(0))
        kind = self._unicorn.UC_HOOK_BLOCK
        status = library.uc_hook_add(self._emulator._uch, ctypes.byref(hook), kind, block, user, *everywhere)
        assert status == self._unicorn.UC_ERR_OK, f"the counter: error {status} of the emulator"

    def _without_a_fault(self) -> list[_Point]:
        """Run to the end without a fault; return the beginning, and every moment between two sequences."""
        points = [self._point(self._reset)]
        while (state := self._go(points[-1].registers[-1])) == BETWEEN:
            points.append(self._point())
        if state != FINISHED:
            raise self._fault(f"without a fault, in state {state}", [])
        return points

    def _go(self, start: int | None = None) -> int:
        """Run on, and return why the program stopped; RUNNING if it faulted, or sleeps."""
        self._board.state = RUNNING
        at = self._emulator.reg_read(self._register("PC")) if start is None else start
        try:
            self._emulator.emu_start(at | 1 if self._core.link == "LR" else at, 0xFFFFFFFF)
        except self._unicorn.UcError:
            self._board.state = RUNNING
        return int(self._board.state)

    def _point(self, start: int | None = None) -> _Point:
        """Return this moment; `start` is where the program goes on, where that is not in its register yet."""
        registers = [int(self._emulator.reg_read(self._register(name))) for name in self._names]
        if start is not None:
            registers[-1] = start & ~1
            self._emulator.reg_write(self._register("PC"), start)
        ram = bytes(self._emulator.mem_read(self.image.device.ram.origin, len(self._before)))
        moved = ctypes.string_at(ctypes.byref(self._board), MOVES_B)
        context = self._emulator.context_save()
        return _Point(
            int(self._board.total), int(self._board.sequence), tuple(registers), context, ram, moved
        )

    def _rewind(self, moment: int) -> None:
        """Take the machine back to the last point at or before `moment`."""
        point = next(p for p in reversed(self._points) if p.total <= moment)
        self._emulator.context_restore(point.context)
        self._emulator.mem_write(self.image.device.ram.origin, point.ram)
        ctypes.memmove(ctypes.byref(self._board), point.board, MOVES_B)
        self._said[:], self._answered[:] = 0, 0
        self._fill(slice(None, point.sequence))

    def _to(self, moment: int) -> bool:
        """Run on without a fault up to the block of instruction `moment`; return whether there is one."""
        self._board.between, self._board.pause = 0, moment
        reached = self._go() == PAUSED
        self._board.pause = _NEVER
        return reached

    def _program(self, places: Sequence[int], content: bytes) -> None:
        """Put those bytes of `content` into the flash."""
        origin = self.image.device.flash.origin
        for at in places:
            self._emulator.mem_write(origin + at, content[at : at + 1])
            self._emulator.ctl_remove_cache(origin + (at & ~3), origin + (at & ~3) + 4)

    def _as_without(self) -> bool:
        """Return whether RAM, registers and board are what they are at this point without a fault."""
        sequence = int(self._board.sequence)
        point = next((p for p in self._points if p.sequence == sequence), None)
        if point is None:
            return False
        registers = tuple(int(self._emulator.reg_read(self._register(name))) for name in self._names)
        ram = self._emulator.mem_read(self.image.device.ram.origin, len(self._before))
        same = (self._board.step, self._board.word) == _moved(point)
        return same and registers == point.registers and bytes(ram) == point.ram

    def _fill(self, items: slice) -> None:
        """Give these sequences the answers without a fault."""
        if hasattr(self, "golden"):
            self._said[items, 0], self._said[items, 1:] = (
                self.golden.classes[items],
                self.golden.scores[items],
            )
            self._answered[items] = 1

    def _answers(self) -> Answers:
        return Answers(self._said[:, 0].copy(), self._said[:, 1:].copy(), self._answered.astype(bool))


def _moved(point: _Point) -> tuple[int, int]:
    """Return the step and the word of the board at `point`."""
    board = _Board.from_buffer_copy(point.board + bytes(ctypes.sizeof(_Board) - MOVES_B))
    return int(board.step), int(board.word)


@cache
def injection_library() -> ctypes.CDLL:
    """Return the compiled `inject.c`.

    Raises:
        SartoError: E301 without a compiler.
    """
    text = (files("sarto.measure") / "inject.c").read_text(encoding="utf-8")
    return compile_library({"inject.c": text}, "-O2")
