"""Sums of which a server sees nothing but the sum: clients add masks that cancel between pairs, and one of their own.

    y_u = x_u + m(b_u) + sum_(v > u) m(s_uv) - sum_(v < u) m(s_uv)     mod 2^64, of integers x_u

m expands 32 bytes to as many uniform integers as there are numbers (SHAKE-256 with the name of the sum). The seed s_uv
of a pair is known to u and v; b_u is drawn for this sum. Summed over all clients the masks of pairs cancel, and the
masks of their own are taken out with b_u, which t of the members put together from their shares. Of a client that dealt
and then went missing, t members give shares of its key instead, which opens the seeds of its pairs that it had left,
sealed, with the server: what the others added for it is taken out again. A member answers once, for a client as there
or as missing and never as both, since both together would show what it sent.

What is hidden: from a server that keeps to the protocol, and up to t - 1 members that work with it, everything but the
sum over the clients whose uploads came. This takes seeds of pairs and shares that the server cannot read (a key
agreement and channels between clients, which are not a part of this), and SHAKE-256 to be as good as random. A server
that tells members different things about who is missing, with c members at its side, learns no more while t > (n + c) /
2 of n. The sum is not hidden: of two clients each learns from it what the other gave, and two sums that differ by one
client tell what it gave. What a client adds, sound or not, nobody can check but by the sum; a mask that does not cancel
turns every number of it into a random one.

The seeds of pairs need not be of all pairs: each client needs enough others that fewer than t of them work with the
server.

Source: Bonawitz et al., "Practical secure aggregation for privacy-preserving machine learning", CCS 2017, protocol of
figure 4, with seeds of pairs given and sealed in place of key pairs; Bell et al., "Secure single-server aggregation
with (poly)logarithmic overhead", CCS 2020, for fewer pairs.

>>> seeds = {pair: bytes([i]) * 32 for i, pair in enumerate([("a", "b"), ("a", "c"), ("b", "c")])}
>>> pairs = {u: {v: seed for pair, seed in seeds.items() if u in pair for v in pair if v != u} for u in "abc"}
>>> members = {u: Member(u, pairs[u], b"sum 1", 2) for u in "abc"}
>>> dealt = {u: member.deal() for u, member in members.items()}
>>> for u in "abc":
...     members[u].hold({v: d.shares[u] for v, d in dealt.items() if u in d.shares})
>>> sent = {u: members[u].masked(np.array([x], np.uint64)) for u, x in zip("ab", (20, 22))}  # c goes missing
>>> answers = {u: members[u].answer(there=("a", "b"), missing=("c",)) for u in "ab"}
>>> unmasked(sent, {u: d.left for u, d in dealt.items()}, answers).tolist()
[42]
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt64

from sarto.learn.secret_sharing import SECRET_B, Share, recovered, shared
from sarto.models.input_error import InputError


@dataclass(frozen=True)
class Left:
    """What a client leaves with the server before a sum: nothing of it tells anything without t shares.

    Attributes:
        context: names the sum.
        threshold: t, shares that tell a secret of it.
        sealed: seeds of its pairs for this sum, under its key.
        digests: SHA-256 of its own seed and of its key, by which what shares tell is known to be right.
    """

    context: bytes
    threshold: int
    sealed: Mapping[str, bytes]
    digests: tuple[bytes, bytes]


@dataclass(frozen=True)
class Dealt:
    """What a client hands out before a sum.

    Attributes:
        shares: for each member that it has a pair with, and itself: its shares of own seed and key, for its eyes only.
        left: for the server.
    """

    shares: Mapping[str, tuple[Share, Share]]
    left: Left


class Member:
    """A client in one sum.

    Args:
        name: of the client.
        pairs: for each client that it has a pair with, the 32 bytes that only these two know; they may be used again.
        context: names the sum: no two sums have the same.
        threshold: t, how many members have to answer.

    Raises:
        InputError: E169, for a threshold of half of the members or less, or of more than there are.
    """

    def __init__(self, name: str, pairs: Mapping[str, bytes], context: bytes, threshold: int) -> None:
        members = sorted([*pairs, name])
        assert name not in pairs and all(len(seed) == SECRET_B for seed in pairs.values())
        if not len(members) / 2 < threshold <= len(members):
            raise InputError(
                "E169",
                f"a threshold of {threshold} of {len(members)} members",
                cause="half of the members could say that a client is there, and the others that it is missing",
                hint=f"at least {len(members) // 2 + 1}, at most {len(members)}",
            )
        self.name, self.context, self.threshold = name, context, threshold
        self._members = members
        self._pairs = {other: _of_sum(seed, context) for other, seed in pairs.items()}
        self._own, self._key = secrets.token_bytes(SECRET_B), secrets.token_bytes(SECRET_B)
        self._held: dict[str, tuple[Share, Share]] = {}
        self._answered: tuple[frozenset[str], frozenset[str]] | None = None

    def deal(self) -> Dealt:
        """Return what the other members and the server get before the sum."""
        count = len(self._members)
        both = zip(
            shared(self._own, count, self.threshold), shared(self._key, count, self.threshold), strict=True
        )
        sealed = {other: _sealed(seed, self._key, other) for other, seed in self._pairs.items()}
        digests = (hashlib.sha256(self._own).digest(), hashlib.sha256(self._key).digest())
        shares = dict(zip(self._members, both, strict=True))
        return Dealt(shares, Left(self.context, self.threshold, sealed, digests))

    def hold(self, shares: Mapping[str, tuple[Share, Share]]) -> None:
        """Keep the shares that other members, and this one, dealt to this one: by the name of who dealt."""
        self._held.update(shares)

    def masked(self, values: UInt64[np.ndarray, " value"]) -> UInt64[np.ndarray, " value"]:
        """Return integers under all masks of this member; those of a second upload would be the same, so send one."""
        total = values + _mask(self._own, self.context, len(values))
        for other, seed in self._pairs.items():
            mask = _mask(seed, self.context, len(values))
            total = total + mask if self.name < other else total - mask
        return total

    def answer(self, there: Collection[str], missing: Collection[str]) -> dict[str, Share]:
        """Return a share of the own seed of each client that is there, and of the key of each that is missing.

        Raises:
            InputError: E169, when a client is both, when too few are there, or when this sum was answered otherwise.
        """
        asked = (frozenset(there), frozenset(missing))
        if self._answered not in (None, asked) or asked[0] & asked[1]:
            raise InputError(
                "E169",
                f"{self.name} is asked for shares a second time, or of a client that is there and missing",
                cause="both secrets of a client together show what it sent",
                hint="begin another sum",
            )
        if len(asked[0]) < self.threshold:
            raise _too_few(f"{len(asked[0])} clients are there", self.threshold)
        self._answered = asked
        return {u: shares[u in asked[1]] for u, shares in self._held.items() if u in asked[0] | asked[1]}


def unmasked(
    uploads: Mapping[str, UInt64[np.ndarray, " value"]],
    left: Mapping[str, Left],
    answers: Mapping[str, Mapping[str, Share]],
) -> UInt64[np.ndarray, " value"]:
    """Return the sum mod 2^64 of what the clients that are there put in.

    Args:
        uploads: of each client that is there.
        left: by every client that dealt; those without an upload are missing.
        answers: of members: for each client that there was, a share.

    Raises:
        InputError: E169, with fewer uploads or shares than the threshold, or shares that do not fit what was left.
    """
    missing = sorted(set(left) - set(uploads))
    if not uploads:
        raise _too_few("0 clients are there", 1)
    total = np.zeros(len(next(iter(uploads.values()))), np.uint64)
    for u, values in uploads.items():
        total = total + values - _mask(_told(u, left[u], answers, 0), left[u].context, len(total))
    for u in missing:
        key = _told(u, left[u], answers, 1)
        for v in set(left[u].sealed) & set(uploads):
            mask = _mask(_sealed(left[u].sealed[v], key, v), left[u].context, len(total))
            total = total - mask if v < u else total + mask
    return total


def _told(client: str, left: Left, answers: Mapping[str, Mapping[str, Share]], which: int) -> bytes:
    """Return the own seed (0) or the key (1) of a client, from the shares of those who answered."""
    shares = {shares[client][0]: shares[client] for shares in answers.values() if client in shares}
    if len(shares) < left.threshold:
        raise _too_few(f"{len(shares)} shares of '{client}'", left.threshold)
    secret = recovered([*shares.values()][: left.threshold])
    if hashlib.sha256(secret).digest() != left.digests[which]:
        raise InputError(
            "E169",
            f"the shares of '{client}' do not fit what it left",
            cause="a member gave a wrong share, or one for a client that is missing in place of one that is there",
            hint="ask other members",
        )
    return secret


def _mask(seed: bytes, context: bytes, count: int) -> UInt64[np.ndarray, " value"]:
    """Return `count` integers, uniform over 64 bits for who does not know the seed."""
    data = hashlib.shake_256(b"sarto mask" + seed + context).digest(8 * count)
    return np.frombuffer(data, "<u8").astype(np.uint64)


def _of_sum(seed: bytes, context: bytes) -> bytes:
    """Return the seed of a pair for one sum: what a key opens tells nothing of other sums."""
    return hashlib.sha256(b"sarto pair" + seed + context).digest()


def _sealed(seed: bytes, key: bytes, other: str) -> bytes:
    """Return a seed under a key that is used once, or out from under it."""
    pad = hashlib.shake_256(b"sarto seal" + key + other.encode()).digest(len(seed))
    return bytes(a ^ b for a, b in zip(seed, pad, strict=True))


def _too_few(what: str, threshold: int) -> InputError:
    return InputError(
        "E169",
        f"{what}, and {threshold} are needed",
        cause="fewer tell nothing, that is what hides a client",
        hint="wait for more, or begin another sum with a lower threshold",
    )
