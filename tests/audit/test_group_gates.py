"""Gates of subgroups: each way of judging, against counts that are worked out by hand."""

import numpy as np
import pytest

from sarto.audit.gates import Judged, read_gate
from sarto.audit.group_gates import judge_groups, share_p
from sarto.audit.subgroups import Attributes, Outcomes, mine
from sarto.audit.subgroups.lattice import Subgroups


def pairs(sizes: dict[str, tuple[int, int, int]]) -> Subgroups:
    """Mine one group for each name, of (rows, gained, lost); both models are right in all other rows."""
    names: list[str] = []
    before: list[int] = []
    after: list[int] = []
    for name, (n, gained, lost) in sizes.items():
        names += [name] * n
        before += [0] * gained + [1] * (n - gained)
        after += [1] * gained + [0] * lost + [1] * (n - gained - lost)
    outcomes = Outcomes.from_predictions(
        np.ones(len(names), int), before, after, positive=1, metrics=["accuracy", "fnr"]
    )
    return mine(Attributes.from_columns({"g": names}), outcomes, min_support=0.01)


def judged(text: str, found: Subgroups) -> Judged:
    return judge_groups(read_gate(text), found, "accuracy", 0.01)


FOUND = pairs({"a": (400, 0, 12), "b": (400, 4, 4), "c": (40, 0, 2)})


def test_without_chance_the_figures_themselves_are_compared() -> None:
    one = judged("gain >= -2pp", FOUND)
    assert not one.passed
    assert one.judged == 3
    assert [what for what, _ in one.failing] == ["g = c", "g = a"]
    assert one.got == pytest.approx(-0.05)
    assert one.found == "2 of 3 subgroups fail; the worst is g = c: -5.00 points of 40 rows"
    assert judged("gain >= -6pp", FOUND).found.startswith("all 3 subgroups hold; the worst is g = c")


def test_with_q_a_group_fails_that_is_shown_to_lose_more() -> None:
    # Lost 12 of 400 and gained none: exact p = 2^-12, times three groups; 2 of 40 is 2^-2.
    one = judged("gain >= 0pp @ q=0.05", FOUND)
    assert [what for what, _ in one.failing] == ["g = a"]
    assert one.failing[0][1] == "-3.00 points of 400 rows, q = 0.00073"
    assert judged("gain >= 0pp @ q=0.0005", FOUND).passed
    # At a limit of -2 points, 3 points are not shown to be more.
    assert judged("gain >= -2pp @ q=0.05", FOUND).passed


def test_with_a_confidence_a_group_passes_that_is_shown_to_hold() -> None:
    one = judged("gain >= -6pp @ 95%", FOUND)
    assert [what for what, _ in one.failing] == ["g = c"]
    assert not judged("gain >= -2pp @ 95%, support=0.3", FOUND).passed
    assert judged("gain >= -6pp @ 95%, support=0.3", FOUND).passed


def test_a_support_leaves_small_groups_out_and_none_at_all_fails() -> None:
    assert judged("gain >= -4pp @ support=0.1", FOUND).judged == 2
    alone = judged("gain >= -4pp @ support=0.9", FOUND)
    assert (alone.passed, alone.judged, alone.found) == (False, 0, "no subgroup has 756 rows that count")


def test_less_is_asked_of_a_gain_in_errors() -> None:
    one = judged("gain(fnr) <= 2pp @ q=0.05", FOUND)
    assert one.passed
    assert one.found.startswith("all 3 subgroups hold; the worst is g = c: +5.00 points")
    assert [what for what, _ in judged("gain(fnr) <= 2pp", FOUND).failing] == ["g = c", "g = a"]


def test_rates_are_judged_by_the_exact_binomial() -> None:
    # 38 of 40 right: P(X <= 38) at .99 is 1 - .99^40 - 40 .01 .99^39.
    p = share_p(np.array([40]), np.array([38]), 0.99, "less")
    assert p[0] == pytest.approx(1 - 0.99**40 - 40 * 0.01 * 0.99**39)
    assert share_p(np.array([40]), np.array([38]), 0.99, "greater")[0] == pytest.approx(
        1 - (1 - 0.99**40 - 40 * 0.01 * 0.99**39) + 780 * 0.01**2 * 0.99**38
    )
    one = judged("accuracy >= 99.9% @ q=0.05", FOUND)
    assert {what for what, _ in one.failing} == {"g = a", "g = b", "g = c"}
    assert judged("accuracy >= 99% @ q=0.05, support=0.3", FOUND).failing[0][0] == "g = a"
    assert judged("accuracy >= 75% @ 99%", FOUND).passed


def test_a_divergence_is_held_to_the_error_that_its_interval_tells() -> None:
    one = judged("divergence >= -0.5pp", FOUND)
    assert [what for what, _ in one.failing] == ["g = c", "g = a"]
    assert judged("divergence >= -0.5pp @ q=0.05", FOUND).passed


def test_under_no_change_the_share_of_false_alarms_stays_at_q() -> None:
    """Swap both models at random: a gate at q = .1 on gains of 0 fails in at most a tenth of the draws."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(6), 60)
    failed = 0
    for _ in range(200):
        first, second = rng.random((2, 360)) < 0.9
        outcomes = Outcomes.from_predictions(
            np.ones(360, int), first.astype(int), second.astype(int), positive=1
        )
        found = mine(Attributes.from_columns({"g": group}), outcomes, min_support=0.1)
        failed += not judged("gain >= 0pp @ q=0.1", found).passed
    assert failed <= 30
