"""The audio front end lowered: its triangles, which samples an item has, and the first operation of a graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sarto.core.graph import Graph, Op, Tensor, infer
from sarto.core.graph.whole import tensors as run
from sarto.deploy.lower.front_end import (
    SCALE,
    LoweredFrontEnd,
    MelFrames,
    items,
    lower_front_end,
    tables,
)
from sarto.models.input_error import InputError

MADE = MelFrames(8000, frame=64, hop=24, frames=4, bands=6, low_hz=100, high_hz=3900)
SOUND = (
    (np.random.default_rng(0).normal(0, 1, 4000) * np.linspace(9, 9000, 4000))
    .clip(-32768, 32767)
    .astype(np.int16)
)
OFFSETS = np.array([0, 500, 501, 1300, 4000])


@pytest.fixture(scope="module")
def lowered() -> LoweredFrontEnd:
    return lower_front_end(MADE, SOUND, OFFSETS)


def test_triangles_follow_the_mel_scale() -> None:
    """A peak of 1 at the middle of each, in mel; Hz of the edges from the inverse of the formula."""
    made = replace(MADE, frame=1024, bands=10)
    front = tables(made)
    low, high = 2595 * np.log10(1 + 100 / 700), 2595 * np.log10(1 + 3900 / 700)
    peaks_hz = 700 * (10 ** ((low + (high - low) / 11 * np.arange(12)) / 2595) - 1)
    assert front.edges.tolist() == np.ceil(peaks_hz / (8000 / 1024)).tolist()
    for k in (int(front.edges[0]) + 1, 200, int(front.edges[-1]) - 1):
        at = 2595 * np.log10(1 + k * 8000 / 1024 / 700)
        share = (at - low) / ((high - low) / 11) % 1
        assert abs(int(front.rising[k - front.edges[0]]) - share * 32768) < 1


def test_a_band_that_sees_nothing_is_refused() -> None:
    with pytest.raises(InputError, match=r"E116.*band 1 of 40, 135 to 209 Hz,.* sees nothing") as error:
        tables(replace(MADE, bands=40))
    assert "fewer bands" in str(error.value)


@pytest.mark.parametrize(
    "wrong",
    [{"frame": 63}, {"frame": 4096}, {"hop": 65}, {"hop": 0}, {"high_hz": 4001}, {"low_hz": -1}, {"floor": 0},
     {"frames": 0}, {"bands": 0}, {"low_hz": 3900}],
)  # fmt: skip
def test_what_cannot_be_built_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="E116"):
        replace(MADE, **wrong)


@pytest.mark.parametrize(
    ("length", "used"),
    [(0, 0), (15, 0), (16, 16), (17, 16), (39, 16), (40, 40), (136, 136), (150, 136), (9000, 8992)],
)
def test_an_item_ends_where_the_last_whole_frame_ends(length: int, used: int) -> None:
    """Frames of 64 every 24 samples end after 16, 40, 64 ... samples; an item has 64 + 3 * 24 of them."""
    sound = np.arange(1, length + 1).astype(np.int16)
    (item,) = items(MADE, sound, np.array([0, length]))
    kept = min(used, 136)
    assert item.tolist() == [0] * (136 - kept) + list(range(used - kept + 1, used + 1))


def test_training_frames_have_no_mean_and_a_deviation_of_one(lowered: LoweredFrontEnd) -> None:
    raw = lowered.items(SOUND, OFFSETS)
    frames = np.lib.stride_tricks.sliding_window_view(raw, 64, axis=1)[:, ::24]
    seen = lowered.features(raw)[frames.any(axis=2)] * SCALE
    assert abs(seen.mean(axis=0)).max() < 0.1
    assert abs(seen.std(axis=0) - 1).max() < 0.1


@pytest.mark.parametrize("sound", [np.zeros(500, np.int16), np.zeros(0, np.int16)])
def test_bands_that_never_change_are_refused(sound: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"E104.*never changes"):
        lower_front_end(MADE, sound, np.array([0, len(sound)]))


@pytest.mark.parametrize("image", [False, True])
def test_a_graph_begins_with_it(lowered: LoweredFrontEnd, image: bool) -> None:
    op, tensors = lowered.operation(image)
    ones = Tensor("w", "int8", (1, 24), "const", np.ones((1, 24), np.int8))
    consts = {"b": np.zeros(1, np.int32), "m": np.ones(1, np.int16), "s": np.ones(1, np.uint8)}
    more = [ones, *(Tensor(n, str(a.dtype), a.shape, "const", a) for n, a in consts.items())]
    more += [Tensor("flat", "int8", (24,), "scratch"), Tensor("y", "int32", (1,), "output")]
    reads = {"x": "flat", "weights": "w", "bias": "b", "factor": "m", "shift": "s"}
    dense = Op("dense", reads, {"y": "y"}, {"low": -9999, "high": 9999})
    program = (op, Op("reshape", {"x": "heard"}, {"y": "flat"}), dense)
    graph = Graph("net", (*tensors, *more), (), (), (), 1, 0, None, ("sum",), ("sound",), (), program)
    raw = lowered.items(SOUND, OFFSETS)
    wanted = lowered.features(raw)
    assert run(graph, raw[:, :, None])["heard"].shape == ((4, 4, 6, 1) if image else (4, 1, 4, 6))
    assert infer(graph, raw[:, :, None]).scores[:, 0].tolist() == [
        (int(total) + 1) >> 1 for total in wanted.astype(int).sum(axis=(1, 2))
    ]
