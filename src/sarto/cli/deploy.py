"""Copy the deployable files of a finished model into a project, after checking their hashes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from sarto.cli import _answer
from sarto.cli._kinds import COUNT, ChoiceKind
from sarto.cli._verb import json_option, verb
from sarto.core.errors import SartoError

if TYPE_CHECKING:
    from sarto.audit.selftest import SelfTest
    from sarto.core.evidence import Evidence
    from sarto.deploy.c.learn import Learning
    from sarto.deploy.guard import Guards
    from sarto.measure.onnx import OnnxFile

MANIFEST, GRAPH, LIST = "artifact.json", "graph.npz", "deployed.json"
ONNX, EVIDENCE, HARNESS, LISTS = "model.onnx", "evidence.jsonl", "harness.ld", "CMakeLists.txt"
FORMAT = "sarto-deployed/1"
SOURCES = {".c", ".h", ".ld"}
"""What is deployed besides the graph; other files of the manifest, such as pinned inputs, stay."""


@verb("deploy", example="sarto deploy out/ --to cmake -o firmware/model/")
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "form",
    required=True,
    type=ChoiceKind("c", "cmake", "onnx"),
    help="What to deploy: the C sources, a CMake project of them with a harness for your board, or an ONNX file.",
)
@click.option(
    "-o", "--out", "folder", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Where to."
)
@click.option(
    "--guard",
    metavar="GUARD",
    help="What is checked before answers: flash, code, flash:16, abft, abft:all, copy:2kB, or several: flash,abft.",
)
@click.option(
    "--self-test", "inputs", metavar="N", type=COUNT, help="Add a self-test of N inputs: selftest.c."
)
@click.option(
    "--learn",
    metavar="METHOD",
    help="Learn on the device: rls, recursive least squares from the fitted readout, rls:50, or rls:blank.",
)
@json_option
def command(
    out: Path,
    form: str,
    folder: Path,
    guard: str | None,
    inputs: int | None,
    learn: str | None,
    as_json: bool,
) -> None:
    """Deploy the model in OUT: check its files against the manifest and copy them to DIR.

    The project of --to cmake builds with the GCC for the device as it stands: cmake -B build && cmake --build build.
    Its harness runs stored inputs on your board; sarto measure OUT --from-board FILE reads what it said. For the device
    host any compiler builds it, and its program reads samples from standard input.

    The file of --to onnx is for boards with Linux. It is made of a network, in integers (QDQ) if that is what it
    computes in, was run here in ONNX Runtime, and said what the model says; how far, and its latency here, is written
    beside it. Of a model with widths there is a file for each, and one with the weights that all of them read. It takes
    the extra nn.

    With --guard the model first checks a sum over the flash, its own code included, and says that it has no answer
    where that is wrong: all of the flash, all but the weights (code), or with flash:16 a sixteenth at every answer. It
    learns the sum at its first answer after the start. With abft it holds the sums of fully connected layers, with
    abft:all also those of convolutions, to checksums of their weights, and computes a layer once more where they
    differ. With copy:2kB tables lie in the flash twice, those that do most harm for their bytes (copy: all), and where
    one is wrong the answer comes from the other. What it takes is measured. sarto audit OUT --faults --guard says what
    it is worth.

    With --self-test a function model_selftest runs inputs whose answers are stored, chosen so that wrong bits in the
    model show, and returns how many answers are other ones; how many faults it finds, beside random inputs of equal
    number, and what it takes are told.

    With --learn rls the device goes on learning: model_learn takes the class that the last answer should have been, and
    moves the readout, which lies in RAM, to the least squares of all it was told. It begins with the fitted readout,
    which counts for 30 samples (rls:50: for 50), or with nothing (rls:blank). All of it is in integers. What it takes,
    and an update, is measured.

    A list of what was written is kept in DIR, so that a later call can tell its own files from those that were edited:
    a file in DIR that is neither is never overwritten.
    """
    import hashlib

    from sarto.core.artifact import check_image
    from sarto.core.store import write_atomic
    from sarto.report import read_run

    if form == "onnx" and (guard is not None or inputs is not None):
        flag = "--self-test" if guard is None else "--guard"
        cause = "it is C beside the model's, for a microcontroller"
        raise SartoError("E112", f"{flag} with --to onnx", cause=cause, hint="leave it out, or deploy --to c")
    learning = None if learn is None else _learning(learn, form, guard, inputs)
    artifact = read_run(out).artifact
    if form != "onnx":
        check_image(out, artifact)
    listed = cast("Mapping[str, str]", artifact["files"])
    if strange := [name for name in listed if Path(name).name != name]:
        cause = "it lists a file outside the folder"
        raise SartoError(
            "E114", f"{MANIFEST}: '{strange[0]}' is not a file name", cause=cause, hint="make it again"
        )
    copied = [MANIFEST, *(name for name in listed if name == GRAPH or Path(name).suffix in SOURCES)]
    if form == "onnx":
        copied = [name for name in copied if name in (MANIFEST, GRAPH)]
    contents = {name: (out / name).read_bytes() for name in copied}
    made = _onnx(out, artifact, folder) if form == "onnx" else None
    if made is not None:
        contents |= {ONNX: made.data, **made.beside}
    if form == "cmake":
        from sarto.measure.from_board import project_files

        contents |= {name: text.encode() for name, text in project_files(out, artifact).items()}
    evidence = list(made.evidence) if made is not None else []
    if learning is not None:
        texts, evidence = _learned(out, learning)
        contents |= {name: text.encode() for name, text in texts.items()}
    if guard is not None:
        from sarto.deploy.guard import Guards, guarded_script

        guards = Guards.of(guard)
        texts, evidence = _guarded(out, form, guards)
        if guards.flash is not None and HARNESS in contents:
            texts[HARNESS] = guarded_script(contents[HARNESS].decode(), guards.flash.weights)
        contents |= {name: text.encode() for name, text in texts.items()}
    if inputs is not None:
        from sarto.deploy.c.selftest import main_with_selftest

        tested = _tested(out, form, inputs)
        contents |= {name: text.encode() for name, text in tested.sources.items()}
        contents["main.c"] = main_with_selftest(contents["main.c"].decode()).encode()
        if LISTS in contents:
            contents[LISTS] = contents[LISTS].replace(b"STATIC model.c)", b"STATIC model.c selftest.c)")
        evidence += tested.evidence
    if evidence:
        lines = "".join(json.dumps(e.to_json(), sort_keys=True) + "\n" for e in evidence)
        contents[EVIDENCE] = lines.encode()
    files = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    gone = _check_target(folder, files)
    for name, content in contents.items():
        write_atomic(folder / name, content)
    for path in gone:
        path.unlink()
    write_atomic(
        folder / LIST, json.dumps({"format": FORMAT, "files": files}, indent=1, sort_keys=True) + "\n"
    )
    if as_json:
        told = {} if made is None else _told(made)
        if made is None and evidence:
            told["evidence"] = [e.to_json() for e in evidence]
        _answer.document({"out": str(out), "to": form, "folder": str(folder), "files": files, **told})
        return
    rows = [(name, f"{len(contents[name])} B", sha256[:16]) for name, sha256 in files.items()]
    _answer.table(("file", "size", "sha256 begins"), rows, right=(1,))
    _answer.line(f"\n{len(files)} files checked and written to {folder}/, and listed in {LIST}")
    if made is not None:
        _show(made)
    if made is None and evidence:
        from sarto.cli._figures import show_figures

        _answer.line("\nwhat was added:\n" if learning is None else "\nwhat the model that learns takes:\n")
        show_figures(evidence)
    if form == "cmake":
        here, build = shlex.quote(str(folder)), shlex.quote(str(folder / "build"))
        _answer.line(f"build them with: cmake -S {here} -B {build} && cmake --build {build}")


def _onnx(out: Path, artifact: Mapping[str, Any], folder: Path) -> OnnxFile:
    """Return the model as an ONNX file, after running it.

    Raises:
        SartoError: E301, without what makes and runs it; else as `onnx_of_folder`.
    """
    try:
        from sarto.measure.onnx import onnx_of_folder
    except ModuleNotFoundError as error:
        raise SartoError(
            "E301",
            f"{error.name} is not installed",
            cause="ONNX files are made and run by the extra nn",
            hint="install torch for your machine, and then the extra: pip install 'sarto[nn]'",
        ) from error
    command = f"sarto deploy {shlex.quote(str(out))} --to onnx -o {shlex.quote(str(folder))}"
    return onnx_of_folder(out, artifact, command)


def _learning(text: str, form: str, guard: str | None, inputs: int | None) -> Learning:
    """Return how the device learns.

    Raises:
        SartoError: E167, for no way to learn, or with what else cannot go together with it.
    """
    from sarto.deploy.c.learn import Learning

    learning = Learning.of(text)
    others = {f"--to {form}": form != "c", "--guard": guard is not None, "--self-test": inputs is not None}
    for other in (name for name, given in others.items() if given):
        cause = "it holds the model to answers that are stored or checked, and learning changes them"
        if form == "onnx":
            cause = "it is C beside the model's, for a microcontroller"
        hint = "leave one of them out" if form == "c" else "deploy --to c"
        raise SartoError("E167", f"--learn with {other}", cause=cause, hint=hint)
    return learning


def _learned(out: Path, learning: Learning) -> tuple[dict[str, str], list[Evidence]]:
    """Return the sources of the model as one that learns, and what it takes."""
    from sarto.measure.learning import learn_folder

    command = f"sarto deploy {shlex.quote(str(out))} --to c --learn {learning}"
    return learn_folder(out, learning, command=command)


def _guarded(out: Path, form: str, guards: Guards) -> tuple[dict[str, str], list[Evidence]]:
    """Return the sources with guards, and what they take."""
    from sarto.measure.guard import guard_folder

    command = f"sarto deploy {shlex.quote(str(out))} --to {form} --guard {guards}"
    chosen: list[Evidence] = []
    if guards.copy is not None:
        from sarto.audit.faults.copies import choose_folder
        from sarto.cli._talk import open_talk

        talk, cache = open_talk(quiet=False), out / ".audit"
        copies, chosen = choose_folder(out, guards.copy, talk=talk, cache=cache, command=command)
        guards = replace(guards, copy=copies)
    sources, evidence = guard_folder(out, guards, command=command)
    return sources, [*evidence, *chosen]


def _tested(out: Path, form: str, inputs: int) -> SelfTest:
    """Return the self-test of the model in `out`."""
    from sarto.audit.selftest import selftest_folder

    command = f"sarto deploy {shlex.quote(str(out))} --to {form} --self-test {inputs}"
    return selftest_folder(out, inputs, command=command)


def _told(made: OnnxFile) -> dict[str, Any]:
    return {
        "integers": made.integers,
        "items": made.items,
        "evidence": [item.to_json() for item in made.evidence],
        "remarks": list(made.remarks),
    }


def _show(made: OnnxFile) -> None:
    """Print how far the file agrees, and how fast it is here."""
    from sarto.cli._figures import show_figures

    model = "the integer network" if made.integers else "the network, which computes in floats"
    _answer.line(f"\n{ONNX} beside {model}, on {made.items}:\n")
    show_figures(made.evidence)
    for text in made.remarks:
        _answer.remark(f"note: {text}")


def _check_target(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Refuse a folder with a file that would be lost; return those of an earlier call that are no longer wanted.

    Raises:
        SartoError: E113, with its name.
    """
    from sarto.core.store import file_sha256

    if folder.exists() and not folder.is_dir():
        raise SartoError(
            "E113", f"'{folder}' is a file", cause="a folder is needed", hint="choose another with -o"
        )
    earlier = _deployed_before(folder)
    for name, sha256 in files.items():
        path = folder / name
        blocked = [
            p for p in path.relative_to(folder).parents if (folder / p).exists() and not (folder / p).is_dir()
        ]
        if blocked or (
            path.exists() and not (path.is_file() and file_sha256(path) in (sha256, earlier.get(name)))
        ):
            raise SartoError(
                "E113",
                f"'{folder / blocked[0] if blocked else path}' would be overwritten",
                cause="it is not as sarto wrote it",
                hint="move it away, or choose another folder with -o",
            )
    inside = [name for name in earlier if not Path(name).is_absolute() and ".." not in Path(name).parts]
    left = {folder / name: earlier[name] for name in inside if name not in files}
    for path, sha256 in left.items():
        if path.is_file() and file_sha256(path) != sha256:
            raise SartoError(
                "E113",
                f"'{path}' is of an earlier model and was edited",
                cause="beside the new model it would not fit",
                hint="move it away, or choose another folder with -o",
            )
    return [path for path in left if path.is_file()]


def _deployed_before(folder: Path) -> dict[str, Any]:
    """Return file names and hashes of the list in `folder`, none when there is no list.

    Raises:
        SartoError: E113, when there is a file of that name which is something else.
    """
    path = folder / LIST
    if not path.exists():
        return {}
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
        if earlier["format"] == FORMAT:
            return dict(earlier["files"])
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise SartoError(
        "E113",
        f"'{path}' would be overwritten",
        cause="it is no list of sarto",
        hint="choose another folder with -o",
    )
