"""A client with few rows sends its QR factor: 30 times fewer bytes than a packed triangle, at no larger error.

1,300 digits as 1,000 random Fourier features in 100 clients of 13 rows; each sends its payload in every form, the sum
is solved with a ridge of a thousandth of the mean eigenvalue, and the largest difference of a coefficient to that of
all rows in one place is given relative to the largest coefficient, over five seeds (features, rows, clients). The bytes
are whole payloads, with header and hash, against that of the triangle in float32.

What should embarrass it is there, too: a factor takes as many bytes as the rows' features themselves, more than digits
do as pixels, and as many as a triangle once a client has about as many rows as features.
"""

from __future__ import annotations

from benchmarks._bench import Bench
from benchmarks._federated_rows import CLASSES, accuracy_of, digits, error_of, solved, split
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most, over_seeds
from sarto.learn.payload import HOW, how_of, opened_payload, packed
from sarto.learn.ridge_sum import RidgeSum
from sarto.learn.statistics import RidgeStatistics

MINUTES = 3
UNITS, CLIENTS = 1000, 100
TRIANGLE = "tri-f32"
MORE_ROWS = (1, 50, 200, 500, 700, 1000, 1300)


def run(bench: Bench) -> Outcome:
    """Return bytes and errors of every form."""
    units = 100 if bench.quick else UNITS
    runs = [bench.once({"units": units, "seed": s}, _forms, units, s) for s in bench.seeds]
    figures: dict[str, Figure] = {}
    for how in HOW:
        figures |= over_seeds(f"{how}: bytes of a client", [r[how]["bytes"] for r in runs], "B", "measured")
        figures |= over_seeds(
            f"{how}: error of the readout", [r[how]["error"] for r in runs], "1", "measured", "largest"
        )
        figures |= over_seeds(f"{how}: accuracy", [r[how]["accuracy"] for r in runs], "1", "measured")
        fewer = [r[TRIANGLE]["bytes"] / r[how]["bytes"] for r in runs]
        figures |= over_seeds(f"{how}: times fewer bytes than {TRIANGLE}", fewer, "1", "measured")
    figures |= over_seeds(
        "all rows in one place: accuracy", [r["pooled"]["accuracy"] for r in runs], "1", "measured"
    )
    figures["13 rows of features in float32"] = Figure(13 * (4 * units + 1), "B", "measured")
    figures["13 digits as pixels of a byte"] = Figure(13 * (64 + 1), "B", "measured")
    for rows, sizes in bench.once({"units": units}, _sizes, units).items():
        figures[f"a client of {rows} rows: times fewer bytes than {TRIANGLE}"] = Figure(
            sizes["triangle"] / sizes["factor"], "1", "measured"
        )
        figures[f"a client of {rows} rows: a factor is chosen"] = Figure(sizes["chosen"], "1", "measured")
    return Outcome(figures, () if bench.quick else _bars(runs))


def _bars(runs: list[dict[str, dict[str, float]]]) -> tuple[Bar, ...]:
    def least(how: str) -> float:
        return min(r[TRIANGLE]["bytes"] / r[how]["bytes"] for r in runs)

    return (
        at_least(f"factor-f32: times fewer bytes than {TRIANGLE}, worst of 5 seeds", least("factor-f32"), 30),
        at_most(
            f"factor-f32: error over that of {TRIANGLE}, worst of 5 seeds",
            max(r["factor-f32"]["error"] / r[TRIANGLE]["error"] for r in runs),
            1,
        ),
        at_least(f"factor-f64: times fewer bytes than {TRIANGLE}, worst of 5 seeds", least("factor-f64"), 15),
        at_most("factor-f64: error, worst of 5 seeds", max(r["factor-f64"]["error"] for r in runs), 1e-9),
    )


def _forms(units: int, seed: int) -> dict[str, dict[str, float]]:
    """Return bytes, error and accuracy of each form."""
    rows = digits(units, seed)
    exact = solved(RidgeStatistics.of(rows.x, rows.y, classes=CLASSES))
    found: dict[str, dict[str, float]] = {"pooled": {"accuracy": accuracy_of(exact, rows)}}
    parts = split(rows.y, "identical", CLIENTS, seed)
    for how in HOW:
        total, sent = RidgeSum(units, len(CLASSES), classes=CLASSES), 0
        for part in parts:
            payload = packed(rows.x[part], rows.y[part], classes=CLASSES, how=how)
            total.add(opened_payload(payload))
            sent += len(payload)
        readout = solved(total.statistics)
        found[how] = {
            "bytes": sent / len(parts),
            "error": error_of(readout, exact),
            "accuracy": accuracy_of(readout, rows),
        }
    return found


def _sizes(units: int) -> dict[str, dict[str, float]]:
    """Return the bytes of triangle and factor of clients with more rows, and whether the factor is chosen."""
    rows = digits(units, 0)
    found: dict[str, dict[str, float]] = {}
    for count in MORE_ROWS:
        x, y = rows.x[:count], rows.y[:count]
        sizes = {how: len(packed(x, y, classes=CLASSES, how=how)) for how in (TRIANGLE, "factor-f32")}
        chosen = how_of(packed(x, y, classes=CLASSES)) == "factor-f32"
        found[str(count)] = {
            "triangle": float(sizes[TRIANGLE]),
            "factor": float(sizes["factor-f32"]),
            "chosen": float(chosen),
        }
    return found
