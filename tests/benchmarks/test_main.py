"""The runner: what it lists, prints and keeps, and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import benchmarks.__main__ as runner
from benchmarks._bench import Bench
from benchmarks._outcome import Figure, Outcome, at_least

ROOT = Path(__file__).parents[2]
NAMES = {
    "anytime",
    "big_file",
    "cells",
    "cells_searched",
    "channel_ties",
    "checkpoint",
    "undervolting",
    "continual",
    "conv_kernels",
    "cross_check",
    "decision_time",
    "decode_on_device",
    "dense_kernels",
    "dynamic_accuracy",
    "dynamic_accuracy_full",
    "manager_faults",
    "manager_live",
    "dynamic_c",
    "manager_simulated",
    "families",
    "faults_speed",
    "federated_exact",
    "federated_reservoir",
    "federated_rounds",
    "federated_scale",
    "federated_upload",
    "federated_vision",
    "fit_default",
    "fuzz_container",
    "graph_reservoir",
    "guard_copies",
    "guarded_image",
    "guards",
    "har_network",
    "har_reservoir",
    "hardened_training",
    "hardening",
    "help_time",
    "integer_memory",
    "keywords",
    "label_free",
    "kill_resume",
    "label_compas",
    "learn_8kb",
    "lenet300",
    "lenet5",
    "lorenz",
    "mackey_glass",
    "malformed_data",
    "mam_digits",
    "mam_ecg",
    "mam_speed",
    "memory_capacity",
    "narma10",
    "ntk",
    "paired_gain",
    "plasticity",
    "posit",
    "privacy_price",
    "prune_at_init",
    "random_networks",
    "reject",
    "reservoir_speed",
    "residual44k",
    "search_choices",
    "search_quality",
    "seeded_weights",
    "skab",
    "state_equality",
    "subgroups_compas",
    "subgroups_speed",
    "substrate_noise",
    "testlibrary",
    "tiny_models",
    "training_cost",
    "vowels",
    "who_loses",
}
SHOWN = ("bars met", "no result kept", "measured, nothing to be met")
FIELDS = {"value", "unit", "how", "n", "spread"}


def call(*words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    environment = {k: v for k, v in os.environ.items() if k != "SARTO_DATA"} | more
    command = [sys.executable, "-m", "benchmarks", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """A benchmark whose accuracy is .9, of which .92 was wanted."""
    module = ModuleType("example")
    module.__doc__ = "An example.\n\nMore words."
    module.__file__ = __file__

    def run(bench: Bench) -> Outcome:
        kept = bench.once({"seed": 0}, lambda: {"accuracy": 0.9})
        figures = {"accuracy": Figure(kept["accuracy"], "1", "measured", 5, (0.8, 1.0))}
        return Outcome(figures, () if bench.quick else (at_least("accuracy", kept["accuracy"], 0.92),))

    vars(module).update(MINUTES=3, run=run)

    def load(room: str, name: str) -> ModuleType:
        assert (room, name) == ("benchmarks", "example")
        return module

    monkeypatch.setattr(runner, "load_method", load)
    monkeypatch.setattr(runner, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(runner, "CACHE", tmp_path / "cache")
    return module


def main(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["benchmarks", *words])
    return runner.main()


def test_every_claim_has_a_benchmark_of_its_name() -> None:
    listed = {row["name"]: row for row in json.loads(call("--list", "--json").stdout)}
    assert set(listed) == NAMES
    for row in listed.values():
        assert row["claim"].endswith(".")
        assert row["minutes"] > 0
        assert row["last"].endswith(SHOWN)


def test_the_list_shows_each_in_one_line() -> None:
    lines = call("--list").stdout.splitlines()
    assert {line.split()[0] for line in lines} == NAMES


def test_an_unknown_name_is_an_error_with_a_hint() -> None:
    done = call("vowel")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error[E111]: 'vowel' is not a method of benchmarks" in done.stderr
    assert "hint: did you mean vowels" in done.stderr


@pytest.mark.parametrize("name", ["vowels", "har_reservoir"])
def test_without_real_data_the_reason_is_said(name: str) -> None:
    done = call(name, "--quick")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error[E101]: this benchmark needs" in done.stderr
    assert "cause: SARTO_DATA is not set" in done.stderr


def test_data_that_are_not_there_are_said_to_be_missing(tmp_path: Path) -> None:
    done = call("vowels", "--quick", SARTO_DATA=str(tmp_path / "none"))
    assert done.returncode == 2
    assert "which is no folder" in done.stderr


def test_a_missed_bar_is_printed_kept_and_ends_with_1(
    example: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(monkeypatch, "example") == 1
    said = capsys.readouterr()
    assert "takes about 3 min" in said.err
    assert any(line.split() == ["accuracy", ">=", "0.92", "0.9", "MISSED"] for line in said.out.splitlines())
    kept = runner.kept("example")
    assert kept is not None
    assert set(kept) == {"name", "figures", "bars", "environment"}
    assert kept["bars"] == [{"what": "accuracy", "wanted": ">= 0.92", "got": 0.9, "met": False}]
    assert set(kept["figures"]["accuracy"]) == FIELDS
    assert kept["figures"]["accuracy"]["spread"] == [0.8, 1.0]


def test_json_is_the_only_thing_on_stdout(
    example: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(monkeypatch, "example", "--json")
    assert json.loads(capsys.readouterr().out) == runner.kept("example")


def test_a_quick_run_judges_nothing_and_keeps_nothing(
    example: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(monkeypatch, "example", "--quick", "--json") == 0
    assert json.loads(capsys.readouterr().out)["bars"] == []
    assert runner.kept("example") is None


def test_fresh_forgets_what_was_cached(example: ModuleType, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"quick": False, "workers": 1}
    runner.run("example", fresh=False, **settings)
    (kept,) = (tmp_path / "cache" / "example" / "kept").iterdir()
    kept.write_text('{"accuracy": 0.95}', encoding="utf-8")
    assert runner.run("example", fresh=False, **settings)["bars"][0]["met"]
    assert not runner.run("example", fresh=True, **settings)["bars"][0]["met"]


def test_the_environment_names_no_place_of_this_machine(example: ModuleType) -> None:
    where = runner.run("example", quick=True, workers=1, fresh=False)["environment"]
    assert {"processor", "cores", "python", "packages"} <= set(where)
    text = json.dumps(where)
    assert str(Path.home()) not in text
    assert str(ROOT) not in text
    assert os.uname().nodename not in text
