"""Secrets in shares: any so many tell them, fewer do not, and every fewer fits every secret."""

from __future__ import annotations

import secrets
from itertools import combinations

import pytest

from sarto.learn.secret_sharing import PRIME, recovered, shared


def test_any_threshold_of_shares_tells_the_secret_and_fewer_do_not() -> None:
    secret = secrets.token_bytes(32)
    shares = shared(secret, 5, 3)
    assert all(recovered(some) == secret for some in combinations(shares, 3))
    assert recovered(shares) == secret
    assert not any(recovered(some) == secret for some in combinations(shares, 2))


def test_a_line_through_known_points() -> None:
    # 7 + 5 x: its shares are its values, by hand.
    shares = shared((7).to_bytes(32, "little"), 3, 2, below=lambda _: 5)
    assert shares == [(1, 12), (2, 17), (3, 22)]
    assert recovered([(1, 12), (3, 22)]) == (7).to_bytes(32, "little")
    # The same first share fits another secret as well: (1, 12) is on 0 + 12 x.
    assert shared(bytes(32), 3, 2, below=lambda _: 12)[0] == shares[0]


@pytest.mark.parametrize("holder", [0, 2])
def test_a_wrong_share_is_another_secret(holder: int) -> None:
    shares = shared(bytes(range(32)), 3, 3)
    x, y = shares[holder]
    shares[holder] = (x, (y + 1) % PRIME)
    assert recovered(shares) != bytes(range(32))
