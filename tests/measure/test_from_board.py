"""From a finished folder to a board and back: the project builds as it stands, its harness gives evidence."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from sarto.core.artifact import FORMAT, NAME, read_manifest, seal
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence, Ledger
from sarto.core.graph import save_arrays, save_graph
from sarto.core.store import file_sha256
from sarto.deploy.c.emit import emit
from sarto.deploy.c.program import image_sources, linker_script
from sarto.deploy.guard import Guards, guarded, guarded_script
from sarto.devices import device, microcontrollers
from sarto.measure import from_board, qemu
from sarto.measure.elf import read
from sarto.measure.from_board import MOST_SEQUENCES, harness_inputs, measure_from_board, project_files
from sarto.measure.instructions import check_instructions
from sarto.measure.model import RawSequences
from tests.core.graph.graphs import raw_words, small_graph
from tests.measure.example import needs_program, needs_qemu

GRAPH = small_graph(1, units=9, channels=5, classes=3, segments=2, segment_steps=3)
SILICON = {"cortex_m4": ("core 1091551809", "maker 765964"), "cortex_m7": ("core 1092600433", "maker 765964")}


def finished(out: Path, name: str, lengths: list[int] | None = None) -> Path:
    """Write what a finished folder has of a small model: its files and their manifest."""
    out.mkdir()
    raw, offsets = raw_words(5, lengths or [6, 1, 9, 13], 5)
    save_graph(GRAPH, out / "graph.npz")
    save_arrays({"raw": raw, "offsets": np.asarray(offsets, np.int64)}, out / "pinned.npz")
    core, around = device(name), image_sources()
    script = linker_script(core.flash, core.ram, 2048, around["link.ld"])
    for file, text in {**around, **emit(GRAPH), "link.ld": script}.items():
        (out / file).write_text(text, encoding="utf-8")
    hashes = {path.name: file_sha256(path) for path in out.iterdir()}
    manifest = seal({"format": FORMAT, "device": name, "optimise": "-Os", "files": hashes})
    (out / NAME).write_text(json.dumps(manifest), encoding="utf-8")
    return out


def deployed(out: Path, folder: Path) -> Path:
    """Write the project of `out` into `folder`."""
    (folder / "harness").mkdir(parents=True)
    for path in out.iterdir():
        shutil.copy(path, folder)
    for name, text in project_files(out, read_manifest(out)).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def built(folder: Path, *options: str) -> Path:
    """Build the project in `folder` as its first lines say, without a warning."""
    if shutil.which("cmake") is None:
        pytest.skip("needs the program cmake")
    said = ""
    for words in (["cmake", "-B", "build", *options], ["cmake", "--build", "build"]):
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        said += done.stdout + done.stderr
    assert "warning" not in said.lower()
    return folder / "build"


@pytest.mark.parametrize("name", microcontrollers())
def test_the_project_builds_as_it_stands(name: str, tmp_path: Path) -> None:
    core = device(name)
    needs_program("gcc", core)
    build = built(deployed(finished(tmp_path / "out", name), tmp_path / "project"))
    for program in ("example", "harness"):
        elf = read((build / f"{program}.elf").read_bytes())
        check_instructions(elf, core.cpu)
        assert min(address for address, _ in elf.loads) == core.flash.origin
        names = {s.name for s in elf.symbols}
        assert {"model_init", "model_step", "model_predict", "reset", "main"} <= names
        assert ("counter_call" in names) == (program == "harness")


def test_the_library_is_a_part_of_a_users_project(tmp_path: Path) -> None:
    """Built by the user's own toolchain, here the one of this host, and without the programs."""
    if shutil.which("gcc") is None:
        pytest.skip("needs the program gcc")
    deployed(finished(tmp_path / "out", "cortex_m4"), tmp_path / "app" / "model")
    (tmp_path / "app" / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(app C)\nadd_subdirectory(model)\n"
        "add_executable(app main.c)\ntarget_link_libraries(app PRIVATE model)\n"
    )
    (tmp_path / "app" / "main.c").write_text(
        '#include "model.h"\nstatic model_arena arena;\n'
        "int main(void) { model_init(&arena); return model_predict(&arena) < 0; }\n"
    )
    build = built(tmp_path / "app")
    assert subprocess.run([build / "app"], check=False).returncode == 0
    assert not (build / "model" / "harness.elf").exists()


@pytest.mark.parametrize(
    ("name", "guard"),
    [
        ("cortex_m0plus", False),
        ("cortex_m33", False),
        ("cortex_m4", False),
        ("cortex_m4", True),
        ("cortex_m7", False),
    ],
)
def test_what_qemu_says_is_emulated_evidence(name: str, guard: bool, tmp_path: Path) -> None:
    core = device(name)
    needs_qemu()
    needs_program("gcc", core)
    out, machine = finished(tmp_path / "out", name), qemu.MACHINES[core.emulator_cpu]
    script, project = tmp_path / "board.ld", deployed(out, tmp_path / "project")
    text = linker_script(machine.flash, machine.ram, 4096, image_sources()["link.ld"])
    if guard:  # it learns the sum of a program that it does not know, from another compiler
        sources = {file: (project / file).read_text() for file in ("model.c", "model.h")}
        (project / "model.c").write_text(guarded(sources, Guards.of("flash:2"))["model.c"])
        for file in ("link.ld", "harness.ld"):
            (project / file).write_text(guarded_script((project / file).read_text(), weights=True))
        text = guarded_script(text, weights=True)
    script.write_text(text)
    build = built(project, f"-DHARNESS_SCRIPT={script}")
    said = tmp_path / "said.txt"
    said.write_text(qemu.boot((build / "harness.elf").read_bytes(), machine))
    found = measure_from_board(out, said)
    assert [(e.what, e.how, e.unit) for e in found] == [
        ("ticks per sample in QEMU", "emulated", "ticks"),
        ("ticks per inference in QEMU", "emulated", "ticks"),
    ]
    assert [e.n for e in found] == [29, 4]
    assert all(e.tool.startswith("QEMU's Cortex-M") for e in found)
    assert list(Ledger(out / "evidence.jsonl")) == found


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return finished(tmp_path / "out", "cortex_m4")


@pytest.fixture
def said(out: Path) -> str:
    """What a board of silicon would say: QEMU's answers, under the name of a Cortex-M4 with its cycle counter."""
    needs_qemu()
    with np.load(out / "pinned.npz") as file:
        sequences = RawSequences(file["raw"], file["offsets"])
    core = device("cortex_m4")
    text = qemu.run(emit(GRAPH), core, sequences.listed(), model=GRAPH.sha256).said
    return named(text, "cortex_m4")


def named(text: str, name: str) -> str:
    lines = text.replace("systick", "cyccnt").splitlines()
    core, maker = SILICON[name]
    return "\n".join({"core": core, "maker": maker}.get(line.split(" ")[0], line) for line in lines) + "\n"


def measured(out: Path, text: str) -> list[Evidence]:
    path = out.parent / "said.txt"
    path.write_text(text, encoding="utf-8")
    return measure_from_board(out, path)


def test_what_silicon_says_is_measured_evidence(out: Path, said: str) -> None:
    found = {e.what: e for e in measured(out, said)}
    assert {what: e.how for what, e in found.items()} == {
        "cycles per sample on a board": "measured",
        "cycles per inference on a board": "measured",
        "latency on a board": "estimated",
        "energy on a board": "estimated",
    }
    cycles, latency = found["cycles per inference on a board"], found["latency on a board"]
    assert cycles.tool == "Cortex-M4 r0p1, CPUID 0x410fc241, SCS part 0x00c, cyccnt"
    assert cycles.subject_sha256 == GRAPH.sha256
    assert latency.value == pytest.approx(cycles.value / 80e6)
    counts = [
        int(line.split()[-1]) for line in said.splitlines() if line.startswith(("step 2 ", "predict 2 "))
    ]
    nothing = int(next(line.split()[1] for line in said.splitlines() if line.startswith("nothing")))
    assert cycles.interval is not None
    assert cycles.interval[0] <= sum(counts) - 10 * nothing <= cycles.interval[1]
    assert len(counts) == 10


def test_another_core_has_no_time_by_the_clock_of_this_one(out: Path, said: str) -> None:
    found = measured(out, named(said, "cortex_m7"))
    assert [e.what for e in found] == [
        "cycles per sample on a board with a Cortex-M7",
        "cycles per inference on a board with a Cortex-M7",
    ]


def test_windows_and_the_beginning_of_a_sequence(tmp_path: Path) -> None:
    """A sequence that the flash has no room for is run as far as it goes."""
    needs_qemu()
    out = finished(tmp_path / "out", "cortex_m4", [4000])
    with np.load(out / "pinned.npz") as file:
        whole = RawSequences(file["raw"], file["offsets"])
    cut = harness_inputs(whole, 2, 900)
    assert (len(cut), len(cut.raw)) == (1, 90)
    text = qemu.run(emit(GRAPH), device("cortex_m4"), cut.listed(), model=GRAPH.sha256).said
    assert [e.n for e in measured(out, named(text, "cortex_m4"))[:2]] == [90, 1]


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        (f"model {GRAPH.sha256}", "model 5eed", "E103", "is about another model"),
        ("inputs ", "inputs 0", "E103", "is about other inputs"),
        ("step 3 12 ", "steppe 3 12 ", "E103", "it says 'steppe 3 12"),
        ("core 1091551809", "core 1091551824", "E117", "cannot be told from an emulator"),
        ("end\n", "", "E103", "the line 'end' is missing"),
    ],
)
def test_what_is_not_about_this_model_is_refused(
    out: Path, said: str, old: str, new: str, code: str, words: str
) -> None:
    assert old in said
    with pytest.raises(SartoError, match=words) as caught:
        measured(out, said.replace(old, new))
    assert caught.value.code == code
    assert not (out / "evidence.jsonl").exists()


def test_steps_that_are_missing_at_the_end_of_a_sequence_are_noticed(out: Path, said: str) -> None:
    lines = [line for line in said.splitlines() if not line.startswith("step 3 12 ")]
    with pytest.raises(SartoError, match=r"E103.*is cut short"):
        measured(out, "\n".join(lines))


def test_one_wrong_score_is_a_disagreement(out: Path, said: str) -> None:
    line = next(line for line in said.splitlines() if line.startswith("sequence 3 "))
    wrong = f"{line.rpartition(' ')[0]} {int(line.rpartition(' ')[2]) + 1}"
    with pytest.raises(SartoError, match=r"E403.*the NumPy interpreter and the board") as caught:
        measured(out, said.replace(line, wrong))
    assert "1 of 4 scores" in caught.value.cause


def test_a_file_that_is_none(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SartoError, match="E101"):
        measure_from_board(out, out.parent / "none.txt")
    with pytest.raises(SartoError, match="E101"):
        measure_from_board(out, out)
    (out.parent / "log").write_bytes(b"\xff\xfe\x00" * 100)
    with pytest.raises(SartoError, match=r"E103.*cannot be read"):
        measure_from_board(out, out.parent / "log")
    monkeypatch.setattr(from_board, "MOST_TEXT_B", 100)
    with pytest.raises(SartoError, match=r"E103.*too large"):
        measure_from_board(out, out.parent / "log")


def test_inputs_are_spread_and_as_many_as_fit() -> None:
    raw = np.arange(200, dtype=np.int16).reshape(100, 2)
    hundred = RawSequences(raw, np.arange(101))
    assert len(harness_inputs(hundred, 2, 10**6)) == MOST_SEQUENCES
    ten = harness_inputs(hundred, 2, 40)
    assert len(ten) == 10
    assert ten.raw[[0, -1], 0].tolist() == [0, 198]
    assert len(harness_inputs(hundred, 2, 39)) == 9
    with pytest.raises(SartoError, match=r"E202.*3 B < 4 B"):
        harness_inputs(hundred, 2, 3)
