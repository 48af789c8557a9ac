"""The search for open amounts: what it proposes, and what it finds where bytes and error are known functions of t."""

import math

import pytest

from sarto.search.auto import FIRST, Goal, Tried, propose, race, rank


def falling(number: int, t: float) -> Tried:
    """Recipe 0 is small and bad, 1 good, 2 better but refuses early, 3 always refuses."""
    if number == 3 or (number == 2 and t > 0.4):
        return Tried(t, refused="a layer collapses")
    size = 1e5 * math.exp(-(4 + number) * t)
    return Tried(t, size, (0.3, 0.1, 0.05)[number] * t**2)


def best(found: list[list[Tried]], goal: Goal) -> Tried:
    return min((one for several in found for one in several), key=lambda one: rank(one, goal))


def test_a_limit_of_bytes_is_met_closely_by_the_recipe_of_least_error() -> None:
    goal = Goal(flash_b=8000)
    found = race([0.5] * 4, goal, 30, falling)
    won = best(found, goal)
    assert 0.9 * 8000 <= won.flash_b <= 8000
    assert won.error == falling(1, won.t).error
    assert sum(map(len, found)) <= 30


def test_a_limit_of_the_error_gives_the_smallest_file_within_it() -> None:
    goal = Goal(error=0.04)
    found = race([0.5] * 4, goal, 60, falling)
    won = best(found, goal)
    right = 1e5 * math.exp(
        -5 * math.sqrt(0.4)
    )  # of recipe 1, where .1 t^2 = .04; recipe 2 is larger where it refuses
    assert won.error <= 0.04
    assert len(found[1]) > FIRST >= len(found[3])  # half of the recipes goes on
    assert right <= won.flash_b < 1.2 * right


def test_both_limits_are_kept_or_what_comes_nearest_wins() -> None:
    both = Goal(flash_b=30_000, error=0.01)
    assert best(race([0.5] * 3, both, 30, falling), both).fits(both)
    never = Goal(flash_b=3000, error=0.001)
    found = race([0.5] * 3, never, 30, falling)
    assert not any(one.fits(never) for several in found for one in several)
    assert best(found, never).flash_b < 1.5 * 3000


@pytest.mark.parametrize("refused", ["", "a layer collapses"])
def test_a_search_ends_where_nothing_fits_or_nothing_is_too_small(refused: str) -> None:
    for size in (1.0, 1e9):
        tried: list[Tried] = []
        while (t := propose(Goal(flash_b=1000), tried)) is not None:
            assert all(one.t != t for one in tried)
            tried.append(Tried(t, refused=refused) if refused else Tried(t, size, 0.1))
        assert len(tried) < 20
        assert abs(tried[-1].t - (1.0 if size > 1000 and not refused else 0.0)) < 0.05


def test_trials_are_not_exceeded() -> None:
    seen: list[int] = []

    def one(number: int, t: float) -> Tried:
        seen.append(number)
        return falling(number, t)

    race([0.5] * 3, Goal(error=0.04), 4, one)
    assert seen == [0, 1, 2, 0]


def test_a_recipe_begins_where_it_is_told_to() -> None:
    seen: list[float] = []

    def one(number: int, t: float) -> Tried:
        seen.append(t)
        return falling(number, t)

    race([0.1, 0.7], Goal(error=0.04), 2, one)
    assert seen == [0.1, 0.7]


def test_a_recipe_without_an_open_amount_is_tried_once() -> None:
    tried: list[tuple[int, float]] = []

    def run(number: int, t: float) -> Tried:
        tried.append((number, t))
        return falling(1, t)

    found = race([None, None, 0.5], Goal(flash_b=5e4), 20, run)
    assert [len(several) for several in found[:2]] == [1, 1]
    assert len(found[2]) > 1
    assert len({*tried}) == len(tried)
