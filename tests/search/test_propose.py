"""Proposals: presets first, the seed decides everything, and nothing that cannot fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import pytest

from sarto.search.candidates import Candidate, candidate_of, presets, sized
from sarto.search.families.reservoir import NAMED_ONLY, PRESETS
from sarto.search.propose import AT_RANDOM, Proposer
from tests.search.planted import TOGETHER, problem, shape

Sampler: TypeAlias = Literal["search", "random"]


def leak(candidate: Candidate) -> float:
    return candidate.to_json()["leak"]


def asked(
    proposer: Proposer, count: int, loss: Callable[[Candidate], float] = lambda c: abs(leak(c) - 0.2)
) -> list[Candidate | None]:
    """Ask in batches of 4 and tell a made-up truth."""
    found: list[Candidate | None] = []
    while len(found) < count:
        batch = [proposer.draw() for _ in range(4)]
        for number, loose, size in batch:
            candidate = proposer.fitted(loose, size)
            values = None if candidate is None else (loss(candidate), candidate.units, 1.0)
            proposer.tell(number, values)
            found.append(candidate)
    return found


def proposer(
    seed: int = 0,
    most: int | None = 50,
    longest: int = 16,
    sampler: Sampler = "search",
    families: Any = ("reservoir",),
    cells: tuple[str, ...] = (),
) -> Proposer:
    there = replace(shape(problem()), longest=longest)
    return Proposer(families, cells, seed, there, lambda _: most, sampler)


def by_units(candidate: Candidate) -> float:
    return 1 / candidate.units


@pytest.mark.parametrize("sampler", ["search", "random"])
@pytest.mark.parametrize("families", [("reservoir",), TOGETHER])
def test_the_seed_decides_everything(sampler: Sampler, families: Any) -> None:
    first = asked(proposer(sampler=sampler, families=families), 40, by_units)
    assert asked(proposer(sampler=sampler, families=families), 40, by_units) == first
    assert asked(proposer(1, sampler=sampler, families=families), 40, by_units)[28:] != first[28:]
    assert len(set(first)) > 28


def test_presets_come_first_in_their_order_and_size() -> None:
    own = [preset for preset in PRESETS if preset["cell"] not in NAMED_ONLY]
    assert len(own) == 9
    found = asked(proposer(seed=2), 16)[: len(own)]
    for number, (candidate, preset) in enumerate(zip(found, own, strict=True)):
        rest = {k: v for k, v in preset.items() if k != "size"}
        loose = candidate_of({**rest, "family": "reservoir", "units": 4, "seed": 2 * 100_003 + number})
        assert candidate == sized(loose, 50, preset["size"])
    assert {c.units for c in found if c is not None} >= {48, 4}


def test_the_first_presets_of_all_families_come_before_the_second() -> None:
    there = proposer(families=TOGETHER)
    found = [c for c in asked(there, len(there.presets), by_units) if c is not None]
    count = sum(len(presets(f, (), False)) for f in TOGETHER)
    assert len(there.presets) == count
    assert [c.family for c in found[:10]] == TOGETHER * 2


def test_a_cell_that_must_be_named_is_searched_when_it_is() -> None:
    found = [c for c in asked(proposer(cells=("seeded",)), 12) if c is not None]
    assert {c.to_json()["cell"] for c in found} == {"seeded"}
    assert leak(found[0]) == 0.3
    every = [c for c in asked(proposer(), 60) if c is not None]
    assert {c.to_json()["cell"] for c in every} == {"es2n", "esn", "ring"}


def test_presets_of_other_cells_and_a_random_search_are_left_out() -> None:
    found = [c for c in asked(proposer(cells=("ring",)), 12) if c is not None]
    assert {c.to_json()["cell"] for c in found} == {"ring"}
    assert [leak(c) for c in found[:3]] == [p["leak"] for p in PRESETS if p["cell"] == "ring"]
    assert asked(proposer(sampler="random"), 4) != asked(proposer(), 4)


@pytest.mark.parametrize("sampler", ["search", "random"])
def test_every_proposal_lies_in_the_space_of_its_family(sampler: Sampler) -> None:
    seeds: set[int] = set()
    there = proposer(longest=2, sampler=sampler, families=TOGETHER)
    found = asked(there, 64, by_units)
    for candidate in found:
        assert candidate is not None
        names = set(there.spaces[candidate.family]) - {"size"} | {"units", "segments", "seed", "family"}
        assert set(candidate.to_json()) == names
        assert candidate.least <= candidate.units <= 50
        assert 1 <= candidate.to_json()["segments"] <= 2, "no more segments than steps"
        seeds.add(candidate.seed)
    assert len(seeds) == 64
    assert {c.family for c in found if c is not None} == set(TOGETHER)


def test_numbers_have_no_hard_votes() -> None:
    there = replace(shape(problem()), numeric=True)
    found = asked(Proposer(("forest",), (), 0, there, lambda _: 50), 24, by_units)
    assert {c.to_json()["hard"] for c in found if c is not None} == {False}


def test_what_cannot_fit_is_dropped_and_the_search_goes_on() -> None:
    def most(candidate: Candidate) -> int | None:
        assert candidate.units == candidate.least
        return None if candidate.to_json()["cell"] == "esn" else 7

    found = asked(Proposer(("reservoir",), (), 0, shape(problem()), most), 24)
    assert None in found
    assert {c.to_json()["cell"] for c in found if c is not None} == {"es2n", "ring"}


def test_the_search_learns_what_it_is_told() -> None:
    """The made-up loss is |leak - 0.2|: later proposals lie nearer to it than random ones."""

    def distance(sampler: Sampler) -> float:
        late = asked(proposer(5, sampler=sampler), 80)[40:]
        return sum(abs(leak(c) - 0.2) for c in late if c is not None)

    assert distance("search") < 0.8 * distance("random")


def test_the_search_turns_to_the_family_that_is_better() -> None:
    there = proposer(families=("forest", "reservoir"))
    start = len(there.presets) + AT_RANDOM
    found = asked(there, start + 60, lambda c: 0.1 if c.family == "forest" else 1.0)
    late = [c.family for c in found[start + 4 :] if c is not None]
    assert late.count("forest") > 0.8 * len(late)
