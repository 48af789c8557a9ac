"""The search under noise: equal evaluations, fresh noise for the choice, and better than luck on a known function."""

import math
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sarto.core.seed import generator
from sarto.learn.evolution import Method, Proposer, tuned
from sarto.models.input_error import InputError
from sarto.models.substrate.protocol import Range

RANGES = {"gain": Range(0.01, 100.0, log=True), "bias": Range(-5.0, 5.0), "leak": Range(0.0, 1.0)}


def truth(values: Mapping[str, float]) -> float:
    """Best at gain 10, bias 2, leak .3; each distance in widths of its range."""
    return -sum((RANGES[k].place(values[k]) - RANGES[k].place(v)) ** 2 for k, v in BEST.items())


BEST = {"gain": 10.0, "bias": 2.0, "leak": 0.3}


def noisy(values: Mapping[str, float], seed: int) -> float:
    place = ",".join(f"{values[name]:.12g}" for name in RANGES)
    return truth(values) + 0.05 * float(generator(seed, "planted noise", place).standard_normal())


@pytest.mark.parametrize("method", ["cma", "random"])
def test_every_evaluation_counts_and_both_methods_spend_the_same(method: Method) -> None:
    calls: list[tuple[tuple[float, ...], int]] = []

    def evaluate(values: Mapping[str, float], seed: int) -> float:
        calls.append((tuple(values[name] for name in RANGES), seed))
        return truth(values)

    found = tuned(
        evaluate, RANGES, evaluations=70, seed=0, method=method, repeats=2, finalists=3, confirmations=5
    )
    assert len(calls) == found.evaluations == 70 - 1  # 27 settings twice, 3 finalists five times
    assert len(found.table.rows) == 69
    stages = Counter(found.table.column("stage"))
    assert stages == {"search": 54, "final": 15}
    search, final = calls[:54], calls[54:]
    assert not {seed for _, seed in search} & {seed for _, seed in final}  # the choice is made on fresh noise
    assert len({seed for _, seed in final}) == 5
    for start in range(0, 54, 14):  # a generation of 7 shares its noise
        assert len({seed for _, seed in search[start : start + 14]}) == 2
    assert len({seed for _, seed in search}) == 2 * 4
    best = max({point for point, _ in final}, key=lambda p: truth(dict(zip(RANGES, p, strict=True))))
    assert tuple(found.values[name] for name in RANGES) == best


def test_the_quality_is_that_of_the_confirmations() -> None:
    found = tuned(noisy, RANGES, evaluations=60, seed=3, method="random")
    rows = [row for row in found.table.rows if row[0] == "final"]
    mine = [float(row[-1]) for row in rows if row[1:4] == tuple(found.values[name] for name in RANGES)]
    assert len(mine) == 4
    assert found.quality == pytest.approx(np.mean(mine))


def test_evolution_beats_luck_on_a_smooth_function_under_noise() -> None:
    def gap(method: Method) -> float:
        return float(
            np.mean(
                [
                    -truth(tuned(noisy, RANGES, evaluations=120, seed=s, method=method).values)
                    for s in range(5)
                ]
            )
        )

    assert gap("cma") < 0.6 * gap("random")


@pytest.mark.parametrize("method", ["cma", "random"])
def test_the_workers_do_not_matter_and_the_seed_does(method: Method) -> None:
    alone = tuned(noisy, RANGES, evaluations=30, seed=1, method=method)
    with ThreadPoolExecutor(3) as executor:
        together = tuned(noisy, RANGES, evaluations=30, seed=1, method=method, executor=executor)
    assert together == alone
    assert tuned(noisy, RANGES, evaluations=30, seed=2, method=method) != alone


def test_both_methods_see_the_same_noise() -> None:
    seeds = [
        tuned(noisy, RANGES, evaluations=30, seed=1, method=m).table.column("noise seed")
        for m in ("cma", "random")
    ]
    assert seeds[0] == seeds[1]


def test_proposals_stay_within_the_ranges() -> None:
    for method in ("cma", "random"):
        proposer = Proposer(RANGES, method=method, seed=0)
        for _ in range(15):
            asked = proposer.ask()
            assert len(asked) == proposer.population == 7
            for values in asked:
                assert all(RANGES[k].low <= v <= RANGES[k].high for k, v in values.items())
            proposer.tell([values["gain"] for values in asked])  # pulls towards the upper end
        centre = proposer.centre
        assert centre is None if method == "random" else centre is not None and centre["gain"] > 50


def test_random_proposals_are_uniform_over_the_range() -> None:
    proposer = Proposer({"gain": Range(0.01, 100.0, log=True)}, method="random", seed=0)
    drawn = np.log10([v["gain"] for _ in range(300) for v in proposer.ask()])
    assert np.histogram(drawn, 4, (-2, 2))[0] / len(drawn) == pytest.approx(np.full(4, 0.25), abs=0.04)


def test_a_setting_without_a_quality_is_the_worst() -> None:
    def half(values: Mapping[str, float], seed: int) -> float:
        return math.nan if values["leak"] > 0.5 else truth(values)

    for method in ("cma", "random"):
        found = tuned(half, RANGES, evaluations=60, seed=0, method=method)
        assert found.values["leak"] <= 0.5
        assert math.isfinite(found.quality)


def test_what_cannot_be_searched() -> None:
    with pytest.raises(InputError, match="no controls"):
        tuned(noisy, {}, evaluations=100, seed=0)
    with pytest.raises(InputError, match="evaluations = 18") as error:
        tuned(noisy, RANGES, evaluations=18, seed=0)
    assert "19" in (error.value.cause or "")
    with pytest.raises(InputError, match="repeats = 0"):
        tuned(noisy, RANGES, evaluations=100, seed=0, repeats=0)
    proposer = Proposer(RANGES, method="random", seed=0)
    proposer.ask()
    with pytest.raises(InputError, match="6 qualities for 7 settings"):
        proposer.tell([0.0] * 6)
