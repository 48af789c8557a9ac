"""The C of the audio front end, frame by frame and sample by sample, bit for bit against its NumPy definition."""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Int16

from sarto.core.graph.front_end import front_end
from sarto.deploy.c import front_end as told
from sarto.deploy.lower.front_end import LoweredFrontEnd, MelFrames, lower_front_end
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.probe import compile_library

SHAPES = {
    "whole": MelFrames(8000, frame=256, hop=128, frames=4, bands=32, low_hz=60, high_hz=4000),
    "shorter than its transform": MelFrames(8000, 200, 77, 5, 13, 100, 3800, floor=20),
    "smallest": MelFrames(8000, 16, 16, 2, 3, 0, 4000),
    "longest": MelFrames(16000, 2048, 1024, 2, 64, 50, 8000),
}
HEADER = """\
#ifndef MODEL_H
#define MODEL_H
#include <stdint.h>
#define MODEL_CHANNELS 1
#define MODEL_OUTPUTS {outputs}
typedef int16_t model_sample;
typedef struct {{ int32_t scores[MODEL_OUTPUTS]; }} model_arena;
void model_init(model_arena *arena);
int model_step(model_arena *arena, const model_sample *sample);
int model_predict(model_arena *arena);
const int32_t *model_scores(const model_arena *arena);
#endif
"""
EACH = pytest.mark.parametrize("shape", SHAPES)


@cache
def lowered(shape: str) -> LoweredFrontEnd:
    loudness = 2.0 ** np.linspace(0, 13, 60_000)
    sound = (np.random.default_rng(1).uniform(-3, 3, 60_000) * loudness).astype(np.int16)
    return lower_front_end(SHAPES[shape], sound, np.arange(0, 60_001, 6000))


def sources(shape: str, driver: str) -> dict[str, str]:
    op, tensors = lowered(shape).operation()
    lines = [f"#define {name} {value}" for name, value in told.defines(op, tensors).items()]
    for tensor in tensors:
        if tensor.data is not None:
            values = ", ".join(map(str, tensor.data.reshape(-1).tolist()))
            lines.append(f"static const {tensor.dtype}_t {tensor.name}[] = {{{values}}};")
    kernels = files("sarto.deploy.c") / "kernels"
    found = {f"{name}.h": (kernels / f"{name}.c").read_text(encoding="utf-8") for name in told.KERNELS}
    text = (Path(__file__).parent / driver).read_text(encoding="utf-8")
    return {**found, "front_end_tables.h": "\n".join(lines) + "\n", driver: text}


@cache
def library(shape: str) -> ctypes.CDLL:
    flags = ("-O1", "-fsanitize=undefined", "-fsanitize-trap=all", "-Werror")
    return compile_library(sources(shape, "front_end.c"), *flags)


def frames_of(made: MelFrames) -> Int16[np.ndarray, "row sample"]:
    """Frames of all sizes: noise, tones, clicks, steps, the ends of the range, silence."""
    rng = np.random.default_rng(2)
    n, noise = np.arange(made.frame), rng.normal(0, 1, (16, made.frame))
    rows = [*(noise * 2.0 ** np.arange(16)[:, None]), *rng.integers(-32768, 32768, (4, made.frame))]
    rows += [32767 * np.sin(2 * np.pi * n * f / made.rate_hz) for f in (0, 50, 997, made.rate_hz / 2 - 1)]
    rows += [(n % k == 0) * size for k in (1, 2, made.frame) for size in (1, -1, 32767, -32768)]
    rows += [np.sign(noise[0]) * 32768, np.where(n < made.frame // 2, 32767, -32768), n * 0]
    return np.stack(rows).clip(-32768, 32767).astype(np.int16)


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


@EACH
def test_a_frame(shape: str) -> None:
    made, end = lowered(shape).made, lowered(shape)
    frames = frames_of(made)
    wanted = front_end(end.front, frames, end.zero, end.factor, end.shift)[:, 0]
    scratch, out = np.full(made.fft, 99, np.int32), np.zeros(made.bands, np.int8)
    for number, frame in enumerate(frames):
        at = number * 37 % made.frame
        ring = np.roll(frame, at)
        library(shape).call_frame(pointer(ring), at, pointer(scratch), pointer(out))
        assert out.tolist() == wanted[number].tolist(), f"frame {number}"
    assert len(np.unique(wanted)) > 40


@EACH
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 1.0, 1.7])
def test_a_stream_ends_with_the_frames_of_its_item(shape: str, share: float) -> None:
    end = lowered(shape)
    made, count = end.made, round(share * end.made.samples)
    sound = np.random.default_rng(count).normal(0, 500, count).astype(np.int16)
    state = np.full(told.state_b(end.operation()[0]), 77, np.uint8)
    assert library(shape).state_bytes() == len(state)
    scratch, seen = np.full(made.fft, -5, np.int32), np.full((made.frames, made.bands), 55, np.int8)
    library(shape).call_begin(pointer(state), pointer(scratch), pointer(seen))
    library(shape).call_take(pointer(state), pointer(sound), count, pointer(scratch), pointer(seen))
    item = end.items(sound, np.array([0, count]))
    assert seen.tolist() == end.features(item)[0].tolist()


@pytest.mark.parametrize("core", ["cortex_m4", "cortex_m0plus"])
def test_an_emulated_core_hears_the_same(core: str) -> None:
    """With SMULWB and SMLAWB, and without."""
    end, rng = lowered("shorter than its transform"), np.random.default_rng(5)
    made = end.made
    text = sources("shorter than its transform", "front_end_model.c")
    header = HEADER.format(outputs=made.frames * made.bands)
    code = text.pop("front_end_model.c")
    image = build({**text, "model.h": header, "model.c": code}, device(core))
    sounds = [(rng.uniform(-1, 1, 560) * size).astype(np.int16) for size in (32767, 300)]
    run = emulate(image, [sound[:, None] for sound in sounds])
    for sound, scores in zip(sounds, run.outputs.scores.tolist(), strict=True):
        assert scores == end.features(end.items(sound, np.array([0, 560])))[0].reshape(-1).tolist()


def test_recordings_of_digits(real_data: Path) -> None:
    end, held = lowered("whole"), np.load(real_data / "fsdd" / "fsdd.npz")
    made, offsets = end.made, held["offsets"]
    scratch, out = np.zeros(made.fft, np.int32), np.zeros(made.bands, np.int8)
    for number in range(0, 3000, 900):
        sound = held["audio"][offsets[number] : offsets[number + 1]]
        raw = end.items(sound, np.array([0, len(sound)]))
        for k, row in enumerate(end.features(raw)[0]):
            frame = np.ascontiguousarray(raw[0, k * made.hop : k * made.hop + made.frame])
            library("whole").call_frame(pointer(frame), 0, pointer(scratch), pointer(out))
            assert out.tolist() == row.tolist()
