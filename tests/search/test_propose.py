"""Proposals: presets first, the seed decides everything, and nothing that cannot fit."""

from __future__ import annotations

from typing import Literal, TypeAlias

import pytest

from sarto.search.candidates import MIN_UNITS, PRESET_REST, PRESETS, Candidate
from sarto.search.propose import Proposer, space

Sampler: TypeAlias = Literal["search", "random"]


def asked(proposer: Proposer, count: int) -> list[Candidate | None]:
    """Ask in batches of 4 and tell a made-up truth."""
    found: list[Candidate | None] = []
    while len(found) < count:
        batch = [proposer.ask() for _ in range(4)]
        for number, candidate in batch:
            values = None if candidate is None else (abs(candidate.leak - 0.2), candidate.units, 1.0)
            proposer.tell(number, values)
            found.append(candidate)
    return found


def proposer(
    seed: int = 0, most: int | None = 50, longest: int = 16, sampler: Sampler = "search"
) -> Proposer:
    return Proposer(("esn", "ring"), seed, lambda _: most, longest, sampler)


@pytest.mark.parametrize("sampler", ["search", "random"])
def test_the_seed_decides_everything(sampler: Sampler) -> None:
    first = asked(proposer(sampler=sampler), 28)
    assert asked(proposer(sampler=sampler), 28) == first
    assert asked(proposer(1, sampler=sampler), 28)[20:] != first[20:]
    assert len(set(first)) > 20


def test_presets_come_first_in_their_order_and_size() -> None:
    found = asked(proposer(seed=2), len(PRESETS))
    for number, (candidate, preset) in enumerate(zip(found, PRESETS, strict=True)):
        wanted = {k: v for k, v in {**PRESET_REST, **preset}.items() if k != "size"}
        units = round(MIN_UNITS * (50 / MIN_UNITS) ** preset["size"])
        assert candidate == Candidate(**wanted, units=units, seed=2 * 100_003 + number)
    assert {c.units for c in found if c is not None} >= {50, round(4 * 12.5**0.2)}


def test_presets_of_other_cells_and_a_random_search_are_left_out() -> None:
    only = Proposer(("ring",), 0, lambda _: 50, 16)
    found = [c for c in asked(only, 12) if c is not None]
    assert {c.cell for c in found} == {"ring"}
    assert [c.leak for c in found[:3]] == [p["leak"] for p in PRESETS if p["cell"] == "ring"]
    assert asked(proposer(sampler="random"), 4) != asked(proposer(), 4)


def test_every_proposal_lies_in_the_space() -> None:
    names = set(space(("esn", "ring"))) - {"size"} | {"units", "seed"}
    seeds: set[int] = set()
    for candidate in asked(proposer(longest=2), 32):
        assert candidate is not None
        assert set(candidate.to_json()) == names
        assert MIN_UNITS <= candidate.units <= 50
        assert 1 <= candidate.segments <= 2, "no more segments than steps"
        assert 0.03 <= candidate.leak <= 1 and 0.1 <= candidate.radius <= 1.4
        seeds.add(candidate.seed)
    assert len(seeds) == 32


def test_what_cannot_fit_is_dropped_and_the_search_goes_on() -> None:
    def most(candidate: Candidate) -> int | None:
        assert candidate.units == MIN_UNITS
        return None if candidate.cell == "esn" else 7

    found = asked(Proposer(("esn", "ring"), 0, most, 16), 24)
    assert None in found
    assert {c.cell for c in found if c is not None} == {"ring"}


def test_the_search_learns_what_it_is_told() -> None:
    """The made-up loss is |leak - 0.2|: later proposals lie nearer to it than random ones."""

    def distance(sampler: Sampler) -> float:
        late = asked(proposer(5, sampler=sampler), 80)[40:]
        return sum(abs(c.leak - 0.2) for c in late if c is not None)

    assert distance("search") < 0.8 * distance("random")
