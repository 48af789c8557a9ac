"""Knobs: dry run, reading back, and setting back whatever ends the process; on folders in place of the kernel's."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sarto.core.errors import SartoError
from sarto.runtime.knobs import Call, Frequency, Knobs
from tests.cli.stand_in import environment


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A cpufreq policy from 200 MHz to 1.4 GHz."""
    folder = tmp_path / "cpufreq/policy0"
    folder.mkdir(parents=True)
    (folder / "scaling_min_freq").write_text("200000\n")
    (folder / "scaling_max_freq").write_text("1400000\n")
    return folder


def clocks(policy: Path) -> tuple[int, int]:
    return tuple(int((policy / f"scaling_{which}_freq").read_text()) for which in ("min", "max"))  # pyright: ignore[reportReturnType]


def knobs(policy: Path, act: bool = True) -> Knobs:
    return Knobs([Frequency(root=policy.parent)], act, policy.parent / "journal.json")


def test_nothing_is_set_unless_it_is_asked_for(policy: Path) -> None:
    with knobs(policy, act=False) as held:
        assert held.set("policy0", "700000000").state == "dry run"
    assert clocks(policy) == (200000, 1400000)
    assert not (policy.parent / "journal.json").exists()


def test_a_clock_is_set_read_back_and_set_back(policy: Path) -> None:
    with knobs(policy) as held:
        assert held.set("policy0", "700000000").state == "set"
        assert clocks(policy) == (700000, 700000)
        assert held.set("policy0", "700000000").state == "unchanged"
        assert held.set("policy0", "1000000000").got == "1000000000"
        first = json.loads((policy.parent / "journal.json").read_text())["first"]
        assert first == {"policy0": "200000000-1400000000"}
    assert clocks(policy) == (200000, 1400000)
    assert not (policy.parent / "journal.json").exists()


def test_the_least_is_never_above_the_most_on_the_way(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    write = Path.write_text

    def watched(path: Path, *args: str, **more: str) -> int:
        done = write(path, *args, **more)
        if "scaling" in path.name:
            seen.append(clocks(policy))
        return done

    monkeypatch.setattr(Path, "write_text", watched)
    with knobs(policy) as held:
        for value in ("300000000", "1300000000", "200000000"):
            assert held.set("policy0", value).state == "set"
    assert len(seen) == 8
    assert all(least <= most for least, most in seen)


def test_an_exception_sets_back(policy: Path) -> None:
    def work() -> None:
        with knobs(policy) as held:
            held.set("policy0", "700000000")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert clocks(policy) == (200000, 1400000)


@pytest.mark.parametrize("value", ["", "fast", "0", "900000000-300000000"])
def test_a_value_that_cannot_be_is_refused_and_nothing_changes(policy: Path, value: str) -> None:
    with knobs(policy) as held:
        assert held.set("policy0", value).state == "refused"
        assert clocks(policy) == (200000, 1400000)


def test_what_overrules_a_value_without_a_word_is_noticed() -> None:
    level = ["1"]
    with Knobs(
        [Call("level", lambda: min(level[0], "3"), lambda text: level.__setitem__(0, text))], act=True
    ) as held:
        applied = held.set("level", "5")
        assert (applied.state, applied.got, applied.why) == ("refused", "3", "3 was read back")
    assert level == ["1"]


def test_a_knob_that_vanishes_is_gone_and_told_when_it_is_set_back(policy: Path) -> None:
    held = knobs(policy)
    assert held.set("policy0", "700000000").state == "set"
    (policy / "scaling_max_freq").unlink()
    assert held.set("policy0", "900000000").state == "gone"
    assert "scaling_max_freq" in held.restore()["policy0"]
    # What could not be set back is not forgotten.
    (policy / "scaling_max_freq").write_text("700000\n")
    assert held.restore() == {}
    assert clocks(policy) == (200000, 1400000)


@pytest.mark.parametrize("how", ["overrules", "raises"])
def test_a_knob_that_is_refused_is_what_it_was_before(how: str) -> None:
    level = ["1"]

    def put(text: str) -> None:
        level[0] = min(text, "3")
        if how == "raises" and text > "3":
            raise OSError("too much")

    with Knobs([Call("level", lambda: level[0], put)], act=True) as held:
        assert held.set("level", "2").state == "set"
        assert held.set("level", "5").state == "refused"
        assert level == ["2"]
    assert level == ["1"]


class Odd:
    """A knob whose functions raise what they like."""

    def __init__(self) -> None:
        self.level, self.broken = "1", ""

    def get(self) -> str:
        if self.broken == "get":
            raise KeyError("level")
        return self.level

    def put(self, text: str) -> None:
        if self.broken == "put":
            raise RuntimeError("no connection")
        self.level = text


def test_whatever_a_function_raises_is_held_against_its_knob_alone() -> None:
    odd, level = Odd(), ["x"]
    other = Call("other", lambda: level[0], lambda text: level.__setitem__(0, text))
    with Knobs([other, Call("odd", odd.get, odd.put)], act=True) as held:
        held.set("other", "y")
        assert held.set("odd", "2").state == "set"
        odd.broken = "put"
        refused = held.set("odd", "3")
        assert (refused.state, refused.why) == ("refused", "no connection")
        odd.broken = "get"
        gone = held.set("odd", "3")
        assert (gone.state, gone.why) == ("gone", "it cannot be read: 'level'")
        odd.broken = "put"
    assert held.failed == {"odd": "no connection"}
    assert (odd.level, level) == ("2", ["x"])
    odd.broken = ""
    assert (held.restore(), odd.level) == ({}, "1")


BROKEN = """
import os, signal, sys
from sarto.runtime.knobs import Call, Knobs
level, armed = {"a": "1", "b": "1"}, []
def put(name, text):
    if armed and name == "a":
        raise RuntimeError("no")
    level[name] = text
    print(name, text, flush=True)
calls = [Call(name, lambda name=name: level[name], lambda text, name=name: put(name, text)) for name in "ab"]
with Knobs(calls, True) as held:
    held.set("b", "2")
    held.set("a", "2")
    armed.append(1)
    os.kill(os.getpid(), signal.SIGTERM)
    print("still there", flush=True)
"""


def test_a_signal_ends_the_process_although_a_knob_cannot_be_set_back() -> None:
    done = subprocess.run([sys.executable, "-c", BROKEN], capture_output=True, text=True, env=environment())
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "b 2\na 2\nb 1\n")


def test_what_never_changed_is_not_set_back() -> None:
    def put(_text: str) -> None:
        raise PermissionError("not allowed")

    with Knobs([Call("level", lambda: "1", put)], act=True) as held:
        assert held.set("level", "5").why == "not allowed"
    assert held.failed == {}


def test_clocks_are_compared_in_khz_as_the_kernel_counts(policy: Path) -> None:
    with knobs(policy) as held:
        assert held.set("policy0", "733333333").got == "733333000"
        assert held.set("policy0", "733333333-733333334").state == "unchanged"


def test_what_ends_with_the_process_is_not_for_the_next_to_set_back(policy: Path) -> None:
    journal, level = policy.parent / "journal.json", ["1"]
    mine = Call("mine", lambda: level[0], lambda text: level.__setitem__(0, text), local=True)
    with Knobs([Frequency(root=policy.parent), mine], True, journal) as held:
        held.set("mine", "2")
        assert not journal.exists()
        held.set("policy0", "700000000")
        held.set("mine", "3")
        assert list(json.loads(journal.read_text())["first"]) == ["policy0"]
    assert level == ["1"]


PROGRAM = """
import sys, time
from pathlib import Path
from sarto.runtime.knobs import Frequency, Knobs
root = Path(sys.argv[1])
with Knobs([Frequency(root=root)], True, root / "journal.json") as held:
    if sys.argv[2] == "set":
        print(held.set("policy0", "700000000").state, flush=True)
        time.sleep(60)
"""


def started(policy: Path, what: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", PROGRAM, str(policy.parent), what]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_sets_back_and_ends_the_process(policy: Path, number: signal.Signals) -> None:
    process = started(policy, "set")
    assert process.stdout is not None
    assert process.stdout.readline() == "set\n"
    assert clocks(policy) == (700000, 700000)
    process.send_signal(number)
    assert process.wait(timeout=30) in (-number, 1, 130)
    process.stdout.close()
    assert clocks(policy) == (200000, 1400000)


def test_after_a_kill_the_next_start_sets_back(policy: Path) -> None:
    process = started(policy, "set")
    assert process.stdout is not None
    assert process.stdout.readline() == "set\n"
    # While it runs nobody else may.
    with pytest.raises(SartoError, match="is in use"):
        knobs(policy).recover()
    process.kill()
    process.wait(timeout=30)
    process.stdout.close()
    assert clocks(policy) == (700000, 700000)
    after = started(policy, "nothing")
    assert after.wait(timeout=30) == 0
    assert after.stdout is not None
    after.stdout.close()
    assert clocks(policy) == (200000, 1400000)
    assert not (policy.parent / "journal.json").exists()


def test_a_damaged_journal_is_not_thrown_away(policy: Path) -> None:
    (policy.parent / "journal.json").write_text("{")
    with pytest.raises(SartoError, match="cannot be read"):
        knobs(policy).recover()
    assert (policy.parent / "journal.json").exists()


def test_a_journal_of_a_knob_that_is_gone_says_so(policy: Path) -> None:
    told = {"process": 2**22 + 1, "started": "", "first": {"policy7": "1", "policy0": "200000000-1400000000"}}
    (policy.parent / "journal.json").write_text(json.dumps(told))
    (policy / "scaling_min_freq").write_text("700000\n")
    assert knobs(policy).recover() == {"policy7": "there is no such knob now"}
    assert clocks(policy) == (200000, 1400000)


def test_two_knobs_of_one_name_are_refused() -> None:
    with pytest.raises(SartoError, match="knobs a, a"):
        Knobs([Call("a", str, str), Call("a", str, str)])
    with pytest.raises(KeyError):
        Knobs([]).set("a", "1")


def test_handlers_of_signals_are_those_of_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Knobs([]):
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
    assert time.monotonic() > 0


def test_a_file_that_a_kill_left_empty_is_written_again(policy: Path) -> None:
    told = {"process": 2**22 + 1, "started": "", "first": {"policy0": "200000000-1400000000"}}
    (policy.parent / "journal.json").write_text(json.dumps(told))
    (policy / "scaling_max_freq").write_text("")
    assert knobs(policy).recover() == {}
    assert clocks(policy) == (200000, 1400000)
