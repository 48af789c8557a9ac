"""Masked sums: exact whoever is lost, nothing to see in one upload, and members that do not give both secrets away."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.learn.fixed_point import FixedPoint
from sarto.learn.masking import Left, Member, unmasked
from sarto.learn.ridge_sum import RidgeSum
from sarto.learn.statistics import RidgeStatistics

NAMES = "abcdef"


def federation(
    names: Sequence[str] = NAMES, threshold: int = 4, context: bytes = b"sum 1", near: int = 9
) -> tuple[dict[str, Member], dict[str, Left]]:
    """Return members and what they left, with shares handed out; `near` limits pairs to so many names further on."""
    seeds = {
        (u, v): secrets.token_bytes(32)
        for (i, u), (j, v) in combinations(enumerate(names), 2)
        if min(j - i, len(names) - j + i) <= near
    }
    pairs = {u: {p[p[0] == u]: s for p, s in seeds.items() if u in p} for u in names}
    members = {u: Member(u, pairs[u], context, threshold) for u in names}
    dealt = {u: member.deal() for u, member in members.items()}
    for u in names:
        members[u].hold({v: d.shares[u] for v, d in dealt.items() if u in d.shares})
    return members, {u: d.left for u, d in dealt.items()}


def summed(
    values: dict[str, Any],
    lost: str = "",
    silent: str = "",
    **settings: Any,
) -> Any:
    members, left = federation(tuple(values), **settings)
    sent = {u: members[u].masked(values[u]) for u in values if u not in lost}
    answers = {u: members[u].answer(tuple(sent), tuple(lost)) for u in sent if u not in silent}
    return unmasked(sent, left, answers)


def drawn(count: int, names: Sequence[str] = NAMES) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {u: rng.integers(0, 2**64, count, dtype=np.uint64) for u in names}


@pytest.mark.parametrize(("lost", "silent"), [("", ""), ("c", ""), ("af", ""), ("", "be"), ("d", "a")])
def test_the_sum_is_exact_whoever_is_lost(lost: str, silent: str) -> None:
    values = drawn(50)
    exact = sum(values[u] for u in NAMES if u not in lost)
    np.testing.assert_array_equal(summed(values, lost, silent), exact)


def test_fewer_pairs_are_enough() -> None:
    names = tuple("abcdefghij")
    values = drawn(20, names)
    exact = sum(values[u] for u in names if u != "d")
    np.testing.assert_array_equal(summed(values, "d", threshold=4, near=2), exact)


def test_statistics_under_masks_are_those_of_the_plain_sum_to_the_bit() -> None:
    rng = np.random.default_rng(2)
    limits = FixedPoint(6, 5, 6.0)
    parts = {
        u: RidgeStatistics.of(rng.normal(size=(5, 4)), rng.integers(0, 2, 5), classes=(0, 1)) for u in NAMES
    }
    like = RidgeSum.like(parts["a"])
    encoded = {u: limits.of_statistics(part, like) for u, part in parts.items()}
    found = limits.sum_of(summed(encoded, "b"), like)
    plain = sum((encoded[u] for u in "fedca"), np.zeros(len(encoded["a"]), np.uint64))
    assert found.count == 25
    assert found.pack() == limits.sum_of(plain, like).pack()


def test_one_upload_looks_uniform_and_fits_any_content() -> None:
    (a, b) = (federation()[0]["a"].masked(np.full(20_000, x, np.uint64)) for x in (0, 2**63))
    for sent in (a, b):
        counts = np.bincount((sent >> np.uint64(56)).astype(np.int64), minlength=256)
        chi_square = float(((counts - 20_000 / 256) ** 2 / (20_000 / 256)).sum())
        assert 150 < chi_square < 380  # 255 degrees of freedom: 5 standard deviations
        ones = np.unpackbits(sent.view(np.uint8)).mean()
        assert abs(ones - 0.5) < 5 * 0.5 / np.sqrt(64 * 20_000)
    assert abs(float(np.corrcoef(a.astype(np.float64), b.astype(np.float64))[0, 1])) < 0.04


def test_masks_differ_from_sum_to_sum_and_from_member_to_member() -> None:
    seed = bytes(32)
    zeros = np.zeros(4, np.uint64)

    def of_pairs(name: str, other: str, context: bytes) -> Any:
        member = Member(name, {other: seed}, context, 2)
        own = member.deal().shares[name]
        del own
        return member.masked(zeros)

    sent = [of_pairs("a", "b", context) for context in (b"1", b"1", b"2")]
    assert len({s.tobytes() for s in sent}) == 3  # the own seed is drawn for each


def test_a_wrong_seed_is_noticed_by_the_sum_and_a_wrong_number_within_the_limits_is_not() -> None:
    limits, like = FixedPoint(6, 5, 2.0), RidgeSum(2, 1)
    part = RidgeStatistics.of(np.ones((3, 2)), np.arange(3.0))
    encoded = limits.of_statistics(part, like)
    members, left = federation()
    members["a"]._pairs["b"] = bytes(32)  # pyright: ignore[reportPrivateUsage]
    sent = {u: members[u].masked(encoded) for u in NAMES}
    answers = {u: members[u].answer(NAMES, ()) for u in NAMES}
    with pytest.raises(SartoError) as caught:
        limits.sum_of(unmasked(sent, left, answers), like)
    assert caught.value.code == "E169"
    members, left = federation()
    sent = {u: members[u].masked(encoded) for u in NAMES}
    sent["a"][3] += np.uint64(12345)
    answers = {u: members[u].answer(NAMES, ()) for u in NAMES}
    assert limits.sum_of(unmasked(sent, left, answers), like).count == 18


def refused(call: Any, *arguments: Any) -> str:
    with pytest.raises(SartoError) as caught:
        call(*arguments)
    assert caught.value.code == "E169"
    return caught.value.message


def test_a_member_gives_one_secret_of_a_client_once() -> None:
    members, _ = federation()
    assert "there and missing" in refused(members["a"].answer, "abcde", "e")
    assert "3 clients are there" in refused(members["a"].answer, "abc", "def")
    assert set(members["a"].answer("abcde", "f")) == set(NAMES)
    assert members["a"].answer("abcde", "f") == members["a"].answer("edcba", "f")
    assert "a second time" in refused(members["a"].answer, "abcdf", "e")


def test_too_few_answers_tell_nothing_and_wrong_ones_are_noticed() -> None:
    members, left = federation()
    sent = {u: members[u].masked(np.zeros(2, np.uint64)) for u in "abcde"}
    answers: dict[str, Any] = {u: members[u].answer("abcde", "f") for u in "abc"}
    assert "3 shares of 'a', and 4 are needed" in refused(unmasked, sent, left, answers)
    answers["d"] = members["d"].answer("abcde", "f") | {"f": (4, 5)}
    assert "the shares of 'f' do not fit" in refused(unmasked, sent, left, answers)
    assert "0 clients" in refused(unmasked, {}, left, answers)


@pytest.mark.parametrize("threshold", [3, 7])
def test_half_of_the_members_are_too_few(threshold: int) -> None:
    assert f"a threshold of {threshold} of 6" in refused(federation, NAMES, threshold)
