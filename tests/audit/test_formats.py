"""Number formats of a model: what is stored, how many bits are wrong, intervals and findings."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from sarto.audit.format_network import of_network
from sarto.audit.formats import Arrays, formats
from sarto.core.bits import number_format
from sarto.core.errors import SartoError

RNG = np.random.default_rng(0)
ARRAYS = {"w": RNG.normal(size=(40, 50)).astype(np.float32), "b": RNG.normal(size=30), "steps": np.arange(4)}


class Seen:
    """Keeps what it is asked to judge; what it gives is the share of numbers that came back unchanged."""

    def __init__(self) -> None:
        self.arrays: list[Arrays] = []

    def __call__(self, arrays: Arrays) -> float:
        self.arrays.append(arrays)
        return float(np.mean(arrays["w"] == self.arrays[0]["w"]))


def test_arrays_are_stored_each_with_its_own_scale_and_whole_numbers_are_left_alone() -> None:
    for name in ("bf16", "posit(8,1)", "int8"):
        seen = Seen()
        formats(ARRAYS, seen, names=(name,), rates=(), repeats=2)
        (found,) = seen.arrays
        for key in ("w", "b"):
            values = ARRAYS[key]
            assert found[key].dtype == values.dtype and found[key].shape == values.shape
            assert np.array_equal(
                found[key], number_format(name).fitted(values).rounded(values).astype(values.dtype)
            )
        assert found["steps"] is ARRAYS["steps"]


def test_errors_are_per_stored_bit_and_drawn_anew_for_each_repeat() -> None:
    rate, repeats = 0.002, 25
    for name, width in (("fp32", 32), ("posit(8,0)", 8), ("fixed(3,3)", 6)):
        seen = Seen()
        audit = formats(ARRAYS, seen, names=(name,), rates=(rate,), repeats=repeats)
        row = dict(zip(audit.table.columns, audit.table.rows[1], strict=True))
        wanted = 2030 * width * rate
        assert abs(float(row["errors"]) - wanted) < 5 * np.sqrt(wanted / repeats)
        clean = [number_format(name).encode(ARRAYS[k]) for k in ("w", "b")]
        flips = list[int]()
        for arrays in seen.arrays[1:]:
            faulty = [number_format(name).encode(arrays[k]) for k in ("w", "b")]
            flips.append(sum(int(np.bitwise_count(a ^ b).sum()) for a, b in zip(clean, faulty, strict=True)))
        assert len(set(flips)) > 3
        assert (
            abs(np.mean(flips) - float(row["errors"])) < 0.01 * float(row["errors"]) + 1
        )  # NaN has many patterns
        assert row["bits"] == width and row["size"] == 2030 * width / 8


def test_interval_is_students_and_the_rest_of_the_row_says_what_was_seen() -> None:
    seen = Seen()
    audit = formats(ARRAYS, seen, names=("fp16",), rates=(0.01,), repeats=8, seed=3, subject_sha256="ab")
    row = dict(zip(audit.table.columns, audit.table.rows[1], strict=True))
    values = [float(np.mean(a["w"] == seen.arrays[0]["w"])) for a in seen.arrays[1:]]
    low, high = stats.t.interval(0.95, 7, np.mean(values), stats.sem(values))
    assert (row["quality"], row["n"]) == (pytest.approx(np.mean(values)), 8)
    assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))
    assert (row["worst"], row["best"]) == (min(values), max(values))
    clean, faulty = audit.evidence
    assert (clean.what, clean.n, clean.interval) == ("accuracy as fp16", None, None)
    assert faulty.what == "accuracy as fp16 at 0.01 errors per stored bit"
    assert (faulty.seed, faulty.n, faulty.interval, faulty.subject_sha256) == (
        3,
        8,
        (row["low"], row["high"]),
        "ab",
    )
    values16 = (
        ARRAYS["w"].astype(np.float16).astype(np.float64),
        ARRAYS["b"].astype(np.float16).astype(np.float64),
    )
    off = sum(float(np.sum((a - ARRAYS[k]) ** 2)) for a, k in zip(values16, ("w", "b"), strict=True))
    assert row["rounding error"] == pytest.approx(
        np.sqrt(off / sum(float(np.sum(ARRAYS[k] ** 2.0)) for k in ("w", "b")))
    )


def test_findings_name_the_smallest_that_keeps_and_what_errors_each_stands() -> None:
    worth = {"fp32": 0.9, "bf16": 0.895, "int8": 0.9, "int2": 0.5}
    sizes = iter([w for n, w in worth.items() for w in ([w] + [w, w] + [w - 0.5 * (n == "fp32")] * 2)])
    audit = formats(ARRAYS, lambda _: next(sizes), names=tuple(worth), rates=(1e-4, 1e-3), repeats=2)
    texts = [str(finding) for finding in audit.findings]
    assert texts == [
        "warning: number format: accuracy 0.5 as int2, 0.9 as fp32: more than 0.01 lower",
        "note: number format: int8 is the smallest that keeps accuracy within 0.01 of fp32: 8 bits, accuracy 0.9",
        "note: bit errors: errors per stored bit up to which the interval of accuracy stays within 0.01 of fp32: "
        "fp32 0.0001, bf16 0.001, int8 0.001",
    ]


def test_an_interval_ends_where_a_quality_does() -> None:
    for span, least in (((0.0, 1.0), 0.0), (None, -0.2)):
        worth = iter([1.0, 0.0, 0.1, 1.0])
        audit = formats(ARRAYS, lambda _: next(worth), names=("fp32",), rates=(0.1,), repeats=3, span=span)  # noqa: B023
        low = float(audit.table.rows[1][6])
        assert low == 0.0 if span else low < least
    with pytest.raises(SartoError, match=r"accuracy of fp32 at 0 errors per bit is 1\.5"):
        formats(ARRAYS, lambda _: 1.5, names=("fp32",), repeats=2)


def test_numbers_that_are_none_stay_or_are_read_as_0_and_an_executor_changes_nothing() -> None:
    def holes(arrays: Arrays) -> float:
        return float(np.mean(~np.isfinite(arrays["w"])))

    settings: dict[str, Any] = {"names": ("fp16",), "rates": (0.05,), "repeats": 3}
    found = formats(ARRAYS, holes, **settings).table.column("quality")
    assert float(found[1]) > 0
    assert formats(ARRAYS, holes, nonfinite_as_zero=True, **settings).table.column("quality") == (0.0, 0.0)
    with ThreadPoolExecutor(2) as executor:
        assert formats(ARRAYS, holes, executor=executor, **settings).table.column("quality") == found


def test_a_network_is_judged_with_its_state() -> None:
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2)).eval()
    x = RNG.normal(size=(50, 3)).astype(np.float32)
    with torch.no_grad():
        y = net(torch.from_numpy(x)).argmax(1).numpy()  # pyright: ignore[reportUnknownMemberType]
    arrays, evaluate = of_network(net, x, y)
    assert "1.running_var" in arrays and evaluate(arrays) == 1.0
    audit = formats(arrays, evaluate, names=("fp32", "bf16"), rates=(0.02,), repeats=2)
    quality = [float(q) for q in audit.table.column("quality")]
    assert quality[0] == 1.0 and quality[1] < 1.0


@pytest.mark.parametrize(
    ("arrays", "settings", "text"),
    [
        ({"steps": np.arange(3)}, {"repeats": 2}, "none of its arrays holds floats"),
        (ARRAYS, {"repeats": 1}, "two repeats"),
        (ARRAYS, {"names": ("fp16",), "repeats": 2}, "accuracy of fp16 at 0 errors per bit is nan"),
    ],
)
def test_what_cannot_be_compared_is_refused(arrays: Arrays, settings: dict[str, Any], text: str) -> None:
    with pytest.raises(SartoError, match=text) as caught:
        formats(arrays, lambda _: float("nan"), **settings)
    assert caught.value.code == "E146"
