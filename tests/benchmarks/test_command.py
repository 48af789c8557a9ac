"""Commands run as a user would: exit status, output, processor time, and the README's own words."""

import sys
from pathlib import Path

import pytest

from benchmarks import _command
from benchmarks.help_time import imported
from benchmarks.kill_resume import running
from sarto.core.errors import SartoError


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_a_command_is_reported_as_it_ended(tmp_path: Path) -> None:
    done = _command.run(python("import sys; print(1); print(2, file=sys.stderr); sys.exit(3)"), tmp_path)
    assert (done.status, done.stdout, done.stderr) == (3, "1\n", "2\n")
    with pytest.raises(SartoError, match="exit status 3; 2") as caught:
        _command.check(done, "the example")
    assert caught.value.code == "E402"


def test_processor_time_counts_the_command_and_not_this_process(tmp_path: Path) -> None:
    busy = "import time\nwhile time.process_time() < 0.5: pass"
    assert 0.5 <= _command.run(python(busy), tmp_path).cpu_s < 1.5
    idle = _command.run(python("import time; time.sleep(0.6)"), tmp_path)
    assert idle.cpu_s < 0.5 < idle.wall_s


def test_memory_is_that_of_the_command(tmp_path: Path) -> None:
    before = _command.run(python("pass"), tmp_path).peak_b  # of the program itself, and of whoever starts it
    more = _command.run(python(f"bytearray({before} + 500_000_000)"), tmp_path).peak_b
    assert before + 400e6 < more < before + 900e6


def test_settings_of_this_user_do_not_reach_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SARTO_TRIALS", "1")
    seen = _command.run(python("import os; print(sorted(os.environ))"), tmp_path, {"MORE": "1"}).stdout
    assert "'MORE'" in seen
    assert "SARTO_" not in seen
    assert "_NUM_THREADS" not in seen


def test_the_fit_of_the_readme_is_run_as_after_its_installation_without_torch() -> None:
    words = _command.readme_fit("elsewhere", "--seed", "3")
    assert words[: len(_command.SARTO)] == list(_command.SARTO)
    expected = "fit BasicMotions --device cortex_m4 --flash 32KiB --ram 4KiB -o elsewhere --seed 3 "
    expected += "--families convolution,forest,random_features,reservoir,statistics"
    assert " ".join(words[len(_command.SARTO) :]) == expected


def test_heavy_and_network_modules_are_noticed(tmp_path: Path) -> None:
    heavy, network = imported(python("import sarto, numpy, socket"), tmp_path)
    assert "numpy" in heavy
    assert "torch" not in heavy
    assert "socket" in network
    assert imported(python("import sarto, json"), tmp_path) == ([], [])


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_processes_are_found_by_their_token(tmp_path: Path) -> None:
    token = "f00d" * 8
    assert running(token) == []
    seen = _command.run(
        python("import os, pathlib; print(os.getpid()); from benchmarks.kill_resume import running\n"
               "print(running(os.environ['BENCH_TOKEN']))"),
        tmp_path,
        {"BENCH_TOKEN": token, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    pid, found = seen.stdout.splitlines()
    assert found == f"[{pid}]"
    assert running(token) == []
