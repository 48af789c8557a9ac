"""`sarto deploy`: hashes are checked, and no file of someone else is lost."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sarto.cli import deploy
from sarto.core.evidence import Evidence
from sarto.core.store import file_sha256
from sarto.deploy.c.learn import Learning
from sarto.deploy.guard import FlashSum, Guards
from sarto.measure import guard
from sarto.measure.onnx import OnnxFile
from tests.cli.stand_in import call
from tests.report.records import recorded
from tests.report.sample import Sample

FILES = {"model.c", "model.h", "main.c", "graph.npz", "artifact.json"}


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished output folder beside the working folder's other contents."""
    monkeypatch.chdir(tmp_path)
    folder = Sample().write(Path("out"))
    (folder / "pinned.npz").write_text("inputs")
    manifest = json.loads((folder / "artifact.json").read_text())
    manifest["files"]["pinned.npz"] = file_sha256(folder / "pinned.npz")
    (folder / "artifact.json").write_text(json.dumps(manifest))
    return recorded(folder)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_files_and_their_manifest_are_copied(out: Path) -> None:
    result = call("deploy", "out", "--to", "c", "-o", "firmware/model")
    assert result.exit_code == 0, result.stderr
    target = Path("firmware/model")
    assert names(target) == FILES | {"deployed.json"}
    assert all((target / name).read_bytes() == (out / name).read_bytes() for name in FILES)
    assert "5 files checked and written to firmware/model/, and listed in deployed.json" in result.stdout
    listed = json.loads((target / "deployed.json").read_text())
    assert listed["files"] == {name: file_sha256(target / name) for name in FILES}


def test_json(out: Path) -> None:
    document = json.loads(call("deploy", "out", "--to", "c", "-o", "x", "--json").stdout)
    assert document == {
        "out": "out",
        "to": "c",
        "folder": "x",
        "files": {n: file_sha256(out / n) for n in document["files"]},
    }
    assert set(document["files"]) == FILES


def test_deploying_twice_changes_nothing_and_a_new_model_replaces_the_old(out: Path) -> None:
    assert call("deploy", "out", "--to", "c", "-o", "x").exit_code == 0
    assert call("deploy", "out", "--to", "c", "-o", "x").exit_code == 0
    manifest = json.loads((out / "artifact.json").read_text())
    (out / "model.c").write_text("int y;\n")
    manifest["files"]["model.c"] = file_sha256(out / "model.c")
    (out / "artifact.json").write_text(json.dumps(manifest))
    recorded(out)
    assert call("deploy", "out", "--to", "c", "-o", "x").exit_code == 0
    assert Path("x/model.c").read_text() == "int y;\n"


@pytest.mark.usefixtures("out")
@pytest.mark.parametrize("name", ["main.c", "artifact.json", "deployed.json"])
def test_a_foreign_or_edited_file_is_never_overwritten(name: str) -> None:
    Path("x").mkdir()
    Path("x", name).write_text("mine")
    result = call("deploy", "out", "--to", "c", "-o", "x")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error[E113]: 'x/{name}' would be overwritten\n")
    assert names(Path("x")) == {name}
    assert Path("x", name).read_text() == "mine"


@pytest.mark.usefixtures("out")
def test_an_edited_file_of_an_earlier_call_is_kept() -> None:
    call("deploy", "out", "--to", "c", "-o", "x")
    Path("x/main.c").write_text("my loop")
    assert call("deploy", "out", "--to", "c", "-o", "x").exit_code == 2
    assert Path("x/main.c").read_text() == "my loop"


@pytest.mark.usefixtures("out")
def test_other_files_of_the_folder_are_left_alone() -> None:
    Path("x").mkdir()
    Path("x/app.c").write_text("mine")
    assert call("deploy", "out", "--to", "c", "-o", "x").exit_code == 0
    assert Path("x/app.c").read_text() == "mine"


def test_a_changed_file_is_not_deployed(out: Path) -> None:
    (out / "model.c").write_text("int changed;\n")
    result = call("deploy", "out", "--to", "c", "-o", "x")
    assert result.exit_code == 2
    assert result.stderr.startswith("error[E114]: model.c: ")
    assert not Path("x").exists()


def test_a_manifest_that_leads_outside_is_refused(out: Path) -> None:
    manifest = json.loads((out / "artifact.json").read_text())
    Path("secret").write_text("x")
    manifest["files"]["../secret"] = file_sha256(Path("secret"))
    (out / "artifact.json").write_text(json.dumps(manifest))
    recorded(out)
    result = call("deploy", "out", "--to", "c", "-o", "a/x")
    assert result.exit_code == 2
    assert result.stderr.startswith("error[E114]: ")
    assert not Path("a").exists()


@pytest.mark.usefixtures("out")
def test_a_guard_comes_with_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def guarded(folder: Path, guards: Guards, **options: Any) -> tuple[dict[str, str], list[Evidence]]:
        asked.append((str(folder), guards, options))
        return {"model.c": "/* guarded */"}, [Evidence("flash of the guard", 240, "B", "measured", "ELF")]

    monkeypatch.setattr(guard, "guard_folder", guarded)
    result = call("deploy", "out", "--to", "c", "--guard", "code:4", "-o", "x")
    assert result.exit_code == 0, result.stderr
    command = "sarto deploy out --to c --guard code:4"
    assert asked == [("out", Guards(FlashSum(weights=False, parts=4)), {"command": command})]
    assert names(Path("x")) == FILES | {"deployed.json", "evidence.jsonl"}
    assert Path("x/model.c").read_text() == "/* guarded */"
    assert "flash of the guard" in result.stdout
    several = "abft:all, flash:4"
    document = json.loads(call("deploy", "out", "--to", "c", "--guard", several, "-o", "y", "--json").stdout)
    assert document["evidence"][0]["value"] == 240
    assert asked[-1][1:] == (
        Guards(FlashSum(parts=4), ("dense", "conv")),
        {"command": "sarto deploy out --to c --guard flash:4,abft:all"},
    )


def test_a_self_test_is_called_by_the_example(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (out / "main.c").write_text('#include "model.h"\nint main(void)\n{\n    model_init(&arena);\n}\n')
    manifest = json.loads((out / "artifact.json").read_text())
    manifest["files"]["main.c"] = file_sha256(out / "main.c")
    (out / "artifact.json").write_text(json.dumps(manifest))
    recorded(out)
    found = Evidence("self-test flash", 876, "B", "measured", "two images")

    def tested(folder: Path, form: str, inputs: int) -> Any:
        assert (str(folder), form, inputs) == ("out", "c", 8)
        return SimpleNamespace(sources={"selftest.c": "c", "selftest.h": "h"}, evidence=(found,))

    monkeypatch.setattr(deploy, "_tested", tested)
    result = call("deploy", "out", "--to", "c", "--self-test", "8", "-o", "x")
    assert result.exit_code == 0, result.stderr
    assert {"selftest.c", "selftest.h", "evidence.jsonl"} <= names(Path("x"))
    assert "    board_write_class(model_selftest(&arena));" in Path("x/main.c").read_text()
    assert "self-test flash" in result.stdout
    assert call("deploy", "out", "--to", "onnx", "--self-test", "8", "-o", "y").exit_code == 2


@pytest.mark.usefixtures("out")
def test_a_model_that_learns_comes_with_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Evidence("instructions per update", 81898, "instructions", "emulated", "unicorn", n=32)
    asked: list[Any] = []

    def learned(*arguments: Any, **more: Any) -> Any:
        asked.append((*arguments, more))
        return {"learn.c": "c", "learn.h": "h", "model.c": "other"}, [found]

    monkeypatch.setattr("sarto.measure.learning.learn_folder", learned)
    result = call("deploy", "out", "--to", "c", "--learn", "rls:50", "-o", "x")
    assert result.exit_code == 0, result.stderr
    assert {"learn.c", "learn.h", "model.c", "evidence.jsonl"} <= names(Path("x"))
    assert Path("x/model.c").read_text() == "other" and "instructions per update" in result.stdout
    command = {"command": "sarto deploy out --to c --learn rls:50"}
    assert asked == [(Path("out"), Learning(50), command)]


@pytest.mark.usefixtures("out")
@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--to", "c", "--learn", "lms"), "'lms' is no way to learn on a device"),
        (("--to", "cmake", "--learn", "rls"), "--learn with --to cmake"),
        (("--to", "onnx", "--learn", "rls"), "--learn with --to onnx"),
        (("--to", "c", "--learn", "rls", "--guard", "flash"), "--learn with --guard"),
        (("--to", "c", "--learn", "rls:blank", "--self-test", "4"), "--learn with --self-test"),
    ],
)
def test_learning_that_cannot_be(flags: tuple[str, ...], said: str) -> None:
    result = call("deploy", "out", *flags, "-o", "x")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0] == f"error[E167]: {said}"
    assert not Path("x").exists()


@pytest.mark.usefixtures("out")
@pytest.mark.parametrize(
    ("form", "text", "code"),
    [
        ("c", "crc", "E150"),
        ("c", "flash:x", "E150"),
        ("c", "flash,code", "E150"),
        ("c", "flash,", "E150"),
        ("c", "abft,abft:all", "E150"),
        ("c", "abft:conv", "E150"),
        ("onnx", "flash", "E112"),
    ],
)
def test_a_guard_that_cannot_be(form: str, text: str, code: str) -> None:
    result = call("deploy", "out", "--to", form, "--guard", text, "-o", "x")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error[{code}]: ")
    assert not Path("x").exists()


@pytest.mark.usefixtures("out")
def test_there_are_three_forms() -> None:
    result = call("deploy", "out", "--to", "tflite", "-o", "x")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[:2] == [
        "error[E112]: --to: 'tflite' is not one of the choices",
        "cause: there are c, cmake, onnx",
    ]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> OnnxFile:
    """What an ONNX file of the model is said to be."""
    common: dict[str, Any] = dict(how="measured", tool="onnxruntime 1 on a desk", n=3)
    evidence = (
        Evidence("share of the same class in ONNX", 1.0, "1", **common),
        Evidence("latency", 2e-5, "s", interval=(1e-5, 4e-5), **common),
    )
    found = OnnxFile(b"onnx", True, "3 items", evidence, ("mind the step",))

    def made(_out: Path, manifest: dict[str, Any], command: str) -> OnnxFile:
        assert manifest["files"] and command == "sarto deploy out --to onnx -o x"
        return found

    monkeypatch.setattr("sarto.measure.onnx.onnx_of_folder", made)
    return found


@pytest.mark.usefixtures("out")
def test_an_onnx_file_comes_with_its_evidence_and_without_the_c(network: OnnxFile) -> None:
    result = call("deploy", "out", "--to", "onnx", "-o", "x")
    assert result.exit_code == 0, result.stderr
    assert names(Path("x")) == {"artifact.json", "graph.npz", "model.onnx", "evidence.jsonl", "deployed.json"}
    assert Path("x/model.onnx").read_bytes() == network.data
    kept = [json.loads(line) for line in Path("x/evidence.jsonl").read_text().splitlines()]
    assert [Evidence.from_json(item) for item in kept] == list(network.evidence)
    for words in (
        "beside the integer network, on 3 items",
        "100 %",
        "20 µs",
        "10 µs to 40 µs",
        "note: mind the step",
    ):
        assert words in result.stdout, words
    told = json.loads(call("deploy", "out", "--to", "onnx", "-o", "x", "--json").stdout)
    assert (told["integers"], told["items"], told["remarks"]) == (True, "3 items", ["mind the step"])
    assert told["evidence"] == kept and "model.onnx" in told["files"]


@pytest.mark.usefixtures("out", "network")
def test_a_foreign_onnx_file_is_kept() -> None:
    Path("x").mkdir()
    Path("x/model.onnx").write_text("mine")
    result = call("deploy", "out", "--to", "onnx", "-o", "x")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        2,
        "error[E113]: 'x/model.onnx' would be overwritten",
    )
    assert names(Path("x")) == {"model.onnx"} and Path("x/model.onnx").read_text() == "mine"


@pytest.mark.usefixtures("out")
def test_without_its_packages_an_onnx_file_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    for name in ("sarto.measure.onnx", "sarto.measure.session"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    result = call("deploy", "out", "--to", "onnx", "-o", "x")
    assert (result.exit_code, Path("x").exists()) == (4, False)
    assert "pip install 'sarto[nn]'" in result.stderr


@pytest.mark.usefixtures("out")
def test_a_file_is_no_folder() -> None:
    Path("x").write_text("mine")
    result = call("deploy", "out", "--to", "c", "-o", "x")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (2, "error[E113]: 'x' is a file")


@pytest.mark.usefixtures("out")
def test_not_an_output_folder() -> None:
    result = call("deploy", "none", "--to", "c", "-o", "x")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        2,
        "error[E114]: 'none' is not an output folder",
    )


@pytest.mark.usefixtures("out")
def test_a_project_is_more_files_and_as_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"CMakeLists.txt": "project(x)\n", "harness/say.c": "void say(void);\n"}

    def project_files(_out: Path, manifest: dict[str, Any]) -> dict[str, str]:
        assert manifest["device"] == "cortex_m4"
        return files

    monkeypatch.setattr("sarto.measure.from_board.project_files", project_files)
    result = call("deploy", "out", "--to", "cmake", "-o", "x")
    assert result.exit_code == 0, result.stderr
    assert all(Path("x", name).read_text() == text for name, text in files.items())
    assert result.stdout.splitlines()[-1] == "build them with: cmake -S x -B x/build && cmake --build x/build"
    Path("x/harness/say.c").write_text("void my_uart(void);\n")
    again = call("deploy", "out", "--to", "cmake", "-o", "x")
    assert again.exit_code == 2
    assert again.stderr.startswith("error[E113]: 'x/harness/say.c' would be overwritten\n")
    other = call("deploy", "out", "--to", "c", "-o", "x")
    assert other.stderr.startswith("error[E113]: 'x/harness/say.c' is of an earlier model and was edited\n")
    Path("x/harness/say.c").write_text(files["harness/say.c"])
    assert call("deploy", "out", "--to", "c", "-o", "x").exit_code == 0
    left = {str(p.relative_to("x")) for p in Path("x").rglob("*") if p.is_file()}
    assert left == FILES | {"deployed.json"}, "nothing of the project lies beside another model"
    Path("y").mkdir()
    Path("y/harness").write_text("mine")
    blocked = call("deploy", "out", "--to", "cmake", "-o", "y")
    assert blocked.stderr.startswith("error[E113]: 'y/harness' would be overwritten\n")
    assert names(Path("y")) == {"harness"}, "nothing is half-written"


@pytest.mark.usefixtures("out")
def test_a_list_that_leads_outside_removes_nothing() -> None:
    call("deploy", "out", "--to", "c", "-o", "x")
    Path("mine.txt").write_text("mine")
    listed = json.loads(Path("x/deployed.json").read_text())
    listed["files"]["../mine.txt"] = file_sha256(Path("mine.txt"))
    Path("x/deployed.json").write_text(json.dumps(listed))
    assert call("deploy", "out", "--to", "c", "-o", "x").exit_code == 0
    assert Path("mine.txt").read_text() == "mine"
