"""A description of an audio front end becomes its integer tables, and recordings become what a network is trained on.

Triangles have their edges at equal steps of the mel scale, and are linear in it,

    mel(f) = 2595 log10(1 + f / 700)

A number of a band is its logarithm less the mean of the training recordings, over their standard deviation, in counts
of 2^-5: what a network is trained on are the integers of the device times 2^-5, and not numbers like them.

A recording is heard as its last frames. The item of a recording is so many samples as `frames` frames reach over; they
end where the recording's last whole frame ends, and are 0 before the recording begins. A device that starts with the
recording computes the same frames: `items` and the streaming kernel agree on where frames end, which is after
`frame % hop` samples (or `hop`), and every `hop` later.

Source: Young et al., "The HTK book", section 5.6 (the scale, and triangles linear in it); Hershey et al., "CNN
architectures for large-scale audio classification", ICASSP 2017, section 3 (a number is added before the logarithm).

>>> made = MelFrames(rate_hz=8000, frame=256, hop=160, frames=3, bands=32, low_hz=60, high_hz=4000)
>>> made.samples, tables(made).power_shift
(576, 26)
>>> sound = np.random.default_rng(0).normal(0, 900, 5000).astype(np.int16)
>>> lowered = lower_front_end(made, sound, np.array([0, 1000, 1700, 5000]))
>>> recordings = lowered.items(sound, np.array([0, 1000, 1700, 5000]))
>>> recordings.shape, lowered.features(recordings).shape, lowered.features(recordings).dtype
((3, 576), (3, 3, 32), dtype('int8'))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int, Int8, Int16, Integer, Num

from sarto.core.graph import Op, Tensor
from sarto.core.graph.front_end import (
    LIMIT,
    WEIGHT_BITS,
    FrontEnd,
    front_end,
    last_samples,
    log_mel,
    log_table,
    twiddles,
)
from sarto.core.graph.front_end import (
    SCALE as SCALE,
)
from sarto.deploy.lower.inputs import factors
from sarto.models.input_error import InputError

if TYPE_CHECKING:
    from sarto.deploy.lower.network import Lowered

ROUNDING = 32
"""More than all roundings of the transform add to a number: below 9 in its halving stages and 10 in the last."""
_AT_ONCE = 256
"""Recordings whose frames are made together."""


@dataclass(frozen=True)
class MelFrames:
    """What the front end computes.

    Attributes:
        rate_hz: of the samples.
        frame, hop: samples of a frame, an even number up to 2048, and from frame to frame.
        frames: that the network sees.
        bands: numbers of a frame.
        low_hz, high_hz: where the first triangle begins and the last one ends.
        floor: every band has at least the power of a tone with this amplitude, in counts of a sample.
    """

    rate_hz: float
    frame: int
    hop: int
    frames: int
    bands: int
    low_hz: float
    high_hz: float
    floor: float = 1.0

    def __post_init__(self) -> None:
        sizes = 2 <= self.frame <= 2048 and self.frame % 2 == 0 and 1 <= self.hop <= self.frame
        limits = 0 <= self.low_hz < self.high_hz <= self.rate_hz / 2
        if not (sizes and limits and self.frames >= 1 and self.bands >= 1 and self.floor > 0):
            raise InputError(
                "E116",
                f"{self} cannot be used",
                cause="a frame has an even number of samples up to 2048, a hop at most as many, there is at least one "
                "frame and band, limits rise from 0 up to half of the rate, and the floor is above 0",
            )

    @property
    def samples(self) -> int:
        """Samples that the frames reach over."""
        return self.frame + (self.frames - 1) * self.hop

    @property
    def fft(self) -> int:
        """Length of the transform: the power of two from 16 on that holds a frame."""
        return max(16, 1 << (self.frame - 1).bit_length())


def mel(f: Num[np.ndarray, " place"]) -> Float[np.ndarray, " place"]:
    """Return places on the mel scale of frequencies in Hz."""
    found: Float[np.ndarray, " place"] = 2595 * np.log10(1 + f / 700)
    return found


def tables(made: MelFrames) -> FrontEnd:
    """Return the tables of what `made` describes.

    Raises:
        InputError: E116, when the transform is too short for a band to see anything.
    """
    angle = 2 * np.pi * np.arange(made.frame) / made.frame
    window = np.rint((1 - np.cos(angle)) / 2 * (2**WEIGHT_BITS - 1)).astype(np.int16)
    total = int(window.astype(np.int64).sum())
    largest = 2**WEIGHT_BITS * total // made.fft + ROUNDING
    shift = max(0, (largest * largest).bit_length() - 32)
    tone = made.floor * total / 2 / made.fft
    floor = min(max(round(tone * tone * 2.0 ** (WEIGHT_BITS - shift)), 1), 2**32 - 1)
    rising, edges = _triangles(made)
    return FrontEnd(window, twiddles(made.fft), rising, edges, log_table(), made.hop, shift, floor)


def _triangles(
    made: MelFrames,
) -> tuple[Integer[np.ndarray, " bin"], Integer[np.ndarray, " edge"]]:
    """Return how far each bin has risen to the next triangle's peak, and the bins where triangles begin."""
    width_hz = made.rate_hz / made.fft
    low, high = (float(m) for m in mel(np.array([made.low_hz, made.high_hz])))
    points = low + (high - low) / (made.bands + 1) * np.arange(made.bands + 2)
    places = mel(np.arange(made.fft // 2) * width_hz)
    # all triangles are 0 at a frequency of 0 and at the highest; a bin that an edge falls on begins the next one
    edges = np.searchsorted(places, points - 1e-9 * high).clip(1)
    bins = np.arange(int(edges[0]), int(edges[-1]))
    side = np.searchsorted(edges, bins, side="right") - 1
    risen = (places[bins] - points[side]) / (points[side + 1] - points[side])
    rising = np.rint(np.clip(risen, 0, 1) * 2**WEIGHT_BITS).astype(np.uint16)
    for band in range(made.bands):
        if not rising[side == band].any() and not (rising[side == band + 1] < 2**WEIGHT_BITS).any():
            raise InputError(
                "E116",
                f"band {band} of {made.bands}, {_hz(points[band])} to {_hz(points[band + 2])} Hz, sees nothing",
                cause=f"a transform of {made.fft} samples has a number every {width_hz:g} Hz",
                hint="take fewer bands, a longer frame, or a higher lowest frequency",
            )
    return rising, edges.astype(np.uint16)


def _hz(place: float) -> str:
    return f"{700 * (10 ** (place / 2595) - 1):.0f}"


@dataclass(frozen=True, eq=False)
class LoweredFrontEnd:
    """The front end in integers.

    Attributes:
        made: what it computes.
        front: its tables up to the logarithms.
        zero, factor, shift: what makes 8-bit numbers of logarithms, band by band.
    """

    made: MelFrames
    front: FrontEnd
    zero: Integer[np.ndarray, " band"]
    factor: Integer[np.ndarray, " band"]
    shift: int

    def items(
        self, values: Int16[np.ndarray, " spoken"], offsets: Integer[np.ndarray, " edge"]
    ) -> Int16[np.ndarray, "item sample"]:
        """Return recordings `values[offsets[i]:offsets[i + 1]]` as items, see the module."""
        return items(self.made, values, offsets)

    def features(self, raw: Int16[np.ndarray, "item sample"]) -> Int8[np.ndarray, "item frame band"]:
        """Return what the network sees of items."""
        found = np.zeros((len(raw), self.made.frames, self.made.bands), np.int8)
        for first in range(0, len(raw), _AT_ONCE):
            part = raw[first : first + _AT_ONCE]
            found[first : first + _AT_ONCE] = front_end(self.front, part, self.zero, self.factor, self.shift)
        return found

    def operation(self, image: bool = False) -> tuple[Op, list[Tensor]]:
        """Return the first operation of a graph, from tensor `raw` to `heard`, with its tensors.

        Args:
            image: whether `heard` is an image (frame, band, 1), or a sequence (1, frame, band) with channels last.
        """
        made, front = self.made, self.front
        consts = {
            "window": front.window,
            "twiddle": front.twiddle,
            "rising": front.rising,
            "edges": front.edges,
            "log": front.log,
            "zero": self.zero,
            "factor": self.factor,
        }
        shape = (made.frames, made.bands, 1) if image else (1, made.frames, made.bands)
        tensors = [
            Tensor("raw", "int16", (made.samples, 1), "input"),
            *(Tensor(f"front_{n}", str(a.dtype), a.shape, "const", a) for n, a in consts.items()),
            Tensor("heard", "int8", shape, "scratch", scale=SCALE),
        ]
        attributes = {
            "frame": made.frame,
            "hop": made.hop,
            "fft": made.fft,
            "power_shift": front.power_shift,
            "floor": front.floor,
            "shift": self.shift,
        }
        reads = {"x": "raw", **{name: f"front_{name}" for name in consts}}
        return Op("front_end", reads, {"y": "heard"}, attributes), tensors


def items(
    made: MelFrames, values: Int16[np.ndarray, " spoken"], offsets: Integer[np.ndarray, " edge"]
) -> Int16[np.ndarray, "item sample"]:
    """Return recordings `values[offsets[i]:offsets[i + 1]]` as items, see the module."""
    return last_samples(values, offsets, made.frame, made.hop, made.samples)


def lower_front_end(
    made: MelFrames, values: Int16[np.ndarray, " spoken"], offsets: Integer[np.ndarray, " edge"]
) -> LoweredFrontEnd:
    """Return the front end, with the mean and deviation of each band over the frames of training recordings.

    Frames of nothing but zeros do not count: they stand for no sound at all.

    Raises:
        InputError: E116, when `made` cannot be built; E104, when a band never changes.
    """
    front = tables(made)
    found: list[Int[np.ndarray, "row band"]] = []
    for first in range(0, len(offsets) - 1, _AT_ONCE):
        raw = items(made, values, offsets[first : first + _AT_ONCE + 1])
        frames = np.lib.stride_tricks.sliding_window_view(raw, made.frame, axis=1)[:, :: made.hop]
        frames = frames.reshape(-1, made.frame)
        found.append(log_mel(front, frames[frames.any(axis=1)]))
    logs = np.concatenate(found) if found else np.zeros((0, made.bands), np.int64)
    deviation = logs.std(axis=0) if len(logs) else np.zeros(made.bands)
    if not deviation.all():
        raise InputError(
            "E104",
            f"band {int((deviation == 0).argmax())} of the recordings never changes",
            cause=f"they have {len(logs)} frames with sound",
            hint="give recordings of what is to be heard",
        )
    factor, shift = factors(1 / (SCALE * deviation))
    return LoweredFrontEnd(made, front, np.rint(logs.mean(axis=0)).astype(np.int32), factor, shift)


def with_front_end(lowered: Lowered, end: LoweredFrontEnd) -> Lowered:
    """Return the network `lowered` behind the front end: a graph that reads 16-bit samples.

    The network reads the numbers of the front end as they are: frames as steps with bands for channels, as an image of
    one channel, or as one vector, frame after frame.

    Raises:
        InputError: E126, when a count of the network's input stands for something else, or its shape is another.
    """
    graph, made = lowered.graph, end.made
    (given,) = graph.kind("input")
    shapes = ((1, made.frames, made.bands), (made.frames, made.bands, 1), (made.frames * made.bands,))
    if lowered.scale != SCALE or lowered.limits != (-LIMIT, LIMIT):
        low, high = lowered.limits
        raise InputError(
            "E126",
            "the network cannot read the numbers of the front end",
            cause=f"its input has counts of {lowered.scale:g} from {low} to {high}, and not of {SCALE:g} from "
            f"{-LIMIT} to {LIMIT}",
            hint=f"quantise it with examples that say so: Examples(..., input_scale={SCALE})",
        )
    if given.shape not in shapes:
        raise InputError(
            "E126",
            f"the network reads items of shape {given.shape}, channels last, and not what the front end makes",
            cause=f"{made.frames} frames of {made.bands} bands have shape {shapes[0]}, {shapes[1]} or {shapes[2]}",
        )
    op, tensors = end.operation()
    taken = {tensor.name for tensor in graph.tensors} - {given.name}
    names = {tensor.name: _free(tensor.name, taken) for tensor in tensors}
    heard = names[op.outputs["y"]]
    first = replace(op, inputs=_renamed(op.inputs, names), outputs={"y": heard})
    before = [replace(t, name=names[t.name]) for t in tensors]
    before[-1] = replace(before[-1], shape=given.shape)
    rest = [replace(op, inputs=_renamed(op.inputs, {given.name: heard})) for op in graph.whole]
    joined = (*before, *(t for t in graph.tensors if t is not given))
    return replace(
        lowered,
        graph=replace(graph, tensors=joined, whole=(first, *rest)),
        scale=1.0,
        limits=(-(2**15), 2**15 - 1),
    )


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _renamed(inputs: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {role: names.get(name, name) for role, name in inputs.items()}
