"""Recordings for a network behind an audio front end: how `--front-end` is read, and what a network takes of them.

`mel`, or with settings `mel:bands=20,frame=256`, says what the integer front end makes (`sarto.deploy.lower.front_end`)
of one channel of 16-bit samples:

| setting | what | without it |
|---|---|---|
| `rate` | samples in a second | as the data say |
| `frame` | samples of a frame | the power of two next to 32 ms |
| `hop` | samples from frame to frame | half a frame |
| `frames` | that the network sees | as many as a second has |
| `bands` | numbers of a frame | 32 |
| `low`, `high` | Hz where the first band begins and the last one ends | 60, half of the rate |
| `floor` | amplitude below which all is silence | 8 |
| `layout` | of an item: `steps` (band, frame), `image` (1, frame, band), `vector` (frame after frame) | `steps` |

The levels of the bands are those of the recordings that are trained on. Items are recordings as the device hears them:
their last frames, silence before.

>>> settings("mel:bands=20,layout=image")
{'bands': 20.0, 'layout': 'image'}
>>> frames({"bands": 20.0}, 8000).samples
7936
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int16

from sarto.core.dataset import Dataset
from sarto.core.graph.front_end import SCALE
from sarto.data.examples import Examples, Parts, read_examples
from sarto.deploy.lower.front_end import MelFrames, items, lower_front_end
from sarto.models.input_error import InputError
from sarto.search.shrink_folder import ShrinkRequest
from sarto.search.shrink_image import Images

NAMES = ("rate", "frame", "hop", "frames", "bands", "low", "high", "floor")
LAYOUTS = ("steps", "image", "vector")
BANDS, LOW_HZ, FLOOR, FRAME_S = 32, 60.0, 8.0, 0.032
Settings = Mapping[str, float | str]


def settings(text: str) -> dict[str, float | str]:
    """Return the settings in a text such as `mel:bands=20`.

    Raises:
        InputError: E135, naming the one that is unknown or no number above 0.
    """
    kind, _, rest = text.partition(":")
    if kind != "mel":
        raise _refused(
            f"there is no front end '{kind}'", "mel is the one there is", "say mel, or mel:bands=20"
        )
    found: dict[str, float | str] = {}
    for part in rest.split(",") if rest else []:
        name, _, value = part.partition("=")
        if name == "layout" and value in LAYOUTS:
            found[name] = value
        elif name in NAMES and _number(value) is not None:
            found[name] = _number(value) or 0.0
        else:
            raise _refused(
                f"the setting '{part}' of the front end cannot be used",
                f"settings are {', '.join(NAMES)} with a number, and layout with {', '.join(LAYOUTS)}",
                "write mel:bands=20,frame=256",
            )
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def frames(chosen: Settings, rate_hz: float | None) -> MelFrames:
    """Return what is made of samples at `rate_hz`.

    Raises:
        InputError: E135, without a rate, or where a count is no whole number; E116, where it cannot be built.
    """

    def number(name: str, otherwise: float) -> float:
        return float(chosen.get(name, otherwise))

    def count(name: str, otherwise: int) -> int:
        value = number(name, otherwise)
        if value != int(value):
            raise _refused(
                f"{name}={value:g} of the front end is no whole number", "it is a count", "round it"
            )
        return int(value)

    rate = number("rate", rate_hz or 0)
    if not rate:
        raise _refused(
            "nothing says how many samples a second has",
            "the data have no rate, and the front end no setting `rate`",
            "write mel:rate=8000",
        )
    frame = count("frame", 1 << round(math.log2(FRAME_S * rate)))
    hop = count("hop", frame // 2)
    whole = max(1, 1 + int(rate - frame) // hop) if hop else 1
    return MelFrames(
        rate,
        frame,
        hop,
        count("frames", whole),
        count("bands", BANDS),
        number("low", LOW_HZ),
        number("high", rate / 2),
        number("floor", FLOOR),
    )


@dataclass(frozen=True)
class Ear:
    """What is made of samples, and how its numbers lie in an item."""

    made: MelFrames
    layout: str

    def heard(self, images: Images, fit: Examples, *others: Examples) -> tuple[Images, list[Examples]]:
        """Return images behind the front end, with the levels of `fit`, and what a network sees of all recordings."""
        assert fit.samples is not None
        offsets = np.arange(len(fit) + 1) * self.made.samples
        end = lower_front_end(self.made, fit.samples.reshape(-1), offsets)
        found: list[Examples] = []
        for part in (fit, *others):
            assert part.samples is not None
            x = end.features(part.samples) * np.float32(SCALE)
            if self.layout == "image":
                x = x[:, None]
            else:
                x = x.reshape(len(x), -1) if self.layout == "vector" else x.swapaxes(1, 2)
            found.append(replace(part, x=np.ascontiguousarray(x, np.float32), input_scale=SCALE))
        return replace(images, front=end), found

    def check(self, shape: tuple[int, ...], part: Examples) -> None:
        """Refuse a network that takes another shape than `part` has.

        Raises:
            InputError: E135.
        """
        if shape != part.shape:
            raise _refused(
                f"the network takes items of shape {shape}, and the front end makes {part.shape}",
                "frames and bands lie as the setting `layout` says, as many as `frames` and `bands` say",
                "write --front-end mel:layout=image, or other frames and bands",
            )


def read_parts(request: ShrinkRequest, images: Images | None) -> tuple[Parts, Ear | None]:
    """Return what may be learned from and what is tested on; of recordings the samples, and what is made of them.

    Raises:
        SartoError: E135, for data that are no recordings of one channel in 16 bits, and as `settings` and `frames`;
            and whatever reading the data says.
    """
    if request.front_end is None:
        return read_examples(request.data, request.seed), None
    from sarto.data.load import load
    from sarto.data.splits import split

    chosen = settings(request.front_end)
    if images is None:
        raise _refused(
            "--front-end without --device",
            "a front end is a part of an image, and a file has none",
            "say which device the network is for: sarto devices",
        )
    data = load(request.data)
    ear = Ear(frames(chosen, data.rate_hz), str(chosen.get("layout", LAYOUTS[0])))
    samples = items(ear.made, _samples(data), data.offsets)
    target = data.target.astype(np.int64)
    found = Examples(samples.astype(np.float32), target, data.classes, data.groups, samples=samples)
    whole = found.numbered()
    parts = split(data, request.seed)
    return Parts(whole.select(parts.train), whole.select(parts.test), parts.how), ear


def _samples(data: Dataset) -> Int16[np.ndarray, " spoken"]:
    values, limits = data.values, np.iinfo(np.int16)
    low, high = float(values.min()), float(values.max())
    whole = bool((values == np.rint(values)).all())
    if values.shape[1] != 1 or not whole or low < limits.min or high > limits.max:
        raise _refused(
            f"{data.name} cannot be heard: {values.shape[1]} channels, numbers from {low:g} to {high:g}",
            "the front end takes one channel of 16-bit samples, whole numbers from -32768 to 32767",
            "bring one channel, and floats times 32767",
        )
    return values[:, 0].astype(np.int16)


def _refused(message: str, cause: str, hint: str) -> InputError:
    return InputError("E135", message, cause=cause, hint=hint)
