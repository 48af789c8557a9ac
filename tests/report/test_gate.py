"""Gates: how they are written, when one fails, and that what cannot be judged does not pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence, How
from sarto.report.compare import Comparison, Figure
from sarto.report.gate import Gate, enough, read_gates
from tests.report.finished import side


def figure(
    what: str, a: float | None, b: float | None, unit: str = "B", hows: str = "measured measured"
) -> Figure:
    """A figure with the two values and what they are."""

    def evidence(value: float | None, how: str) -> Evidence | None:
        kind: dict[str, How] = {"measured": "measured", "emulated": "emulated", "estimated": "estimated"}
        return None if value is None else Evidence(what, value, unit, kind.get(how, "declared"), "t")

    first, second = hows.split()
    return Figure(what, evidence(a, first), evidence(b, second))


FLASH = figure("flash", 2000, 2050)
ACCURACY = figure("test accuracy", 0.93, 0.92, "1")
ERROR_OF = figure("test RMSE of a:b", 2.0, 2.5, "kg")
FIGURES = [FLASH, ACCURACY, figure("ram", 100, 100), ERROR_OF, figure("sequences", 3, 4, "sequences")]


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("flash", Gate("flash")),
        (" RAM ", Gate("ram")),
        ("flash:2%", Gate("flash", 0.02, True)),
        ("flash: 0.5kB", Gate("flash", 500)),
        ("test accuracy:0.01", Gate("test accuracy", 0.01)),
        ("Test Accuracy:1%", Gate("test accuracy", 0.01)),
        ("test RMSE of a:b", Gate("test RMSE of a:b")),
        ("test RMSE of a:b:0.5kg", Gate("test RMSE of a:b", 0.5)),
    ],
)
def test_a_gate_is_a_name_and_an_allowance(text: str, gate: Gate) -> None:
    assert read_gates([text], FIGURES) == [gate]


def test_all_is_every_figure_of_the_base_with_a_direction_and_a_name_goes_before_it() -> None:
    figures = [*FIGURES, figure("tanh table", None, 258), figure("energy", 1, None, "J")]
    expected = [
        Gate("flash", 500),
        Gate("test accuracy", 0.02),
        Gate("ram", 0.02, True),
        Gate("test RMSE of a:b", 0.02, True),
        Gate("energy", 0.02, True),
    ]
    assert read_gates(["all:2%", "flash:500B"], figures) == expected
    assert [g.what for g in read_gates(["ALL"], figures)] == [g.what for g in expected]
    assert read_gates([], figures) == []


def test_names_that_differ_in_case_alone_are_two_figures() -> None:
    figures = [figure("test MAE of x", 1, 1, "m"), figure("test MAE of X", 1, 2, "m")]
    assert read_gates(["test MAE of X", "test MAE of x:1m"], figures) == [
        Gate("test MAE of x", 1),
        Gate("test MAE of X"),
    ]
    assert [g.what for g in read_gates(["all"], figures)] == ["test MAE of x", "test MAE of X"]
    with pytest.raises(SartoError, match="'TEST MAE of x' is not a figure"):
        read_gates(["TEST MAE of x"], figures)


@pytest.mark.parametrize(
    ("texts", "code", "message", "cause", "hint"),
    [
        (["flsh"], "E111", "'flsh' is not a figure of either folder", "no evidence", "did you mean 'flash'?"),
        (
            ["xyzzy"],
            "E111",
            "'xyzzy' is not",
            "no evidence",
            "there is flash, test accuracy, ram, test RMSE of a:b, all",
        ),
        (
            ["sequences"],
            "E112",
            "'sequences' cannot be gated",
            "neither more nor less",
            "gate another figure",
        ),
        (
            ["flash", "Flash:2%"],
            "E112",
            "'flash' is gated twice",
            "the second is 'Flash:2%'",
            "leave one out",
        ),
        (["all", "all:1%"], "E112", "'all' is gated twice", "the second is 'all:1%'", "leave one out"),
        (["all:1kB"], "E110", "'all:1kB' is not", "the figures have different units", "as in all:2%"),
        (["flash:"], "E110", "'flash:' is not", "nothing follows the colon", "as in flash:2%"),
        (
            ["flash:12"],
            "E110",
            "'flash:12' is not",
            "'12' is not a quantity: the unit is missing",
            "use one of B, kB",
        ),
        (["test accuracy:1"], "", "", "", ""),
        (
            ["test accuracy:1B"],
            "E110",
            "'test accuracy:1B' is not",
            "'1B' is not a ratio",
            "write 0.85 or 85%, or 'test",
        ),
    ],
)
def test_a_gate_that_cannot_be_read(texts: list[str], code: str, message: str, cause: str, hint: str) -> None:
    if not code:
        assert read_gates(texts, FIGURES) == [Gate("test accuracy", 1)]
        return
    with pytest.raises(SartoError) as caught:
        read_gates(texts, FIGURES)
    error = caught.value
    assert error.code == code
    assert error.message.startswith(message)
    assert error.cause.startswith(cause)
    assert error.hint.startswith(hint)


@pytest.mark.parametrize(
    ("gate", "seen", "failure"),
    [
        (Gate("flash"), FLASH, "worse by 50 B (2.5 %), 2 kB to 2.05 kB"),
        (Gate("flash", 49), FLASH, "worse by 50 B (2.5 %), 2 kB to 2.05 kB"),
        (Gate("flash", 50), FLASH, ""),
        (Gate("flash", 0.025, True), FLASH, ""),
        (Gate("flash", 0.024, True), FLASH, "worse by 50 B (2.5 %), 2 kB to 2.05 kB"),
        (Gate("flash", 0.1, True), figure("flash", 1000, 1101), "worse by 101 B (10.1 %), 1 kB to 1.101 kB"),
        (Gate("test accuracy"), ACCURACY, "worse by 1 point (1.075 %), 93 % to 92 %"),
        (Gate("test accuracy", 0.01), ACCURACY, ""),
        (Gate("test accuracy", 0.0099), ACCURACY, "worse by 1 point (1.075 %), 93 % to 92 %"),
        (
            Gate("validation error"),
            figure("validation error", 0, 0.1, "1"),
            "worse by 10 points, 0 % to 10 %",
        ),
        (Gate("test R2", 0.1), figure("test R2", -0.5, -0.7, "1"), "worse by 0.2 (40 %), -0.5 to -0.7"),
        (Gate("flash"), figure("flash", 10, 9), ""),
        (Gate("flash"), figure("flash", 10, 10), ""),
        (Gate("flash"), figure("flash", 10, None), "B has no such figure"),
        (Gate("flash"), figure("flash", None, 10), "A has no such figure to hold it against"),
        (Gate("ram"), figure("ram", 10, 9, "B", "emulated estimated"), "estimated in B, emulated in A"),
        (Gate("ram"), figure("ram", 10, 9, "B", "measured declared"), "declared in B, measured in A"),
        (Gate("ram"), figure("ram", 10, 9, "B", "measured emulated"), ""),
        (Gate("energy"), figure("energy", 2, 1, "J", "estimated measured"), ""),
        (
            Gate("energy"),
            figure("energy", 1, 2, "J", "estimated estimated"),
            "worse by 1 J (100 %), 1 J to 2 J",
        ),
    ],
)
def test_when_a_gate_fails(gate: Gate, seen: Figure, failure: str) -> None:
    assert gate.failure(seen).replace("\u00a0", " ") == failure


def test_another_unit_cannot_be_judged() -> None:
    seen = Figure("test MAE of x", ERROR_OF.a, Evidence("test MAE of x", 1, "g", "measured", "t"))
    assert Gate("test MAE of x", 1.0, True).failure(seen) == "in g in B, in kg in A"


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_count_passes_exactly_up_to_its_allowance(a: int, more: int, allowed: int) -> None:
    assert (Gate("flash", allowed).failure(figure("flash", a, a + more)) == "") == (more <= allowed)


@given(st.integers(1, 5000), st.data())
def test_a_share_passes_exactly_up_to_so_many_items(n: int, data: st.DataObject) -> None:
    """Right answers of n items, whose shares are rounded: as many fewer as the allowance says still pass."""
    right = data.draw(st.integers(0, n))
    fewer = data.draw(st.integers(0, right))
    allowed = data.draw(st.integers(0, n))
    seen = figure("test accuracy", right / n, (right - fewer) / n, "1")
    assert (Gate("test accuracy", allowed / n).failure(seen) == "") == (fewer <= allowed)


@pytest.mark.parametrize(
    ("seen", "hint"),
    [
        ([FLASH], "--gate 'flash:2.5%'"),
        ([figure("flash", 3000, 3001)], "--gate 'flash:0.1%'"),
        ([ACCURACY], "--gate 'test accuracy:1%'"),
        ([FLASH, ACCURACY], "--gate 'flash:2.5%' --gate 'test accuracy:1%'"),
        ([figure("flash", 10, 21)], ""),
        ([FLASH, figure("ram", 10, None)], ""),
        ([figure("ram", 0, 1)], ""),
        ([figure("ram", 10, 9, "B", "emulated estimated")], ""),
    ],
)
def test_the_allowance_that_would_do(seen: list[Figure], hint: str) -> None:
    assert enough(seen) == hint
    gates = read_gates([part.strip(" '") for part in hint.split("--gate") if part.strip()], seen)
    assert not [g for g, f in zip(gates, seen, strict=False) if g.failure(f)]


def test_the_document_of_a_gate() -> None:
    assert Gate("flash", 0.02, True).to_json(FLASH) == {
        "what": "flash",
        "allowed": {"share": 0.02},
        "passed": False,
        "failure": "worse by 50 B (2.5 %), 2 kB to 2.05 kB",
    }
    assert Gate("flash", 60).to_json(FLASH) == {
        "what": "flash",
        "allowed": {"amount": 60},
        "passed": True,
        "failure": None,
    }
    gates = [Gate("flash"), Gate("flash", 60), Gate("flash", 0.02, True)]
    assert [gate.allowance(FLASH) for gate in gates] == ["nothing", "60\u00a0B", "2\u00a0%"]


def test_what_a_model_takes_of_two_devices_cannot_be_judged(tmp_path: Path) -> None:
    """Its quality can: that does not depend on the device."""

    def elsewhere(manifest: dict[str, Any]) -> None:
        manifest["device"] = "cortex_m7"

    base, other = side(tmp_path / "a"), side(tmp_path / "b", edits={"artifact.json": elsewhere})
    figures = {f.what: f for f in Comparison(base, other).figures}
    assert Gate("flash").failure(figures["flash"]) == "of cortex_m7 in B, of cortex_m4 in A"
    assert Gate("test accuracy").failure(figures["test accuracy"]) == ""
    assert {f.apart for f in Comparison(base, base).figures} == {""}
