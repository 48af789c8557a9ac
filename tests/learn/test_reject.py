"""Calibration of the reject option: what it promises is kept, what it takes is said, and bounds are the formulas'."""

from collections.abc import Callable

import numpy as np
import pytest
from jaxtyping import Int
from scipy.special import bdtr

from sarto.core.graph.reject import NEVER, Rule, margins, said
from sarto.learn.known import box
from sarto.learn.reject import for_groups, for_items
from sarto.models.input_error import InputError


def drawn(
    seed: int, items: int, noise: float = 0.6
) -> tuple[Int[np.ndarray, "item 3"], Int[np.ndarray, " item"]]:
    """Scores of three classes, about a fifth of whose highest ones are wrong."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 3, items)
    return np.rint(1e4 * (np.eye(3)[target] + noise * rng.normal(size=(items, 3)))).astype(np.int64), target


def risk(rule: Rule, seed: int = 99, items: int = 20_000) -> float:
    scores, target = drawn(seed, items)
    answers = said(scores, rule)
    return float((answers != target)[answers < 3].mean())


def test_the_share_of_wrong_answers_is_kept_as_often_as_promised() -> None:
    """By the quantile of a Binomial, fewer than 1 in 10,000 right procedures break it more often."""
    broken, coverage = 0, list[float]()
    for seed in range(100):
        rule = for_items(*drawn(seed, 400), risk=0.1, confidence=0.9)
        broken += risk(rule, items=5000) > 0.105  # the risk itself is known to half a point
        coverage.append(float((margins(drawn(7, 2000)[0]) >= rule.least[0]).mean()))
    assert broken <= 22  # P(Binomial(100, .1) > 22) = .0001
    assert np.mean(coverage) > 0.4, "it would be kept by saying nothing, too"


def test_the_least_margin_is_the_last_of_those_whose_binomial_tail_is_small() -> None:
    scores, target = drawn(3, 600)
    rule = for_items(scores, target, risk=0.08, confidence=0.95)
    m, wrong = margins(scores), scores.argmax(axis=1) != target
    taken = m >= rule.least[0]
    assert bdtr(int(wrong[taken].sum()), int(taken.sum()), 0.08) <= 0.05 / 3
    more = np.sort(m)[::-1][int(taken.sum()) + 7]  # one step of a hundredth further
    assert bdtr(int(wrong[m >= more].sum()), int((m >= more).sum()), 0.08) > 0.05 / 3


def test_by_class_every_class_keeps_it_and_one_that_cannot_is_never_said() -> None:
    rng = np.random.default_rng(5)
    target = rng.integers(0, 2, 3000)
    noise = np.where(target == 0, 0.2, 1.5)[:, None]
    scores = np.rint(1e4 * (np.eye(2)[target] + noise * rng.normal(size=(3000, 2)))).astype(np.int64)
    scores[:, 1] += 4000
    rule = for_items(scores, target, risk=0.02, by_class=True)
    answers = said(scores, rule)
    assert rule.least[0] != rule.least[1]
    for c in (0, 1):
        of = answers == c
        assert not of.any() or (target[of] != c).mean() <= 0.02


def test_groups_keep_the_mean_over_new_groups() -> None:
    def people(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        parts = [drawn(int(rng.integers(2**31)), 30, float(rng.uniform(0.2, 1.2))) for _ in range(count)]
        scores, target = (np.concatenate(x) for x in zip(*parts, strict=True))
        return scores, target, np.repeat(np.arange(count), 30)

    later, true, _ = people(1000, 400)
    losses: list[float] = []
    for seed in range(60):
        rule = for_groups(*people(seed, 25), risk=0.1)
        answers = said(later, rule)
        losses.append(float(((answers < 3) & (answers != true)).mean()))
    assert 0.04 < np.mean(losses) <= 0.1


def test_the_margin_for_groups_is_the_least_that_leaves_room_for_one_more() -> None:
    scores = np.array([[10, 0], [0, 4], [9, 0], [7, 0], [0, 2], [0, 6]])
    target = np.array([0, 0, 1, 0, 0, 1])
    groups = np.array(["a", "a", "b", "b", "b", "c"])
    # Wrong: margin 9 (a third of b), 4 (half of a), 2 (a third of b). (1/3 + 1) / 4 = .33, (5/6 + 1) / 4 = .46
    assert for_groups(scores, target, groups, 0.34).least.tolist() == [5, 5]
    assert for_groups(scores, target, groups, 0.33).least.tolist() == [10, 10]
    assert for_groups(scores, target, groups, 0.46).least.tolist() == [3, 3]
    assert for_groups(scores, target, groups, 0.55).least.tolist() == [0, 0]


def test_behind_a_box_that_the_same_items_calibrate_the_share_is_kept_as_often() -> None:
    """As above. What is refused is no answer, and breaks nothing."""
    broken, coverage = 0, list[float]()
    for seed in range(100):
        scores, target = drawn(seed, 300)
        known = box(drawn(1000 + seed, 200)[0], scores, 3, 0.2)
        try:
            rule = for_items(scores, target, 0.1, known=known)
        except InputError:
            continue
        broken += risk(rule, items=5000) > 0.105
        coverage.append(float((said(drawn(7, 2000)[0], rule) < 3).mean()))
    assert broken <= 22
    assert np.mean(coverage) > 0.25


def test_what_cannot_be_promised_is_refused_with_what_it_would_take() -> None:
    scores, target = drawn(0, 400)
    calls: dict[str, Callable[[], Rule]] = {
        "a risk of 0.05 cannot be shown": lambda: for_items(scores[:66], scores[:66].argmax(axis=1), 0.05),
        "a risk of 0.01 cannot be shown": lambda: for_items(scores, target, 0.01),
        "too few groups for a risk of 0.05": lambda: for_groups(scores, target, np.arange(400) % 18, 0.05),
        "a risk of 2 with confidence 0.9": lambda: for_items(scores, target, 2.0),
    }
    for message, call in calls.items():
        with pytest.raises(InputError) as refused:
            call()
        assert (refused.value.code, refused.value.message) == ("E157", message)


def test_67_answers_without_a_mistake_are_enough_for_5_percent() -> None:
    scores = drawn(0, 67)[0]
    rule = for_items(scores, scores.argmax(axis=1), risk=0.05)
    assert rule.least.tolist() == [0, 0, 0] and NEVER == 2**32 - 1
