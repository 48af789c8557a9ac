"""Settings: flag > environment > file > default, and a misspelt one is refused."""

from pathlib import Path

import pytest

from sarto.cli._settings import read_config
from sarto.core.errors import SartoError
from tests.cli.stand_in import FIT, Search, call


def flash(search: Search) -> float | None:
    return search.requests[-1].budget.flash_b


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ({"flag", "environment", "file", "project"}, 40_000),
        ({"environment", "file", "project"}, 50_000),
        ({"file", "project"}, 60_000),
        ({"project"}, 70_000),
        (set[str](), None),
    ],
)
def test_precedence(folder: Path, search: Search, sources: set[str], expected: float | None) -> None:
    if "file" in sources:
        (folder / "sarto.toml").write_text('flash = "60kB"\n')
    if "project" in sources:
        (folder / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.sarto]\nflash = "70kB"\n')
    words = (*FIT, "--flash", "40kB") if "flag" in sources else FIT
    result = call(*words, **({"SARTO_FLASH": "50kB"} if "environment" in sources else {}))
    assert result.exit_code == 0, result.stderr
    assert flash(search) == expected


def test_a_file_can_set_every_kind_of_option(folder: Path, search: Search) -> None:
    (folder / "sarto.toml").write_text(
        'device = "cortex_m0plus"\nmin-accuracy = 0.8\ntrials = 12\nwhere = ["purity>=0.6", "site!=x"]\n'
        'channels = "watch*"\ncells = ["ring", "esn"]\nquiet = true\nsensor-scale = 0.5\ninstructions = 2000000\n'
        'time = "2min"\nsensor-bits = 8\n'
    )
    result = call("fit", "BasicMotions", "-o", "out")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    request = search.requests[-1]
    assert (request.device, request.budget.min_accuracy, request.trials) == ("cortex_m0plus", 0.8, 12)
    assert (request.where, request.channels) == (("purity>=0.6", "site!=x"), ("watch*",))
    assert (request.cells, request.sensor_scale, request.sensor_bits) == (("ring", "esn"), 0.5, 8)
    assert (request.budget.instructions, request.time_s) == (2_000_000, 120)


def test_the_environment_can_set_lists(folder: Path, search: Search) -> None:
    variables = {
        "SARTO_WHERE": "purity >= 0.6; site != x",
        "SARTO_CHANNELS": "acc*;gyro*,mag x",
        "SARTO_CELLS": "ring",
    }
    assert call(*FIT, **variables).exit_code == 0
    request = search.requests[-1]
    assert request.where == ("purity >= 0.6", "site != x")
    assert request.channels == ("acc*", "gyro*", "mag x")
    assert request.cells == ("ring",)


def test_the_recorded_command_says_what_was_not_typed(folder: Path, search: Search) -> None:
    (folder / "sarto.toml").write_text('flash = "60kB"\nwhere = ["a>1", "b<2"]\n')
    assert call(*FIT, "--seed", "3", SARTO_RAM="8kB").exit_code == 0
    assert search.requests[-1].command == (
        "sarto fit BasicMotions --device cortex_m4 -o out --seed 3 --flash 60kB --ram 8kB --where 'a>1' --where 'b<2'"
    )


def test_the_recorded_command_is_as_typed_without_settings(folder: Path, search: Search) -> None:
    assert call(*FIT, "--where", "a b>1").exit_code == 0
    assert search.requests[-1].command == "sarto fit BasicMotions --device cortex_m4 -o out --where 'a b>1'"


@pytest.mark.parametrize(
    ("name", "text", "message", "hint"),
    [
        ("sarto.toml", 'flsh = "64kB"', "'flsh' in sarto.toml is not a setting", "did you mean flash?"),
        (
            "sarto.toml",
            "min_accuracy = 0.8",
            "'min_accuracy' in sarto.toml is not a setting",
            "did you mean min-accuracy?",
        ),
        (
            "sarto.toml",
            "xyzzy = 1",
            "'xyzzy' in sarto.toml is not a setting",
            "the settings are batch, bins, by, carbon, cells, channels, ",
        ),
        ("sarto.toml", "model = 'x'", "'model' in sarto.toml is not a setting", "the settings are "),
        ("sarto.toml", "[flash]\nx = 1", "'flash' in sarto.toml is a table", "write it as in: flash = ..."),
        (
            "sarto.toml",
            "seed = [2030-01-01]",
            "'seed' in sarto.toml is neither a text,",
            "write it as in: seed = ...",
        ),
        ("sarto.toml", "flash = ", "sarto.toml cannot be read", "mend it"),
        (
            "pyproject.toml",
            "[tool]\nsarto = 1",
            "'sarto' in [tool] of pyproject.toml is not a table",
            "write [tool.sarto]",
        ),
        (
            "pyproject.toml",
            "[tool.sarto]\nrma = 1",
            "'rma' in [tool.sarto] of pyproject.toml is not a setting",
            "did you mean ram?",
        ),
    ],
)
def test_a_wrong_file_is_refused(
    folder: Path, search: Search, name: str, text: str, message: str, hint: str
) -> None:
    (folder / name).write_text(text)
    result = call(*FIT, "--flash", "64kB")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error[E112]: {message}")
    assert f"\nhint: {hint}" in result.stderr
    assert not search.requests


@pytest.mark.parametrize(
    ("text", "variables", "message"),
    [
        ("flash = 64", {}, "error[E110]: flash in sarto.toml: '64' is not a quantity"),
        ("seed = -1", {}, "error[E112]: seed in sarto.toml: -1 is too small"),
        ("quiet = 'perhaps'", {}, "error[E112]: quiet in sarto.toml: 'perhaps' is not a valid boolean"),
        ("", {"SARTO_FLASH": "64"}, "error[E110]: SARTO_FLASH: '64' is not a quantity"),
        ("", {"SARTO_DEVICE": "m9"}, "error[E111]: SARTO_DEVICE: 'm9' is not a device"),
        ("", {"SARTO_QUIET": "perhaps"}, "error[E112]: SARTO_QUIET: 'perhaps' is not a valid boolean"),
    ],
)
def test_a_wrong_value_says_where_it_stands(
    folder: Path, search: Search, text: str, variables: dict[str, str], message: str
) -> None:
    (folder / "sarto.toml").write_text(text)
    words = [w for w in FIT if w not in ("--device", "cortex_m4")] if "SARTO_DEVICE" in variables else FIT
    result = call(*words, **variables)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0].startswith(message)


def test_a_misspelt_variable_is_warned_of(folder: Path, search: Search) -> None:
    result = call(*FIT, SARTO_FLSH="64kB", SARTO_DATA="x")
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: SARTO_FLSH is not a setting. did you mean SARTO_FLASH?\n")
    assert "SARTO_DATA" not in result.stderr


def test_help_and_light_verbs_do_not_read_the_file(folder: Path) -> None:
    (folder / "sarto.toml").write_text("flash = ")
    assert call("fit", "--help").exit_code == 0
    assert call("devices").exit_code == 0


def test_no_file_is_no_settings(tmp_path: Path) -> None:
    assert read_config(tmp_path, lambda: ["flash"]).values == {}
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert read_config(tmp_path, lambda: ["flash"]).values == {}


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sarto.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SartoError, match="cannot be read"):
        read_config(tmp_path, list[str])
