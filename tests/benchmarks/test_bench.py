"""The store behind a benchmark: the same settings and code give what was kept, and nothing else does."""

from dataclasses import replace
from pathlib import Path

from benchmarks._bench import SEEDS, Bench


def bench(folder: Path) -> Bench:
    return Bench("example", False, 1, folder, "0" * 64, lambda text: None)


def test_work_is_done_once_for_each_settings(tmp_path: Path) -> None:
    done: list[int] = []

    def work(seed: int) -> dict[str, int]:
        done.append(seed)
        return {"seed": seed}

    for seed in (0, 1, 0):
        assert bench(tmp_path).once({"seed": seed}, work, seed) == {"seed": seed}
    assert done == [0, 1]


def test_other_code_does_not_get_what_was_kept(tmp_path: Path) -> None:
    first = bench(tmp_path)
    first.once({}, dict, [("by", "first")])
    for other in (replace(first, code_sha256="1" * 64), replace(first, name="other")):
        assert other.once({}, dict, [("by", "other")]) == {"by": "other"}
    assert first.once({}, dict, [("by", "again")]) == {"by": "first"}


def test_a_quick_run_has_one_seed(tmp_path: Path) -> None:
    assert list(bench(tmp_path).seeds) == list(range(SEEDS))
    assert list(replace(bench(tmp_path), quick=True).seeds) == [0]
