"""Shrinking for a device that hears: from recordings to an image that takes samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.core.errors import SartoError
from sarto.core.graph import infer, load_graph
from sarto.core.progress import Silent
from sarto.deploy.lower.front_end import MelFrames, with_front_end
from sarto.deploy.lower.network import lower_network
from sarto.deploy.onnx.floats import float_model
from sarto.measure.model import measure_folder, read_pinned
from sarto.measure.onnx import onnx_of_folder
from sarto.models.network.module import Network
from sarto.models.network.named import named
from sarto.report import read_run
from sarto.search.shrink import shrink
from sarto.search.shrink_folder import ShrinkRequest
from sarto.search.shrink_heard import frames, read_parts, settings
from sarto.search.shrink_image import images_of
from tests.cli.stand_in import call

MEL = "mel:rate=8000,frame=64,hop=32,frames=8,bands=5,low=100"
SAMPLES = 64 + 7 * 32
Make = Callable[..., ShrinkRequest]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """What makes a request on high and low tones of several lengths, which a small network tells apart."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    sounds = list[np.ndarray]()
    for item in range(80):
        tone = 0.2 + 1.6 * (item % 2) + 0.2 * rng.random()
        n = np.arange(rng.integers(250, 700))
        sounds.append(np.rint(rng.uniform(500, 20000) * np.sin(tone * n) + rng.normal(0, 30, len(n))))
    offsets = np.cumsum([0, *map(len, sounds)])
    np.savez("tones.npz", x=np.concatenate(sounds).astype(np.int16), offsets=offsets, y=np.arange(80) % 2)

    def request(**given: Any) -> ShrinkRequest:
        settings: dict[str, Any] = {
            "model": "cnn2d",
            "data": "tones.npz",
            "out": Path("out"),
            "recipe": "ptq:8",
        }
        settings |= {"front_end": f"{MEL},layout=image", "device": "cortex_m4", "epochs": 6, "batch": 20}
        settings["rate"] = 0.01
        return ShrinkRequest(**(settings | given))

    return request


def test_the_image_takes_samples(make: Make) -> None:
    result = shrink(make(), Silent())
    told = {e.what: e.value for e in result.evidence}
    assert told["test accuracy"] == told["given test accuracy"] == 1
    run, graph, pinned = read_run(Path("out")), load_graph(Path("out/graph.npz")), read_pinned(Path("out"))
    (given,) = graph.kind("input")
    assert (graph.whole[0].kind, given.shape, given.dtype) == ("front_end", (SAMPLES, 1), "int16")
    assert pinned.raw.shape == (20 * SAMPLES, 1)
    assert sorted(np.bincount(infer(graph, pinned.raw.reshape(20, SAMPLES, 1)).classes)) == [10, 10]
    assert run.artifact["input"]["front_end"]["bands"] == 5 and run.artifact["input"]["shape"] == [SAMPLES]
    assert told["instructions per inference"] > 8 * 1000
    assert "8000 in a second" in Path("out/model.h").read_text(encoding="utf-8")
    again = {e.what: e.value for e in measure_folder(Path("out"), None, Silent())}
    assert again["flash"] == told["flash"]
    assert call("report", "out").exit_code == call("deploy", "out", "--to", "c", "-o", "c").exit_code == 0
    with pytest.raises(SartoError, match="hears samples"):
        onnx_of_folder(Path("out"), run.artifact, "")


@pytest.mark.parametrize(("model", "layout"), [("mlp", "vector"), ("cnn1d", "steps"), ("cnn2d", "image")])
def test_samples_say_what_their_numbers_say(make: Make, model: str, layout: str) -> None:
    """Which they would not if frames and bands changed places on the way."""
    request = make(front_end=f"{MEL},layout={layout}")
    images = images_of(request, "", Path("cache"))
    parts, ear = read_parts(request, images)
    assert ear is not None and images is not None
    images, (rest, test) = ear.heard(images, parts.rest, parts.test)
    small = ptq.quantise(State(Network(named(model, rest.shape, 2), 0)), Evaluation(rest, rest)).network
    plain = lower_network(small, rest.classes)
    assert images.front is not None
    whole = with_front_end(plain, images.front)
    of_samples, of_numbers = infer(whole.graph, whole.given(test)), infer(plain.graph, plain.given(test))
    assert of_samples.scores.tolist() == of_numbers.scores.tolist()
    assert len(np.unique(of_numbers.scores, axis=0)) == len(test)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"device": None}, "--front-end without --device"),
        ({"front_end": "mfcc"}, "there is no front end 'mfcc'"),
        ({"front_end": "mel:bands=many"}, "the setting 'bands=many'"),
        ({"front_end": "mel:rate=8000,bands=5.5"}, r"bands=5\.5 of the front end is no whole number"),
        ({"front_end": "mel:layout=cube"}, "the setting 'layout=cube'"),
        ({"front_end": "mel:frame=64,frames=8"}, "how many samples a second has"),
        ({"data": "floats.npz"}, "floats cannot be heard: 1 channels, numbers from -0.5 to 0.5"),
        ({"model": "net.onnx"}, r"items of shape \(5, 9\), and the front end makes \(1, 8, 5\)"),
    ],
)
def test_what_cannot_be_heard_is_refused(make: Make, given: dict[str, Any], words: str) -> None:
    np.savez("floats.npz", x=np.array([[0.5, -0.5]] * 8), y=np.arange(8) % 2)
    network = named("cnn1d", (5, 9), 2)
    Path("net.onnx").write_bytes(float_model(network, Network(network).arrays(), ("0", "1")))
    with pytest.raises(SartoError, match=words) as caught:
        shrink(make(**given), Silent())
    assert caught.value.code == "E135" and not Path("out").exists()


def test_what_is_not_said_is_one_second() -> None:
    wanted = MelFrames(16000, frame=512, hop=256, frames=61, bands=32, low_hz=60, high_hz=8000, floor=8)
    assert frames(settings("mel"), 16000.0) == wanted
    assert frames(settings("mel:rate=8000,hop=160,high=3800"), None).samples == 256 + 48 * 160
