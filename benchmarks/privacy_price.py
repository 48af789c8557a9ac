"""What hiding costs: accuracy at a stated epsilon, bytes and errors of masks; and 1,000 hostile uploads, all refused.

Noise: rows of length 1, example level, delta 1e-5, 5 seeds. Digits (1,078 rows in 100 clients, each class spread by
Dirichlet(.05); 64 pixels, and 1,000 random Fourier features) and `sp_sw_har` (84 statistics of a window, and 1,000
random features of them; subjects are clients, a fifth of them is judged per seed). Central noise is added once, local
noise by each client. Beside stand ridge without noise, its penalty by GCV; the largest class; the usual noise (a
constant in the row, the same noise on every number) with its best penalty in hindsight; and AdaSSP. The one constant of
ours, the half in its ridge, and the weight of A were chosen on 1,078 training images of MNIST, of which all 60,000 are
a third set for what more rows do.

Attacks: what the uploads of the digits' clients reveal, worked out and held to their rows, as `auto` makes them; the
likelihood-ratio attack on the noise, at the promised deviation and at a tenth of it. Masks: bytes, time, and how far
the readout is from the plain one. Hostile uploads: see `benchmarks/_hostile_uploads.py`; none may change a bit of the
sum.
"""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks import _hostile_uploads as hostile
from benchmarks import _released as released
from benchmarks._bench import Bench
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most, over_seeds
from sarto.audit.leaks import leaks, leaks_of_clients, outside
from sarto.audit.leaks.membership import scores, shown_epsilon
from sarto.learn.fixed_point import FixedPoint
from sarto.learn.gaussian_mechanism import Promise
from sarto.learn.masking import Member, unmasked
from sarto.learn.payload import packed, received
from sarto.learn.perturbation import Perturbed
from sarto.learn.ridge_sum import RidgeSum
from sarto.learn.statistics import RidgeStatistics

MINUTES = 12
EPSILONS = (1.0, 3.0, 10.0)
EARLIER = {
    (False, False): (0.789, 0.865, 0.907),
    (False, True): (0.140, 0.361, 0.772),
    (True, False): (0.497, 0.781, 0.906),
    (True, True): (0.117, 0.199, 0.373),
}
"""Accuracy on digits at each epsilon, of many features or few, local or central: an earlier trial with the usual noise
and penalties chosen with the data."""
UPLOADS, QUICK_UPLOADS = 1000, 80
MASKED, LOST, THRESHOLD = 20, 3, 14
DRAWS, QUICK_DRAWS = 20_000, 1000


def run(bench: Bench) -> Outcome:
    """Return accuracies, what attacks found, and what became of hostile uploads."""
    figures: dict[str, Figure] = {}
    bars = _prices(bench, figures)
    bars += _attacks(bench, figures)
    bars += _masks(bench, figures)
    bars += _hostile(bench, figures)
    return Outcome(figures, () if bench.quick else tuple(bars))


def _prices(bench: Bench, figures: dict[str, Figure]) -> list[Bar]:
    bars: list[Bar] = []
    for name in ("digits", "sp_sw_har", "MNIST"):
        for large in (False, True):
            found = [_price(bench, name, large, seed) for seed in bench.seeds]
            size = f"{name}, {found[0]['features']:.0f} features"
            for key in [key for key in found[0] if key not in ("features", "clients")]:
                figures |= over_seeds(f"{size}: {key}", [each[key] for each in found], "1", "measured")
            figures |= over_seeds(f"{size}: clients", [each["clients"] for each in found], "1", "measured")
            means = {key: figures[f"{size}: {key}, mean"].value for key in found[0] if key[0] == "e"}
            bench.say(f"{size}: {', '.join(f'{key} {value:.3f}' for key, value in means.items())}")
            for i, epsilon in enumerate(EPSILONS):
                for local in (False, True):
                    kind = f"epsilon {epsilon:g}, {'local' if local else 'central'}"
                    if name == "digits":
                        bars.append(
                            at_least(f"{size}: {kind}, accuracy", means[kind], EARLIER[large, local][i])
                        )
                if name != "MNIST":
                    kind = f"epsilon {epsilon:g}, central"
                    rival = max(means[f"{kind}, usual noise"], means[f"{kind}, AdaSSP"])
                    bars.append(at_least(f"{size}: {kind}, less the best rival", means[kind] - rival, 0.0))
    return bars


def _price(bench: Bench, name: str, large: bool, seed: int) -> dict[str, float]:
    settings = {"set": name, "large": large, "seed": seed}
    return bench.once(settings, _priced, name, large, seed)


def _priced(name: str, large: bool, seed: int) -> dict[str, float]:
    """Return accuracies of one split: without noise, with it at each epsilon, and those of rivals."""
    data = released.split_of(name, large, seed)
    majority = np.bincount(data.y).argmax()
    found = {
        "features": float(data.x.shape[1]),
        "clients": float(len(np.unique(data.client))),
        "none": released.without_noise(data),
        "the largest class": float((data.test_y == majority).mean()),
    }
    for epsilon in EPSILONS:
        for local in (False, True):
            kind = f"epsilon {epsilon:g}, {'local' if local else 'central'}"
            found[kind] = released.with_noise(data, epsilon, local, seed)
            if name != "MNIST":
                found[f"{kind}, usual noise"] = released.with_constant(data, epsilon, local, seed)
        if name != "MNIST":
            found[f"epsilon {epsilon:g}, central, AdaSSP"] = released.adaptive(data, epsilon, seed)
    return found


def _attacks(bench: Bench, figures: dict[str, Figure]) -> list[Bar]:
    bars: list[Bar] = []
    for large in (False, True):
        data = released.split_of("digits", large, 0)
        size = f"digits, {data.x.shape[1]} features"
        rows = {int(c): np.flatnonzero(data.client == c) for c in np.unique(data.client)}
        sent = {c: packed(data.x[r], data.y[r], classes=data.classes) for c, r in rows.items()}
        table = leaks_of_clients((str(c), payload) for c, payload in sent.items()).table
        known, errors, members, others = 0, [0.0], [0.0], [1.0]
        for c, payload in sent.items():
            for row in leaks(payload).known.features:
                errors.append(float(np.abs(data.x[rows[c]] - row).max(axis=1).min()))
                known += 1
            if table.rows[list(sent).index(c)][table.columns.index("span")]:
                statistics = received(payload)
                members.append(float(outside(statistics, data.x[rows[c]]).max()))
                others.append(float(outside(statistics, data.test_x).min()))
        counts = {name: np.array(table.column(name), np.float64) for name in table.columns[2:]}
        figures[f"{size}: clients"] = Figure(len(sent), "1", "measured")
        for what, share in {
            "of one row": counts["rows"] == 1,
            "with a class of one row": counts["classes of one row"] > 0,
            "whose rows are all known": counts["known rows"] == counts["rows"],
            "whose members can be told": (counts["span"] > 0) | (counts["known rows"] == counts["rows"]),
        }.items():
            figures[f"{size}: clients {what}"] = Figure(float(share.sum()), "1", "measured", len(sent))
        figures[f"{size}: rows that are worked out"] = Figure(known, "1", "measured", len(data.y))
        figures[f"{size}: largest error of such a row"] = Figure(max(errors), "1", "measured", known)
        figures[f"{size}: rows of a client lie outside its span by at most"] = Figure(
            max(members), "1", "measured"
        )
        figures[f"{size}: other rows lie outside a client's span by at least"] = Figure(
            min(others), "1", "measured"
        )
        bars.append(at_most(f"{size}: largest error of a row that was worked out", max(errors), 1e-5))
        bars.append(
            at_least(
                f"{size}: members and others apart in the span test",
                min(others) / max(max(members), 1e-12),
                10,
            )
        )
    return bars + _membership(bench, figures)


def _membership(bench: Bench, figures: dict[str, Figure]) -> list[Bar]:
    """Attack the noise of each epsilon, and a tenth of it."""
    bars: list[Bar] = []
    rng = np.random.default_rng(5)
    others = Perturbed.of_rows(rng.normal(size=(200, 4)), rng.integers(0, 2, 200), (0, 1))
    row = Perturbed.of_rows(np.array([[0.0, 1.0, 0.0, 0.0]]), np.array([1]), (0, 1))
    draws = QUICK_DRAWS if bench.quick else DRAWS
    for epsilon in EPSILONS:
        promise = Promise(epsilon, released.DELTA)
        there, absent = scores(others, row, promise, draws, rng)
        shown = shown_epsilon(there, absent, promise.delta)
        # The same scores in a tenth of the noise: of both kinds the mean is what it is.
        weak = [s.mean() + (s - s.mean()) / 10 for s in (there, absent)]
        broken = shown_epsilon(weak[0], weak[1], promise.delta)
        figures[f"attack on epsilon {epsilon:g}: epsilon shown"] = Figure(shown, "1", "measured", 2 * draws)
        figures[f"attack on a tenth of the noise of epsilon {epsilon:g}: epsilon shown"] = Figure(
            broken, "1", "measured", 2 * draws
        )
        bars.append(at_most(f"epsilon that the attack shows of a promise of {epsilon:g}", shown, epsilon))
        if epsilon < 10:
            bars.append(at_least(f"the same with a tenth of the noise of {epsilon:g}", broken, epsilon))
    return bars


def _masks(bench: Bench, figures: dict[str, Figure]) -> list[Bar]:
    """Sum the statistics of clients under masks, some of whom go missing."""
    bars: list[Bar] = []
    for large in (False, True):
        data = released.split_of("digits", large, 0)
        size = f"digits, {data.x.shape[1]} features"
        parts = {
            f"{i:02}": RidgeStatistics.of(data.x[i::MASKED], data.y[i::MASKED], classes=data.classes)
            for i in range(MASKED)
        }
        like, plain = RidgeSum.like(parts["00"]), RidgeSum.like(parts["00"])
        limits = FixedPoint(MASKED, 100)
        members = _members(list(parts))
        left = {name: member.deal() for name, member in members.items()}
        for name, member in members.items():
            member.hold({other: dealt.shares[name] for other, dealt in left.items()})
        there = list(parts)[LOST:]
        start = time.perf_counter()
        sent = {name: members[name].masked(limits.of_statistics(parts[name], like)) for name in there}
        of_client = (time.perf_counter() - start) / len(there)
        answers = {name: members[name].answer(there, list(parts)[:LOST]) for name in there[:THRESHOLD]}
        start = time.perf_counter()
        total = unmasked(sent, {name: dealt.left for name, dealt in left.items()}, answers)
        of_server = time.perf_counter() - start
        found = limits.sum_of(total, like)
        for name in there:
            plain.add(parts[name])
        ridge = plain.statistics.ridge_from_relative(1e-3)
        W, exact = (s.statistics.solve(ridge).weights for s in (found, plain))
        off = float(np.abs(W - exact).max() / np.abs(exact).max())
        payloads = [
            len(packed(data.x[i::MASKED], data.y[i::MASKED], classes=data.classes)) for i in range(MASKED)
        ]
        figures[f"{size}: binary places under masks"] = Figure(limits.places, "1", "declared")
        figures[f"{size}: readout of a masked sum off the plain one, relative"] = Figure(off, "1", "measured")
        figures[f"{size}: bytes of an upload under masks"] = Figure(sent[there[0]].nbytes, "B", "measured")
        figures[f"{size}: bytes of the same upload without"] = Figure(
            float(np.median(payloads)), "B", "measured", MASKED, (float(min(payloads)), float(max(payloads)))
        )
        figures[f"{size}: time of a client of {MASKED} to mask"] = Figure(
            of_client, "s", "measured", len(there)
        )
        figures[f"{size}: time of the server to unmask, {LOST} of {MASKED} missing"] = Figure(
            of_server, "s", "measured"
        )
        bars.append(at_most(f"{size}: readout of a masked sum off the plain one, relative", off, 1e-9))
        bars.append(
            Bar(f"{size}: rows of a masked sum", f"== {plain.count}", found.count, found.count == plain.count)
        )
    return bars


def _members(names: list[str]) -> dict[str, Member]:
    seeds = {(u, v): secrets.token_bytes(32) for u in names for v in names if u < v}
    return {
        u: Member(u, {v: seeds[min(u, v), max(u, v)] for v in names if v != u}, b"benchmark", THRESHOLD)
        for u in names
    }


def _hostile(bench: Bench, figures: dict[str, Figure]) -> list[Bar]:
    count = QUICK_UPLOADS if bench.quick else UPLOADS
    with ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=hostile.limit_memory
    ) as executor:
        found: dict[str, Any] = executor.submit(hostile.tried, count, 0).result()
    refused, faults = sum(found["refused"].values()), sum(found["faults"].values())
    for what, number in found["faults"].items():
        bench.say(f"hostile uploads, {what}: {number}")
    figures["hostile uploads"] = Figure(count, "1", "measured")
    figures["hostile uploads: ways"] = Figure(len(hostile.WAYS), "1", "measured")
    for code, number in sorted(found["refused"].items()):
        figures[f"hostile uploads: {code}"] = Figure(number, "1", "measured", count)
    figures["hostile uploads: longest"] = Figure(found["longest_s"], "s", "measured", count)
    figures["hostile uploads: more memory"] = Figure(found["memory_b"], "B", "measured", count)
    return [
        at_least("hostile uploads that are refused with a reason", refused, count),
        at_most("hostile uploads that end otherwise", faults, 0),
        at_most("hostile uploads after which sum or clients were others", found["spoilt"], 0),
        at_least(
            "after them a sound upload gives the bits of a journal never attacked", float(found["sound"]), 1
        ),
        at_most("seconds of a hostile upload at most", found["longest_s"], 1.0),
        at_most("MB of memory that they took at most", found["memory_b"] / 1e6, 100.0),
    ]
