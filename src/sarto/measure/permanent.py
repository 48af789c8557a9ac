"""Faults that stay in the RAM of an image while it runs in the emulated microcontroller, from reset on.

A stuck bit is 0 or 1 whatever is written there; a flipped one is read as the other of what was written last. Every
access to RAM is looked at, which takes longer than `measure.injection`, where a fault comes once. A bit that the run
without a fault never reads, or never reads as the other of what it is stuck at, changes nothing, since both runs are
then the same, step by step: its answers are known without a run.

>>> from sarto.core.bits import Places
>>> from sarto.devices import device
>>> from sarto.measure.build import build
>>> header = '''
... #include <stdint.h>
... #define MODEL_CHANNELS 1
... #define MODEL_OUTPUTS 1
... typedef int8_t model_sample;
... typedef struct { int32_t scores[1]; } model_arena;
... void model_init(model_arena *arena);
... int model_step(model_arena *arena, const model_sample *sample);
... int model_predict(model_arena *arena);
... const int32_t *model_scores(const model_arena *arena);
... '''
>>> source = '''
... #include "model.h"
... void model_init(model_arena *a) { a->scores[0] = 0; }
... int model_step(model_arena *a, const model_sample *s) { a->scores[0] += *s; return -1; }
... int model_predict(model_arena *a) { return a->scores[0]; }
... const int32_t *model_scores(const model_arena *a) { return a->scores; }
... '''
>>> image = build({"model.h": header, "model.c": source}, device("cortex_m4"))
>>> injector = PermanentInjector(image, [np.array([[1], [2]])])
>>> at = next(s.address for s in image.contents.symbols if s.name == "arena") - image.device.ram.origin
>>> [injector.permanent(Places([at], [1]), kind).scores.item() for kind in ("stuck0", "stuck1", "flip")]
[1, 7, 1]
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from jaxtyping import UInt8

from sarto.core.bits import Kind, Places
from sarto.measure.injection import Answers, Injector, injection_library


class PermanentInjector(Injector):
    """An `Injector` whose faults in RAM can stay.

    Attributes:
        read_as: of each byte of the RAM, the bits that are read as 0 without a fault, and those that are read as 1.
    """

    read_as: UInt8[np.ndarray, "byte 2"]

    def permanent(self, places: Places, kind: Kind) -> Answers:
        """Return what the program says where bits of its RAM are faulty from reset on.

        Args:
            places: bytes from the RAM's origin on, and bits.
            kind: of fault.
        """
        for masks in self._masks.values():
            masks[:] = 0
        element, bit = np.broadcast_arrays(places.element, places.bit)
        np.bitwise_or.at(
            self._masks[kind], element.reshape(-1), np.left_shift(1, bit.reshape(-1)).astype(np.uint8)
        )
        harmful = {
            "flip": self.read_as[:, 0] | self.read_as[:, 1],
            "stuck0": self.read_as[:, 1],
            "stuck1": self.read_as[:, 0],
        }
        if not (self._masks[kind] & harmful[kind]).any():
            return self.golden
        self._rewind(0)
        self._fresh[:] = 1
        self._board.faulty, self._board.between = 1, 0
        self._go()
        self._board.faulty = 0
        return self._answers()

    def _map_memory(self, unicorn: Any, emulator: Any) -> None:
        """Give the emulator RAM of this process, which can be changed while it runs."""
        super()._map_memory(unicorn, emulator)
        size, origin = len(self._before), self.image.device.ram.origin
        page = emulator.ctl_get_page_size()
        room = np.zeros(size + page, np.uint8)
        self._ram = room[-room.ctypes.data % page :][:size]
        self._ram[:] = np.frombuffer(self._before, np.uint8)
        emulator.mem_unmap(origin, size)
        rights = unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE
        emulator.mem_map_ptr(origin, size, rights, ctypes.c_void_p(self._ram.ctypes.data))

    def _listen(self, library: Any) -> None:
        super()._listen(library)
        size = len(self._ram)
        self.read_as = np.zeros((size, 2), np.uint8)
        self._masks = {kind: np.zeros(size, np.uint8) for kind in ("stuck0", "stuck1", "flip")}
        self._fresh = np.zeros(size, np.uint8)
        board = self._board
        board.ram, board.ram_origin, board.ram_b = self._ram.ctypes.data, self.image.device.ram.origin, size
        board.read_as, board.fresh = self.read_as.ctypes.data, self._fresh.ctypes.data
        board.stuck0, board.stuck1 = (self._masks[kind].ctypes.data for kind in ("stuck0", "stuck1"))
        board.turned = self._masks["flip"].ctypes.data
        hook, range_ = (
            ctypes.c_size_t(),
            (ctypes.c_uint64(board.ram_origin), ctypes.c_uint64(board.ram_origin + size - 1)),
        )
        access = ctypes.cast(injection_library()["on_injected_access"], ctypes.c_void_p)
        kinds, user = (
            self._unicorn.UC_HOOK_MEM_READ | self._unicorn.UC_HOOK_MEM_WRITE,
            ctypes.cast(ctypes.byref(board), ctypes.c_void_p),
        )
        status = library.uc_hook_add(self._emulator._uch, ctypes.byref(hook), kinds, access, user, *range_)
        assert status == self._unicorn.UC_ERR_OK, f"the watch over RAM: error {status} of the emulator"

    def _without_a_fault(self) -> Any:
        points = super()._without_a_fault()
        self._board.read_as = None
        return points
