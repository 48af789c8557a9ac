"""Kinds of values: what a word becomes, and how a wrong one is refused."""

from typing import Any

import pytest

from sarto.cli import _kinds
from tests.cli.stand_in import call


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (_kinds.BYTES, "64KiB", 65536.0),
        (_kinds.TIME, "20 ms", 0.02),
        (_kinds.ENERGY, "2mJ", 0.002),
        (_kinds.RATIO, "85%", 0.85),
        (_kinds.COUNT, "1", 1),
        (_kinds.SEED, "0", 0),
        (_kinds.POSITIVE, "2.5e-3", 0.0025),
        (_kinds.NAMES, " a b ,c*", ("a b", "c*")),
        (_kinds.CELLS, "ring,esn", ("ring", "esn")),
        (_kinds.CONDITION, " purity >= 0.6 ", "purity >= 0.6"),
        (_kinds.DEVICE, "cortex_m4", "cortex_m4"),
        (_kinds.GATE, " flash:2% ", "flash:2%"),
        (_kinds.TITLE, " Watch, left wrist ", "Watch, left wrist"),
        (_kinds.ChoiceKind("O2", "Os"), "os", "Os"),
    ],
)
def test_a_word_becomes_a_value(kind: _kinds.Kind, text: str, value: Any) -> None:
    assert kind.convert(text, None, None) == value
    if not isinstance(kind, _kinds.QuantityKind):
        assert kind.convert(value, None, None) == value, "reading a value again changes nothing"


@pytest.mark.parametrize(
    ("words", "message", "cause", "hint"),
    [
        (
            ("--flash", "64"),
            "error[E110]: --flash: '64' is not a quantity",
            "the unit is missing",
            "use one of B, kB",
        ),
        (
            ("--latency", "5kB"),
            "error[E110]: --latency: '5kB' is not a quantity",
            "'kB' is no unit of time",
            "use one of s",
        ),
        (
            ("--ram", "0kB"),
            "error[E110]: --ram: '0kB' is not above zero",
            "a limit must be positive",
            "raise it",
        ),
        (
            ("--min-accuracy", "85"),
            "error[E110]: --min-accuracy: '85' lies outside 0..1",
            "a ratio",
            "write 0.85 or 85%",
        ),
        (
            ("--trials", "0"),
            "error[E112]: --trials: 0 is too small",
            "it must be at least 1",
            "give 1 or more",
        ),
        (
            ("--trials", "many"),
            "error[E112]: --trials: 'many' is not a whole number",
            "a count is needed",
            "as in 8",
        ),
        (
            ("--instructions", "1e6"),
            "error[E112]: --instructions: '1e6' is not a whole number",
            "a count",
            "as in 8",
        ),
        (("--seed", "-1"), "error[E112]: --seed: -1 is too small", "it must be at least 0", "give 0 or more"),
        (
            ("--sensor-scale", "-2"),
            "error[E112]: --sensor-scale: '-2' is not a number above zero",
            "it must be larger",
            "as in",
        ),
        (
            ("--sensor-scale", "inf"),
            "error[E112]: --sensor-scale: 'inf' is not a number above zero",
            "it must be larger",
            "as in",
        ),
        (
            ("--sensor-bits", "12"),
            "error[E112]: --sensor-bits: '12' is not one of the choices",
            "there are 8, 16, 32",
            "as in 8",
        ),
        (
            ("--optimise", "O22"),
            "error[E112]: --optimise: 'O22' is not one of the choices",
            "there is O2 and Os",
            "did you mean O2?",
        ),
        (
            ("--cells", "esnn"),
            "error[E111]: --cells: 'esnn' is not a cell",
            "there is no file",
            "did you mean esn?",
        ),
        (
            ("--seed", "4294967296"),
            "error[E112]: --seed: 4294967296 is too large",
            "it must be at most 4294967295",
            "give 4294967295 or less",
        ),
        (("--cells", ","), "error[E112]: --cells: ',' names nothing", "names with commas", "leave it out"),
        (
            ("--where", " "),
            "error[E112]: --where: an empty condition",
            "it is a column",
            "as in 'purity>=0.6'",
        ),
        (
            ("--name", " "),
            "error[E112]: --name: it is empty, or not printable",
            "it is the title",
            "as in 'Watch, left wrist'",
        ),
    ],
)
def test_a_wrong_word_is_refused(words: tuple[str, ...], message: str, cause: str, hint: str) -> None:
    result = call("fit", "x.npz", "--device", "cortex_m4", "-o", "out", *words)
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert lines[0] == message
    assert lines[1].startswith(f"cause: {cause}")
    assert lines[2].startswith(f"hint: {hint}")
