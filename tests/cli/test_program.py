"""The program: its verbs, what help costs, and how every ending becomes an exit code."""

import json
import math
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import sarto
from sarto.core.rooms import methods
from tests.cli.stand_in import FIT, Search, call, environment, run, start

QUICK_CPU_S = 0.2
"""Architecture, section 6: most CPU of help over bare Python."""
RUNS = 60


def test_help_lists_every_verb_with_its_line() -> None:
    result = call("--help")
    assert result.exit_code == 0
    assert result.stderr == ""
    listed = [
        line.split()[0] for line in result.stdout.splitlines() if line.startswith("  ") and line.strip()
    ]
    assert set(methods("sarto.cli")) <= set(listed)
    assert {
        "adapt",
        "audit",
        "fit",
        "label",
        "measure",
        "compare",
        "compress",
        "deploy",
        "federate",
        "report",
        "devices",
        "methods",
        "doctor",
        "explain",
    } == set(methods("sarto.cli"))
    assert result.stdout.index("Commands:") < result.stdout.index("Options:")
    assert call("-h").stdout == result.stdout


def test_without_a_verb_help_is_talk_and_the_call_is_a_usage_error() -> None:
    result = call()
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Usage: sarto ")


def test_version() -> None:
    result = call("--version")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"sarto {sarto.__version__}\n", "")


def test_python_m_sarto_is_the_same_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sarto", "--version"]
    result = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, call("--version").stdout)


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("ft",), "error[E111]: 'ft' is not a command of sarto", "hint: did you mean fit?"),
        (
            ("xyzzy",),
            "error[E111]: 'xyzzy' is not a command of sarto",
            "hint: the commands are adapt, audit, compare, ",
        ),
        (("--verison",), "error[E112]: --verison is not an option of sarto", "hint: did you mean --version?"),
        (
            ("fit", "x", "--flsh", "1kB"),
            "error[E112]: --flsh is not an option of sarto fit",
            "hint: did you mean --flash?",
        ),
        (
            ("devices", "--xyzzy"),
            "error[E112]: --xyzzy is not an option of sarto devices",
            "hint: `sarto devices --help` shows",
        ),
        (
            ("fit",),
            "error[E112]: sarto fit needs DATA",
            "hint: as in: sarto fit BasicMotions --device cortex_m4 ",
        ),
        (
            ("fit", "x", "--device", "cortex_m4"),
            "error[E112]: sarto fit needs --out",
            "hint: as in: sarto fit ",
        ),
        (("fit", "x", "-o", "out"), "error[E112]: sarto fit needs --device", "hint: as in: sarto fit "),
        (
            ("explain", "E101", "E102"),
            "error[E112]: got unexpected extra argument (E102)",
            "hint: `sarto explain --help`",
        ),
        (
            ("fit", "x", "--flash"),
            "error[E112]: '--flash' requires an argument",
            "hint: `sarto fit --help` shows",
        ),
        (
            ("devices", "--json=1"),
            "error[E112]: '--json' does not take a value",
            "hint: `sarto devices --help`",
        ),
        (("devices", "cortexm4"), "error[E111]: 'cortexm4' is not a device", "hint: did you mean cortex_m4?"),
    ],
)
def test_usage_errors_name_what_is_near(words: tuple[str, ...], message: str, hint: str) -> None:
    result = call(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines[0] == message
    assert lines[-1].startswith(hint)


def test_an_unexpected_failure_is_one_error_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    def fail(talk: object) -> None:
        raise IndexError("list index out of range")

    Search(act=fail).install(monkeypatch.setattr)
    result = call(*FIT)
    assert result.exit_code == 1
    assert (
        "error[E000]: IndexError: list index out of range\ncause: this is a fault of Sarto" in result.stderr
    )
    assert "--debug" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("place", ["before", "after"])
def test_debug_shows_where_an_unexpected_failure_came_from(tmp_path: Path, place: str) -> None:
    words = ("--debug", *FIT) if place == "before" else (*FIT, "--debug")
    result = run(*words, cwd=tmp_path, fake="broken")
    assert result.returncode == 1
    assert "Traceback (most recent call last):" in result.stderr
    assert "ZeroDivisionError: 7 / 0" in result.stderr
    assert "error[E000]" in result.stderr


def test_debug_shows_no_traceback_of_a_mistake() -> None:
    result = call("devices", "cortexm4", "--debug")
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "words", [("devices", "x", "--json"), ("xyzzy", "--json"), ("fit", "--json", "--flsh")]
)
def test_with_json_an_error_is_a_document_too(words: tuple[str, ...]) -> None:
    result = call(*words)
    document = json.loads(result.stdout)
    assert result.exit_code == 2
    assert set(document) == {"error"}
    assert set(document["error"]) == {"code", "message", "cause", "hint"}
    assert result.stderr.startswith(f"error[{document['error']['code']}]: {document['error']['message']}\n")


def test_a_full_disk_is_no_fault_of_sarto(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    def full(talk: object) -> None:
        raise OSError(28, "No space left on device", "out/model.c")

    Search(act=full).install(monkeypatch.setattr)
    result = call(*FIT)
    assert result.exit_code == 2
    assert "error[E113]: 'out/model.c' cannot be written\ncause: No space left on device" in result.stderr


@pytest.mark.parametrize("json_flag", [(), ("--json",)])
def test_ctrl_c_keeps_the_work_and_says_so(tmp_path: Path, json_flag: tuple[str, ...]) -> None:
    process = start(*FIT, *json_flag, cwd=tmp_path, fake="slow")
    assert process.stderr is not None
    for line in process.stderr:
        if line == "waiting\n":
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.endswith("interrupted: the work is kept, and the same command resumes it\n")
    assert "Traceback" not in err
    if json_flag:
        assert json.loads(out)["error"]["message"].startswith("interrupted: ")
    else:
        assert out == ""


def test_ctrl_c_elsewhere_promises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("sarto.devices.devices", interrupt)
    result = call("devices")
    assert result.exit_code == 130
    assert result.stderr.strip() == "interrupted"


def test_a_reader_that_leaves_early_sees_no_traceback(tmp_path: Path) -> None:
    command = f"{sys.executable} -m sarto explain --json | head -c 10"
    result = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment(), check=False, capture_output=True, text=True
    )
    assert len(result.stdout) == 10
    assert result.stderr == ""


def test_an_encoding_without_a_sign_does_not_fail(tmp_path: Path) -> None:
    result = run("explain", "E110", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr


def cpu_s(*arguments: str, enough: float = 0.0) -> float:
    """Least CPU of runs of Python with `arguments`: what else runs only adds to it. One of `enough` ends the trying."""
    least = math.inf
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], env=environment(), check=False, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        if least <= enough:
            break
    return least


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("fit", "--help"),
        ("devices",),
        ("fit", "none.npz", "--device", "cortex_m4", "-o", "out"),
        ("fit", "x.npz", "--device", "cortex_m4", "-o", "out", "--cells", "esnn"),
    ],
    ids=" ".join,
)
def test_quick_answers_are_quick(words: tuple[str, ...]) -> None:
    bare = cpu_s("-c", "pass")
    assert cpu_s("-m", "sarto", *words, enough=bare + 0.99 * QUICK_CPU_S) - bare < QUICK_CPU_S


WATCH = """
import sys
def refuse(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(event)
sys.addaudithook(refuse)
from sarto.cli import main
try:
    main(sys.argv[1:])
except SystemExit as leaving:
    heavy = {"numpy", "scipy", "sklearn", "torch", "optuna", "matplotlib", "jinja2", "unicorn"} & set(sys.modules)
    print("HEAVY", heavy, leaving.code, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--help",), 0),
        (("fit", "--help"), 0),
        (("--version",), 0),
        (("devices",), 0),
        (("devices", "cortex_m4"), 0),
        (("methods",), 0),
        (("explain", "E203"), 0),
        (("fit", "x.npz", "--flsh", "1kB"), 2),
        (("fit", "none.npz", "--device", "cortex_m4", "-o", "out"), 2),
        (("fit", "BasicMotoins", "--device", "cortex_m4", "-o", "out"), 2),
        (("fit", "x.npz", "--device", "cortex_m9", "-o", "out"), 2),
        (("fit", "x.npz", "--device", "cortex_m4", "-o", "out", "--cells", "esnn"), 2),
        (("report", "none"), 2),
        (("compare", "none", "out", "--gate", "flash"), 2),
        (("deploy", "none", "--to", "c", "-o", "x"), 2),
    ],
)
def test_names_help_and_usage_errors_import_nothing_heavy(
    tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", WATCH, *words],
        cwd=tmp_path,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.stderr.splitlines()[-1] == f"HEAVY set() {code}"


def completions(words: str, tmp_path: Path) -> list[str]:
    """What the shell is offered after `words`."""
    asked = {
        "_SARTO_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    result = run(cwd=tmp_path, **asked)
    assert result.stderr == ""
    return [line.split(",", 1)[1] for line in result.stdout.splitlines()]


def test_completion(tmp_path: Path) -> None:
    assert completions("sarto de", tmp_path) == ["deploy", "devices"]
    assert completions("sarto fit --min", tmp_path) == ["--min-accuracy", "--min-r2"]
    assert completions("sarto fit --device cortex_m4", tmp_path) == ["cortex_m4"]
    assert completions("sarto compare a b --gate fl", tmp_path) == ["flash"]
    assert completions("sarto fit --cells esn,ri", tmp_path) == ["esn,ring"]
    assert completions("sarto explain e20", tmp_path)[:2] == ["E201", "E202"]
    assert completions("sarto fit --optimise o", tmp_path) == ["O2", "Os"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_printed(tmp_path: Path, shell: str) -> None:
    result = run(cwd=tmp_path, _SARTO_COMPLETE=f"{shell}_source")
    assert result.returncode == 0
    assert "_SARTO_COMPLETE" in result.stdout
    if shell == "bash":
        checked = subprocess.run(
            ["bash", "-n"], input=result.stdout, check=False, capture_output=True, text=True
        )
        assert (checked.returncode, checked.stderr) == (0, "")


def test_the_help_says_how_to_complete() -> None:
    assert 'eval "$(_SARTO_COMPLETE=bash_source sarto)"' in call("--help").stdout
