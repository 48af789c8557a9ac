"""Samples of faults: published sizes, draws, and intervals that cover what they say, also where one stops early."""

import numpy as np

from sarto.audit.faults.sample import Cell, combined, draw, interval, looks, narrow, sample_size, strata


def test_sizes_are_those_published() -> None:
    n = 38_160 * 32
    assert [sample_size(n), sample_size(n, confidence=0.95), sample_size(n, 0.05, 0.95)] == [
        16_417,
        9_529,
        384,
    ]
    assert [sample_size(m) for m in (0, 1, 2)] == [0, 1, 2]
    assert sample_size(n, p=0.01) < sample_size(n) / 20


def test_a_draw_is_without_putting_back_and_its_beginnings_are_draws() -> None:
    for population in (1000, 1 << 30):
        long = draw(population, 900, 7, "fc", 3)
        assert len(set(long.tolist())) == 900 and long.min() >= 0 and long.max() < population
        np.testing.assert_array_equal(draw(population, 100, 7, "fc", 3), long[:100])
        assert not np.array_equal(draw(population, 100, 7, "fc", 4), long[:100])
    assert sorted(draw(50, 50, 0).tolist()) == list(range(50))


def test_an_interval_at_the_published_size_has_the_error_asked_for_and_closes_at_the_end() -> None:
    population = 100_000
    n = sample_size(population, 0.05, 0.95)
    low, high = interval(n / 2, n, population, 0.95)
    assert abs((high - low) / 2 - 0.05) < 3e-4
    assert interval(7, 100, 100, 0.99) == (0.07, 0.07)
    assert interval(0, 50)[0] == 0 and interval(50, 50)[1] == 1
    # Newcombe, Statistics in Medicine 17, 1998, table I, method 3: 81 of 263 and 15 of 148.
    assert [round(b, 4) for b in interval(81, 263, None, 0.95)] == [0.2553, 0.3662]
    assert [round(b, 4) for b in interval(15, 148, None, 0.95)] == [0.0624, 0.1605]


def stopped(truth: float, population: int, error: float, confidence: float, keep: bool, trial: int) -> bool:
    """Whether the interval at which one stops holds the truth; without `keep` every look takes the whole confidence."""
    plan = looks(population, error, confidence)
    each = plan.confidence if keep else confidence
    k = n = 0
    bad = draw(population, plan.sizes[-1], trial, "stop") < round(truth * population)
    for n in plan.sizes:
        k = int(bad[:n].sum())
        if narrow(k, n, population, error, each):
            break
    low, high = interval(k, n, population, each)
    return low <= round(truth * population) / population <= high


def test_stopping_early_keeps_the_confidence_and_without_the_rule_it_would_not() -> None:
    trials = 200
    kept, loose = (
        [np.mean([stopped(p, 20_000, 0.01, 0.9, keep, t) for t in range(trials)]) for p in (0.004, 0.02, 0.1)]
        for keep in (True, False)
    )
    assert min(kept) >= 0.9
    assert min(loose) < 0.88
    assert len(looks(20_000, 0.03, 0.9).sizes) > 3


def test_the_last_look_is_enough_for_any_share_and_a_bound_on_it_is_kept() -> None:
    plan = looks(1_000_000, 0.02, 0.99)
    assert narrow(plan.sizes[-1] / 2, plan.sizes[-1], 1_000_000, 0.02, plan.confidence)
    assert not narrow(plan.sizes[-2] / 2, plan.sizes[-2], 1_000_000, 0.02, plan.confidence)
    assert looks(1_000_000, 0.02, 0.99, most=500).sizes == (64, 128, 256, 500)
    assert looks(10, 0.02, 0.99).sizes == (10,)


def test_bounds_of_a_sum_of_strata_cover_it() -> None:
    rng, weights, truth = np.random.default_rng(0), (0.7, 0.3), (0.02, 0.4)
    inside = 0
    for _ in range(1000):
        counts = [rng.binomial(200, p) for p in truth]
        _, low, high = combined(
            weights, [k / 200 for k in counts], [interval(k, 200, None, 0.9) for k in counts]
        )
        inside += low <= 0.7 * 0.02 + 0.3 * 0.4 <= high
    assert 0.875 <= inside / 1000 <= 0.95


def test_strata_find_their_cells() -> None:
    cells = [
        Cell("a", "weights", 0, 3),
        Cell("a", "weights", 1, 3),
        Cell("b", "bias", 0, 2),
        Cell("b", "x", 1, 0),
    ]
    by = {s.name: s for s in strata(cells, "bit")}
    assert list(by) == ["bit 0", "bit 1"] and [by["bit 0"].size, by["bit 1"].size] == [5, 3]
    assert by["bit 0"].places(np.array([0, 2, 3, 4])).tolist() == [[0, 0], [0, 2], [2, 0], [2, 1]]
    assert [s.name for s in strata(cells, "layer")] == ["a", "b"]
    assert strata(cells, "network")[0].size == 8
