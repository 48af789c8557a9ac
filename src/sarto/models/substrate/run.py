"""Drives a substrate with sequences: the readings after every step, or pooled ones.

    s_0 at rest,   s_t = step(s_{t-1}, u_t),   reading_t = read(s_t)

The sequences are sorted by length and cut into sessions of as many as the substrate takes at once. Those that have
ended leave their session, so no padded step is ever made. Every state is checked: a wrong shape, NaN or infinity
stops the run with the sequence and the step at which it appeared.

>>> from sarto.models.substrate.black_box import BlackBox
>>> from sarto.models.sequences import read_sequences
>>> total = BlackBox(lambda s, u: s + u, channels=1, units=1)
>>> readings(total, read_sequences([np.ones((2, 1)), np.ones((3, 1))])).ravel().tolist()
[1.0, 2.0, 1.0, 2.0, 3.0]
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int, UInt64

from sarto.models.input_error import InputError
from sarto.models.pooling import Pooling
from sarto.models.sequences import Sequences
from sarto.models.states import BLOCK_ITEMS, check_washout, map_blocks
from sarto.models.substrate.noise import sequence_keys
from sarto.models.substrate.protocol import Substrate


def pooled_readings(
    substrate: Substrate,
    sequences: Sequences,
    pooling: Pooling,
    *,
    seed: int = 0,
    keys: UInt64[np.ndarray, " item"] | None = None,
    washout: int = 0,
    n_jobs: int = 1,
) -> Float[np.ndarray, "item feature"]:
    """Return the pooled readings of each sequence, in the order given.

    Args:
        substrate: what is driven.
        sequences: inputs as it sees them.
        pooling: see `sarto.models.pooling`; its steps are counted from the end of the washout.
        seed: of the noise.
        keys: of the noise of each sequence; None makes them of the sequences.
        washout: first steps of each sequence that move the state and are not pooled.
        n_jobs: threads, for a substrate that is `concurrent`; the result does not depend on it.

    Raises:
        InputError: E105 (a state that is no number), E108 (channels or shapes disagree), E115, E116.
    """
    _check_channels(substrate, sequences)
    check_washout(sequences.lengths, washout)
    named = sequence_keys(sequences) if keys is None else keys
    features = np.empty((len(sequences), pooling.width(substrate.units)))

    def run(items: Int[np.ndarray, " item"]) -> None:
        pool = pooling.start(sequences.lengths[items] - washout, substrate.units, np.dtype(np.float64))
        for step, reading in walk(substrate, sequences, items, named[items], seed):
            if step >= washout:
                pool.add(step - washout, reading)
        features[items] = pool.features()

    map_blocks(run, sessions(substrate, sequences), n_jobs if substrate.concurrent else 1)
    return features


def readings(
    substrate: Substrate,
    sequences: Sequences,
    *,
    seed: int = 0,
    keys: UInt64[np.ndarray, " item"] | None = None,
    n_jobs: int = 1,
) -> Float[np.ndarray, "row unit"]:
    """Return the reading after every step of every sequence; row r belongs to row r of `sequences.values`."""
    _check_channels(substrate, sequences)
    named = sequence_keys(sequences) if keys is None else keys
    out = np.empty((len(sequences.values), substrate.units))

    def run(items: Int[np.ndarray, " item"]) -> None:
        starts = sequences.offsets[items]
        for step, reading in walk(substrate, sequences, items, named[items], seed):
            out[starts[: len(reading)] + step] = reading

    map_blocks(run, sessions(substrate, sequences), n_jobs if substrate.concurrent else 1)
    return out


def walk(
    substrate: Substrate,
    sequences: Sequences,
    items: Int[np.ndarray, " item"],
    keys: UInt64[np.ndarray, " item"],
    seed: int,
) -> Iterator[tuple[int, Float[np.ndarray, "live unit"]]]:
    """Yield each step's number and the readings after it of the items that last so long, longest first."""
    lengths, starts = sequences.lengths[items], sequences.offsets[items]
    assert (np.diff(lengths) <= 0).all(), "longest first"
    session = substrate.start(keys, seed)
    state = _whole(session.state, len(items), substrate.states, "the state before the first step", items, 0)
    live = len(items)
    for step in range(int(lengths.max(initial=0))):
        while lengths[live - 1] <= step:
            live -= 1
        u = sequences.values[starts[:live] + step].astype(np.float64)
        state = _whole(session.step(state[:live], u), live, substrate.states, "the state", items, step)
        yield step, _whole(session.read(state), live, substrate.units, "the reading", items, step)


def sessions(substrate: Substrate, sequences: Sequences) -> list[Int[np.ndarray, "_"]]:
    """Return the items of each session, longest first; the order of equal lengths is kept."""
    most = BLOCK_ITEMS if substrate.at_once is None else min(substrate.at_once, BLOCK_ITEMS)
    order = np.argsort(-sequences.lengths, kind="stable")
    return [order[i : i + most] for i in range(0, len(order), most)]


def _check_channels(substrate: Substrate, sequences: Sequences) -> None:
    if sequences.channels != substrate.channels:
        raise InputError(
            "E108",
            f"X has {sequences.channels} channels, the substrate takes {substrate.channels}",
            cause="each step gives one number to each input",
            hint="give as many channels as the substrate declares",
        )


def _whole(
    found: Float[np.ndarray, "..."],
    items: int,
    size: int,
    what: str,
    named: Int[np.ndarray, " item"],
    step: int,
) -> Float[np.ndarray, "live _"]:
    """Return `found`, or say where its shape or its values are wrong."""
    if found.shape != (items, size):
        raise InputError(
            "E108",
            f"{what} has the shape {found.shape} at step {step}",
            cause=f"the substrate declares {size} numbers for each of {items} sequences",
            hint="correct the declared sizes, or what the substrate returns",
        )
    good = np.isfinite(found)
    if not good.all():
        row, place = np.argwhere(~good)[0]
        raise InputError(
            "E105",
            f"{what} is {found[row, place]} in place {place}, sequence {named[row]}, step {step}",
            cause="the substrate left the numbers that can be read, and everything after it would be spoilt",
            hint="lower its gains or the integration step, or check the apparatus",
        )
    return found
