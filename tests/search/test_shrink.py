"""Shrinking: searches for recipes, what is kept of them, and runs that are stopped inside a step."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.compress.container import read
from sarto.core.checkpoints import Level
from sarto.core.errors import SartoError
from sarto.core.progress import Silent
from sarto.learn import loop
from sarto.search.shrink import shrink
from sarto.search.shrink_folder import FILE, ShrinkRequest

Make = Callable[..., ShrinkRequest]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """What makes a request on items that a small network learns, with a few quick passes."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 1, 2, 2)).astype(np.float32)
    np.savez("items.npz", x=x, y=(x.sum(axis=(1, 2, 3)) > 0).astype(int))

    def request(out: str, **given: Any) -> ShrinkRequest:
        settings: dict[str, Any] = {
            "recipe": None,
            "epochs": 3,
            "batch": 20,
            "rate": 0.02,
            "trials": 6,
        } | given
        return ShrinkRequest(model="mlp", data="items.npz", out=Path(out), **settings)

    return request


def stop_after(passes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """End the program when so many passes, or ends of a training, were kept."""
    kept, left = Level.write, [passes]

    def write(level: Level, content: bytes) -> None:
        kept(level, content)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    monkeypatch.setattr(Level, "write", write)


def passes_run(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows with every pass that is run from now on."""
    batches, seen = loop.batches, list[int]()

    def recorded(items: int, size: int, seed: int, epoch: int) -> Any:
        seen.append(epoch)
        return batches(items, size, seed, epoch)

    monkeypatch.setattr(loop, "batches", recorded)
    return seen


STEPS = 7
"""Of a pass over the 135 items that are trained on."""


@pytest.mark.parametrize(
    ("recipe", "mttf_s"),
    [
        ("distil,rate:1e-5:values=2,dead_units,settle", 1e-12),  # a checkpoint after every step
        ("gradual:0.5,codebook:2", 1e-12),
        ("gradual:0.5,qat:4", None),
        ("ternary", None),
    ],
)
def test_a_recipe_that_was_stopped_in_a_pass_comes_to_the_same_file(
    make: Make, recipe: str, mttf_s: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(make("whole", recipe=recipe), Silent())
    # All of the network's own training, its end, and two of three passes, or of the second pass three steps.
    kept = 3 + 1 + 2 if mttf_s is None else 3 * STEPS + 1 + STEPS + 3
    with monkeypatch.context() as patched:
        stop_after(kept, patched)
        with pytest.raises(KeyboardInterrupt):
            shrink(make("stopped", recipe=recipe, mttf_s=mttf_s), Silent())
    assert not Path("stopped", "verdict.json").exists()
    run = passes_run(monkeypatch)
    shrink(make("stopped", recipe=recipe), Silent())
    assert run[0] == (2 if mttf_s is None else 1)  # the pass of the first step that was not done
    assert Path("stopped", FILE).read_bytes() == Path("whole", FILE).read_bytes()
    assert not Path("stopped", ".work").exists()


def test_the_search_finds_a_file_within_its_limit_and_goes_on_where_it_was_stopped(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: dict[str, Any] = {"recipe": "gradual:auto,codebook:auto,rans", "flash_b": 1500.0, "max_drop": 0.3}
    whole = shrink(make("whole", **limits), Silent())
    assert whole.verdict.fits
    best = {p["flash"]: p for p in whole.points if p.name != "as given" and p["flash"] <= 1500}
    chosen = min(best.values(), key=lambda p: (p["validation error"], p["flash"]))
    assert Path("whole", FILE).stat().st_size == chosen["flash"]
    assert "was chosen: --with gradual:" in whole.remarks[-1]
    with monkeypatch.context() as patched:
        stop_after(20, patched)
        with pytest.raises(KeyboardInterrupt):
            shrink(make("stopped", **limits), Silent())
    again = shrink(make("stopped", **limits), Silent())
    assert [(p.name, p.settings, p["flash"]) for p in again.points] == [
        (p.name, p.settings, p["flash"]) for p in whole.points
    ]
    assert Path("stopped", FILE).read_bytes() == Path("whole", FILE).read_bytes()
    steps = json.loads(Path("whole", "recipe.json").read_text())
    assert [step["method"] for step in steps] == ["gradual", "codebook", "rans"]


def test_without_a_recipe_several_race(make: Make) -> None:
    result = shrink(make("out", flash_b=300.0, trials=5), Silent())
    tried = {p.settings["recipe"].split(":")[0] for p in result.points if "recipe" in p.settings}
    assert {"distil,gradual", "distil,channels"} <= tried
    assert len(result.points) <= 6


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"recipe": "gradual:auto"}, "nothing says how small the network of 'gradual:auto' is to be"),
        ({}, "neither a recipe nor a limit"),
        ({"recipe": "distil:auto,rans", "flash_b": 100.0}, "the amount of step 'distil' cannot be auto"),
        ({"recipe": "px:auto:rounds=3:oops=1", "flash_b": 100.0}, "no setting 'oops'"),
    ],
)
def test_a_search_that_cannot_be_understood_is_refused_before_anything_is_written(
    make: Make, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(SartoError, match=said) as caught:
        shrink(make("out", **given), Silent())
    assert caught.value.code == "E133"
    assert not Path("out", "verdict.json").exists()


def test_when_every_trial_is_refused_the_reason_of_the_first_is_told(make: Make) -> None:
    with pytest.raises(SartoError, match="keeps") as caught:
        shrink(make("out", recipe="rate:auto:values=200", flash_b=100.0, trials=2), Silent())
    assert caught.value.code == "E128"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("mlp", "the weights of net.safetensors are not read for 'mlp'"),
        ("net.onnx", "are not read for 'net.onnx'"),
        ("net.py", "are not read for 'net.py'"),
    ],
)
def test_a_state_that_nobody_would_read_is_refused(make: Make, model: str, said: str) -> None:
    with pytest.raises(SartoError, match=said) as caught:
        shrink(replace(make("out", recipe="ptq:8"), model=model, state="net.safetensors"), Silent())
    assert caught.value.code == "E130"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("net.py", "'net.py' names no function"),
        ("net.onnx:main", "there is no network 'net.onnx:main'"),
        ("net.pt", "net.pt is no ONNX file"),
    ],
)
def test_what_is_no_network_is_refused(make: Make, model: str, said: str) -> None:
    for name in ("net.py", "net.onnx", "net.pt"):
        Path(name).write_bytes(b"\x80\x04}.")
    with pytest.raises(SartoError, match=said) as caught:
        shrink(replace(make("out", recipe="ptq:8"), model=model), Silent())
    assert caught.value.code == "E130"
    assert model != "net.pt" or "pickles" in caught.value.hint


def test_a_setting_that_cannot_be_is_refused_before_a_network_is_trained(make: Make) -> None:
    with pytest.raises(SartoError, match="start=foo"):
        shrink(make("out", recipe="magnitude:auto,codebook:auto:start=foo", flash_b=100.0), Silent())
    assert not Path("out").exists()


def test_a_refusal_is_told_the_same_when_it_comes_out_of_the_store(make: Make) -> None:
    said: list[str] = []
    for _ in range(2):
        with pytest.raises(SartoError, match="keeps") as caught:
            shrink(make("out", recipe="rate:auto:values=200", flash_b=100.0, trials=1), Silent())
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert "hint" in said[0]


def test_a_recipe_that_a_step_refuses_leaves_the_folder_to_another(make: Make) -> None:
    Path("net.py").write_text(
        "from torch import nn\ndef make():\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))\n"
    )
    with pytest.raises(SartoError, match="E128"):
        shrink(replace(make("out", recipe="codebook:2:tuned=false,ternary"), model="net.py:make"), Silent())
    assert not Path("out").exists()
    result = shrink(replace(make("out", recipe="codebook:2:tuned=false"), model="net.py:make"), Silent())
    assert Path("out", FILE).is_file()
    assert result.points


def test_a_training_without_progress_ends_after_its_patience(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = passes_run(monkeypatch)
    shrink(make("out", recipe="codebook:2:tuned=false", epochs=60, rate=1.0, patience=2), Silent())
    assert 3 <= len(seen) < 60


def test_numbers_of_bits_alone_are_each_tried_once(make: Make) -> None:
    result = shrink(make("out", recipe="codebook:auto:tuned=false", flash_b=1e5, trials=12), Silent())
    recipes = [p.settings["recipe"] for p in result.points if "recipe" in p.settings]
    assert sorted(recipes) == [f"codebook:{bits}:tuned=False" for bits in (2, 3, 4, 5)]


def test_a_network_that_is_no_better_than_one_class_is_said(make: Make) -> None:
    Path("net.py").write_text(
        "import torch\nfrom torch import nn\ndef make():\n    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))\n"
        "    net[1].weight.data = torch.tensor([[1.0], [-1.0]]) * torch.ones(2, 4)\n    return net\n"
    )  # it sums, as the classes do, and has them the other way round
    result = shrink(replace(make("out", recipe="ptq:8"), model="net.py:make"), Silent())
    assert any("the network given is right on" in text and "always saying" in text for text in result.remarks)


def test_a_file_that_is_thousands_of_times_smaller_is_still_read_back(make: Make) -> None:
    Path("net.py").write_text(
        "import torch\nfrom torch import nn\ndef make():\n"
        "    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 900), nn.ReLU(), nn.Linear(900, 900), nn.ReLU(),\n"
        "                        nn.Linear(900, 2))\n"
        "    for p in net.parameters():\n        p.data.zero_().view(-1)[0] = 1.0\n    return net\n"
    )
    result = shrink(replace(make("out", recipe="best"), model="net.py:make"), Silent())
    with pytest.raises(SartoError, match="E132"):  # what a stranger's file of that size may not ask for
        read(Path("out", FILE))
    assert result.verdict.fits


def test_a_step_that_prunes_nothing_is_refused(make: Make) -> None:
    with pytest.raises(SartoError, match="prunes nothing") as caught:
        shrink(make("out", recipe="magnitude:0.5,snip:0.5"), Silent())
    assert caught.value.code == "E133" and "all its weights" in str(caught.value.cause)
