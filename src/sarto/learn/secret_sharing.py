"""A secret in shares, of which some number tells it and one less tells nothing.

    f(x) = secret + a_1 x + ... + a_(t-1) x^(t-1)  mod p,     share of holder i: (i, f(i)),  i = 1, 2, ...

with p = 2^521 - 1 and a random below p; t shares determine f(0) by Lagrange's interpolation, and of fewer every secret
is as likely.

Source: Shamir, "How to share a secret", Communications of the ACM 22 (1979).

>>> shares = shared(bytes(range(32)), holders=5, threshold=3)
>>> recovered([shares[4], shares[0], shares[2]]) == bytes(range(32)), recovered(shares[:2]) == bytes(range(32))
(True, False)
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import TypeAlias

PRIME = 2**521 - 1
SECRET_B = 32
Share: TypeAlias = tuple[int, int]
"""Number of the holder, and the value of the polynomial there."""


def shared(
    secret: bytes, holders: int, threshold: int, below: Callable[[int], int] = secrets.randbelow
) -> list[Share]:
    """Return a share for each holder.

    Args:
        secret: of 32 bytes.
        holders: how many.
        threshold: shares that tell the secret.
        below: draws a number from 0 up to, not including, its argument.
    """
    assert len(secret) == SECRET_B and 1 <= threshold <= holders
    coefficients = [int.from_bytes(secret, "little"), *(below(PRIME) for _ in range(threshold - 1))]

    def value(x: int) -> int:
        total = 0
        for a in reversed(coefficients):
            total = (total * x + a) % PRIME
        return total

    return [(x, value(x)) for x in range(1, holders + 1)]


def recovered(shares: Sequence[Share]) -> bytes:
    """Return what shares of different holders tell: the secret, where they are as many as the threshold.

    Of fewer or of wrong shares it is another secret, of which its lowest 32 bytes are returned.
    """
    total = 0
    for i, (x, y) in enumerate(shares):
        over = under = 1
        for j, (other, _) in enumerate(shares):
            if i != j:
                over, under = over * other % PRIME, under * (other - x) % PRIME
        total += y * over * pow(under, -1, PRIME)
    return (total % PRIME % 2 ** (8 * SECRET_B)).to_bytes(SECRET_B, "little")
