"""The context coder: its format, and what its contexts gain."""

from __future__ import annotations

import numpy as np
import pytest

from sarto.compress.code import context, rans
from sarto.compress.code._lag import best_lag
from sarto.compress.code._range import Context, Decoder, Encoder
from sarto.compress.code._sparse import smoothed
from tests.compress.code.slow import decode_context
from tests.compress.code.weights import independent, structured


@pytest.mark.parametrize(
    ("symbols", "alphabet"),
    [
        (structured(20, 7, 90), 9),
        (independent((12, 15), 0.15, 1), 2),
        (independent((6, 40), 0.3, 5), 6),
        ((independent((10, 12), 0.3, 4) + 3) % 6, 6),
        (np.random.default_rng(0).integers(0, 700, (5, 8)), 700),
        (np.full((3, 4), 2), 5),
    ],
)
def test_a_decoder_written_from_the_description_agrees(symbols: np.ndarray, alphabet: int) -> None:
    data = context.encode(symbols, alphabet).data
    rows, columns = symbols.shape
    assert decode_context(data, rows, columns, alphabet) == symbols.tolist()


def test_the_format_stays_what_it_is() -> None:
    """Files are written by one version and read by another."""
    assert (
        context.encode(structured(12, 6, 40), 9).data.hex()
        == "3c07e9e7406b4a15d73763300d0f8347ed1ad2d22d342879be568008c3c2db169ac7fa55e0"
    )


def test_structure_is_found() -> None:
    """Density that varies by column and row, dead ones among them: a tenth below independent symbols."""
    symbols = structured(120, 16, 1500)
    assert len(context.encode(symbols, 9).data) < 0.93 * len(rans.encode(symbols, 9).data)


def test_without_structure_little_is_lost() -> None:
    symbols = independent((100, 120), 0.05, 6)
    assert len(context.encode(symbols, 7).data) < 1.01 * len(rans.encode(symbols, 7).data) + 4


def test_the_period_of_columns_is_found_and_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every ninth position of a kernel is dense."""
    rng = np.random.default_rng(0)
    density = np.tile([0.3, 0.02, 0.02, 0.02, 0.2, 0.02, 0.02, 0.02, 0.02], 20)
    symbols = (rng.random((16, 180)) < density).astype(np.int64)
    coded = context.encode(symbols, 2)
    assert coded.tables[1] + 2 == 9
    assert best_lag(np.full(180, 3)) == 2
    monkeypatch.setattr(context, "best_lag", lambda counts: 2)
    assert len(coded.data) < 0.98 * len(context.encode(symbols, 2).data)


def test_neighbours_sums_worked_by_hand() -> None:
    counts = np.zeros(9, np.int64)
    counts[4] = 1
    assert smoothed(counts, 3).tolist() == [1, 2, 1, 2, 4, 2, 1, 2, 1]
    assert smoothed(counts, 2).tolist() == [0, 1, 2, 3, 4, 3, 2, 1, 0]


def test_probabilities_worked_by_hand() -> None:
    """A half, then 1/2 + 1/2 * 2/3 after a first 1, then 2/5 of the way down."""
    encoder = Encoder([Context.HALF])
    encoder.code(0, 1)
    assert encoder.probabilities[0] == (1 << 21) + (((1 << 21) * 43690) >> 16)
    before = encoder.probabilities[0]
    encoder.code(0, 0)
    assert encoder.probabilities[0] == before + (-before * 26214 >> 16)


@pytest.mark.parametrize("share", [0.0001, 0.02, 0.5, 0.98])
def test_decisions_cost_their_information(share: float) -> None:
    rng = np.random.default_rng(3)
    bits = (rng.random(3000) < share).astype(int).tolist()
    encoder = Encoder([Context.HALF])
    for bit in bits:
        encoder.code(0, bit)
    data = encoder.data()
    ones = max(1, sum(bits))
    information = -ones * np.log2(ones / 3000) - (3000 - ones) * np.log2(1 - ones / 3000)
    assert len(data) < 1.005 * information / 8 + 4
    decoder = Decoder([Context.HALF], data)
    assert [decoder.code(0) for _ in bits] == bits
    decoder.close()


def test_a_carry_runs_through_bytes_that_are_full() -> None:
    """Improbable decisions at the upper end of the range: the bytes written are all ones until one more overflows."""
    for seed in range(300):
        rng = np.random.default_rng(seed)
        start = [int(rng.choice([1, 60, (1 << 22) - 60]))]
        bits = (rng.random(20) < 0.5).astype(int).tolist()
        encoder = Encoder(start)
        for bit in bits:
            encoder.code(0, bit)
        decoder = Decoder(start, encoder.data())
        assert [decoder.code(0) for _ in bits] == bits
