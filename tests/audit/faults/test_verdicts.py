"""Verdicts on faults: both definitions of critical, their rates by strata, and times to a failure."""

import numpy as np
import pytest

from sarto.audit.faults.verdicts import CRITICAL, DUE, MASKED, TOLERABLE, Judged, fit, judged, mttf_h, rates

GOLDEN = np.array([[2.0, 1.0], [0.0, 3.0], [5.0, 5.0]])


def test_every_kind_and_a_silent_error_outweighs_a_crash() -> None:
    faulty = np.stack([GOLDEN] * 6)
    faulty[1, 0, 0] = 1.5  # another score, the same class
    faulty[2, 1] = [4.0, 3.0]
    faulty[3, 0, 0] = np.nan
    faulty[4, 2, 1] = np.inf
    faulty[4, 1] = [4.0, 3.0]
    faulty[5, 2] = [5.0, 6.0]  # of equal scores the first was the class
    found = judged(GOLDEN, faulty)
    assert found.kinds.tolist() == [MASKED, TOLERABLE, CRITICAL, DUE, CRITICAL, CRITICAL]
    assert found.wrong.tolist() == [0, 0, 1, 0, 1, 1]
    assert found.failed.tolist() == [0, 0, 0, 1, 1, 0]
    assert found.wrong_by_input.tolist() == [0, 2, 1]


def test_an_input_without_an_answer_is_not_wrong() -> None:
    failed = np.array([[True, True, True]])
    found = judged(GOLDEN, np.zeros((1, 3, 2)), failed=failed)
    assert (found.kinds.tolist(), found.wrong.tolist(), found.changed.tolist()) == ([DUE], [0], [0])


def test_predicted_numbers_are_wrong_beyond_a_tolerance() -> None:
    faulty = np.stack([GOLDEN + 0.4, GOLDEN + 0.6])
    assert judged(GOLDEN, faulty, tolerance=0.5).kinds.tolist() == [TOLERABLE, CRITICAL]


def of(wrong: list[int], inputs: int = 20) -> Judged:
    counts = np.array(wrong, np.int64)
    return Judged(inputs, counts, counts, np.zeros_like(counts), np.zeros(inputs, np.int64))


def test_both_definitions_and_the_tail_differ_and_strata_count_by_their_size() -> None:
    # One input of 20 is critical by the first definition and not in the tail of more than 10 %.
    border, heavy = of([1] * 50 + [0] * 50), of([20] * 10 + [2] * 10 + [0] * 80)
    found = rates([(border, 9_000), (heavy, 1_000)])
    assert found.critical.share == pytest.approx(0.9 * 0.5 + 0.1 * 0.2)
    assert found.misclassified.share == pytest.approx(0.9 * 0.5 / 20 + 0.1 * (0.1 + 0.1 * 0.1))
    assert found.hurt.share == pytest.approx(0.1 * 0.1)
    assert found.kinds["masked"].share == pytest.approx(1 - found.critical.share)
    assert found.critical.low < found.critical.share < found.critical.high
    assert (found.faults, found.population) == (200, 10_000)


def test_every_fault_seen_leaves_no_doubt_and_none_seen_all_of_it() -> None:
    sure = rates([(of([1, 0]), 2)]).critical
    assert (sure.low, sure.share, sure.high) == (0.5, 0.5, 0.5)
    unknown = rates([(of([]), 2)]).critical
    assert (unknown.low, unknown.high) == (0.0, 1.0)


def test_joined_parts_are_the_whole() -> None:
    found = Judged.joined([of([1, 0]), of([3])])
    assert (len(found), found.wrong.tolist(), found.inputs) == (3, [1, 0, 3], 20)


def test_failures_in_time() -> None:
    # 1,000 FIT per Mbit, 1 MiB exposed, one flip of eight critical: 1,048.576 FIT, 953,674 h.
    failures = fit(1000 / 1e6, 8 * 2**20, 1 / 8)
    assert failures == pytest.approx(1048.576)
    assert mttf_h(failures) == pytest.approx(953_674.3, rel=1e-6)
    assert mttf_h(0.0) == float("inf")
