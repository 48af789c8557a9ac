"""`sarto compress`: a recipe on a network of the user's, its screen, its exit codes, and what is left behind."""

# pyright: reportUnknownMemberType=false

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sarto.compress.container import read
from sarto.core.graph import load_graph
from sarto.report import card, html, read_run
from tests.cli.stand_in import call

RECIPE = "magnitude:0.5,codebook:2,rans"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with labelled items, and a network that was not trained."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(160, 1, 2, 2)).astype(np.float32)
    np.savez("items.npz", x=x, y=(x.sum(axis=(1, 2, 3)) > 0).astype(int))
    weights: dict[str, Any] = {
        "w": rng.normal(size=(4, 16)),
        "b": np.zeros(16),
        "v": rng.normal(size=(16, 2)),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["f"], name="flat"),
            helper.make_node("Gemm", ["f", "w", "b"], ["h"], name="hidden"),
            helper.make_node("Relu", ["h"], ["r"], name="bend"),
            helper.make_node("MatMul", ["r", "v"], ["y"], name="out"),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), "net.onnx")
    return tmp_path


def compress(*words: str, recipe: str = RECIPE, model: str = "net.onnx") -> Any:
    """Run the verb with a few quick passes."""
    settings = ("--epochs", "3", "--batch", "20", "--rate", "0.02")
    return call("compress", model, "--data", "items.npz", "--with", recipe, *settings, "-o", "small", *words)


def test_a_network_is_shrunk_and_every_byte_accounted_for(folder: Path) -> None:
    result = compress("--flash", "1kB", "--max-drop", "60%", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    file = folder / "small" / "network.sarto"
    evidence = {e["what"]: e for e in told["evidence"]}
    assert evidence["flash"]["value"] == file.stat().st_size == sum(row[2] for row in told["bytes"]["rows"])
    assert "storage only" in evidence["flash"]["tool"]
    assert {"test accuracy", "given test accuracy", "compression"} <= set(evidence)
    assert [p["name"] for p in told["points"]] == ["as given", *RECIPE.split(",")]
    sizes = [next(e["value"] for e in p["evidence"] if e["what"] == "flash") for p in told["points"]]
    assert sizes[-1] == sizes[-2] < 0.5 * sizes[0]  # a coder changes nothing, codebooks do
    assert np.count_nonzero(read(file).arrays()["hidden.weight"]) < 64
    run = read_run(folder / "small")
    assert run.stored and told["artifact_sha256"] == run.artifact["sha256"]
    assert run.artifact["files"].keys() == {"network.sarto"}
    assert run.artifact["input"]["shape"] == [1, 2, 2]
    assert run.artifact["model"]["weights_not_0"] < 64 < run.artifact["model"]["weights_in_file"] == 96
    assert run.chosen == run.points[-1].name == "rans"
    assert run.provenance["search"]["threads"] == 1
    assert "6 passes over the training items in all, 1 thread" in card(run)
    assert run.points[1].settings["density"] == 0.5
    assert (folder / "small" / "report.html").read_text(encoding="utf-8") == html(run)
    assert (folder / "small" / "card.md").read_text(encoding="utf-8") == card(run)
    training = run.tables["training"]
    assert training.column("step") == ("magnitude:0.5",) * 3 + ("codebook:2",) * 3
    assert training.column("pass") == (1, 2, 3) * 2
    best = min(training.rows[3:], key=lambda row: float(row[4]))
    assert run.points[-1]["validation accuracy"] == best[5], "the pass of the least validation loss was kept"


def test_the_screen_says_what_was_lost_and_a_finished_call_is_not_repeated(folder: Path) -> None:
    first = compress()
    assert first.exit_code == 0, first.stderr
    for words in ("point", "codebook:2", "hidden.weight", "total", "times smaller", "of the test items"):
        assert words in first.stdout
    again = compress()
    assert "nothing was run" in again.stdout
    assert first.stdout.splitlines()[-8:] == again.stdout.splitlines()[-8:]
    other = compress("--seed", "1")
    assert (other.exit_code, "error[E113]" in other.stderr) == (2, True)
    kept = (folder / "small" / "network.sarto").read_bytes()
    (folder / "small" / "network.sarto").write_bytes(b"changed")
    assert "network.sarto is changed" in compress().stderr
    (folder / "small" / "network.sarto").write_bytes(kept)
    (folder / "small" / "front.json").write_text("[]")
    assert "error[E114]" in compress().stderr


def test_a_budget_that_is_not_met_is_exit_code_3_with_everything_written(folder: Path) -> None:
    result = compress("--flash", "50B")
    assert result.exit_code == 3
    assert "error[E202]: flash " in result.stderr and " in a file, storage only (over by " in result.stderr
    assert "hint: raise --flash to " in result.stderr
    assert "The file does not fit, storage only: flash is " in result.stdout
    assert (folder / "small" / "network.sarto").is_file()


@pytest.mark.parametrize(
    ("recipe", "model", "code"),
    [
        ("magnitud:0.5", "net.onnx", "E133"),
        ("magnitude:0.5", "nett.onnx", "E130"),
        ("magnitude:0.5", "items.npz", "E130"),
        ("magnitude:0.5", "cnn1d", "E121"),
    ],
)
def test_bad_input_is_worded_and_nothing_is_left_behind(
    folder: Path, recipe: str, model: str, code: str
) -> None:
    result = compress(recipe=recipe, model=model)
    assert result.exit_code == 2
    assert f"error[{code}]" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (folder / "small").exists()


@pytest.mark.parametrize(
    ("limit", "cause"),
    [
        (("--ram", "1kB"), "a file has no RAM"),
        (("--energy", "1uJ"), "a file is not run"),
        (("--widths", "4"), "a width is an argument of generated code"),
    ],
)
def test_a_file_has_no_limits_of_a_device(folder: Path, limit: tuple[str, str], cause: str) -> None:
    result = compress(*limit)
    assert (result.exit_code, "error[E112]" in result.stderr, cause in result.stderr) == (2, True, True)
    assert f"{limit[0]} without --device" in result.stderr and not (folder / "small").exists()


def test_a_named_network_is_trained_first(folder: Path) -> None:
    result = compress(model="mlp", recipe="codebook:3")
    assert result.exit_code == 0, result.stderr
    assert "mlp was trained first, for at most 3 passes" in result.stdout


def test_outputs_that_are_not_the_classes_are_refused(folder: Path) -> None:
    with np.load("items.npz") as held:
        x = held["x"]
    np.savez("items.npz", x=x, y=np.arange(len(x)) % 3)
    result = compress()
    assert (result.exit_code, "error[E122]" in result.stderr) == (2, True)
    assert "3 classes" in result.stderr


def test_integers_are_judged_as_integers(folder: Path) -> None:
    result = compress("--json", recipe="ptq:8")
    assert result.exit_code == 0, result.stderr
    evidence = {e["what"]: e for e in json.loads(result.stdout)["evidence"]}
    assert evidence["test accuracy"]["tool"] == "the integer graph of its file, in NumPy"
    assert evidence["given test accuracy"]["tool"] == "the network as it was given"
    assert load_graph(folder / "small" / "graph.npz").whole
