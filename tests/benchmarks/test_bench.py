"""The store behind a benchmark: the same settings and code give what was kept, and nothing else does."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks._bench import SEEDS, Bench, code_sha256


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


FILES = {
    "claim.py": "from benchmarks._near import f\n\ndef run():\n    from benchmarks import _lazy\n",
    "_near.py": "import benchmarks._far\nimport numpy as np\n",
    "_lazy.py": "x = 1\n",
    "_far.py": "from benchmarks._near import g\n",
    "_other.py": "y = 1\n",
}


@pytest.mark.parametrize("changed", FILES)
def test_what_is_kept_does_not_outlive_a_change_of_what_a_benchmark_imports(
    changed: str, tmp_path: Path
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    before = code_sha256(tmp_path / "claim.py")
    assert before == code_sha256(tmp_path / "claim.py")
    (tmp_path / changed).write_text(FILES[changed] + "# more\n", encoding="utf-8")
    assert (code_sha256(tmp_path / "claim.py") == before) == (changed == "_other.py")
