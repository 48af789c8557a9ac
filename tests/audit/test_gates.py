"""The language of gates: what is read, what is refused, and how figures of a whole model are judged."""

import pytest

from sarto.audit.gates import Gate, judge_figure, read_gate
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence


@pytest.mark.parametrize(
    ("text", "figure", "metric", "at_least", "limit", "q", "confidence", "support"),
    [
        ("gain >= -2pp @ q=0.05, support=0.02", "gain", "", True, -0.02, 0.05, None, 0.02),
        ("gain(fpr)<=1pp@95%", "gain", "fpr", False, 0.01, None, 0.95, None),
        ("accuracy ≥ 80% @ support=5%", "rate", "accuracy", True, 0.8, None, None, 0.05),
        ("rate(recall:a b) >= .5", "rate", "recall:a b", True, 0.5, None, None, None),
        ("critical <= 0.1% @ 99%", "critical", "", False, 0.001, None, 0.99, None),
        ("mttf_ratio >= 5", "mttf_ratio", "", True, 5.0, None, None, None),
        ("mttf >= 1e5h", "mttf", "", True, 1e5, None, None, None),
        (
            "gain(absolute error) <= 0.5 @ confidence=0.9",
            "gain",
            "absolute error",
            False,
            0.5,
            None,
            0.9,
            None,
        ),
    ],
)
def test_what_is_read(
    text: str,
    figure: str,
    metric: str,
    at_least: bool,
    limit: float,
    q: float | None,
    confidence: float | None,
    support: float | None,
) -> None:
    gate = read_gate(text)
    assert gate.limit == pytest.approx(limit)
    assert gate == Gate(text, figure, metric, at_least, gate.limit, q, confidence, support)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("gain", "it is no figure, then >= or <=, then a limit"),
        ("gain > 2pp", "it is no figure, then >= or <=, then a limit"),
        ("gian >= 2pp", "there is no figure 'gian'"),
        ("gain(acuracy) >= 0pp", "there is no metric 'acuracy'"),
        ("critical(fpr) <= 1%", "'critical' has no metric"),
        ("gain >= two", "'two' is no limit"),
        ("gain >= 5", "gain cannot be 5"),
        ("critical <= -1%", "critical cannot be -1%"),
        ("mttf >= 100", "mttf is in hours"),
        ("gain >= 1h", "gain is not in hours"),
        ("gain >= 0pp @ q=2", "'q=2' is no share between 0 and 1"),
        ("gain >= 0pp @ q=0.05, q=0.1", "q stands there twice"),
        ("gain >= 0pp @ q=0.05, 95%", "q and a confidence exclude each other"),
        ("critical <= 1% @ q=0.05", "'q=0.05' says nothing about critical"),
        ("gain >= 0pp @ depth=2", "'depth=2' says nothing about gain"),
    ],
)
def test_what_is_refused(text: str, cause: str) -> None:
    with pytest.raises(SartoError) as caught:
        read_gate(text)
    assert (caught.value.code, caught.value.message, caught.value.cause) == (
        "E161",
        f"'{text}' is no gate",
        cause,
    )
    assert caught.value.hint


def test_a_misspelt_name_gets_the_nearest() -> None:
    with pytest.raises(SartoError) as caught:
        read_gate("mttf_ration >= 5")
    assert caught.value.hint == "did you mean 'mttf_ratio'?"


def critical(interval: tuple[float, float] | None) -> dict[str, Evidence]:
    return {"critical": Evidence("critical", 0.0005, "1", "measured", "t", n=1000, interval=interval)}


@pytest.mark.parametrize(
    ("text", "interval", "passed", "found"),
    [
        ("critical <= 0.1%", None, True, "0.05 %"),
        ("critical <= 0.04%", (0.0, 0.1), False, "0.05 %"),
        ("critical <= 0.1% @ 99%", (0.0, 0.002), False, "0.05 %, at most 0.2 % at 99 %"),
        ("critical <= 0.2% @ 99%", (0.0, 0.002), True, "0.05 %, at most 0.2 % at 99 %"),
        ("critical >= 0.01% @ 99%", (0.0002, 0.002), True, "0.05 %, at least 0.02 % at 99 %"),
        ("critical <= 0.1% @ 99%", None, False, "0.05 %, without an interval"),
        ("due <= 0.1%", None, False, "nobody measured due"),
    ],
)
def test_a_figure_of_the_whole_model(
    text: str, interval: tuple[float, float] | None, passed: bool, found: str
) -> None:
    judged = judge_figure(read_gate(text), critical(interval))
    assert (judged.passed, judged.found) == (passed, found)
