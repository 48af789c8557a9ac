"""Energy counters: what they say was spent, over their end too, and that none are read where there are none."""

from pathlib import Path

from benchmarks._joules import counters


def package(folder: Path, name: str, energy: int) -> Path:
    """A counter as Linux shows it."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "energy_uj").write_text(f"{energy}\n", encoding="ascii")
    (folder / name / "max_energy_range_uj").write_text("9999999\n", encoding="ascii")
    return folder / name / "energy_uj"


def test_packages_add_up_and_a_counter_that_began_anew_is_understood(tmp_path: Path) -> None:
    first = package(tmp_path, "intel-rapl:0", 9_000_000)
    package(tmp_path, "intel-rapl:0:0", 5_000_000)  # cores: part of the package
    second = package(tmp_path, "intel-rapl:1", 1_000_000)
    found = counters(tmp_path)
    assert found is not None
    before = found.read()
    assert before == (9_000_000, 1_000_000)
    first.write_text("500000\n", encoding="ascii")
    second.write_text("1250000\n", encoding="ascii")
    assert found.joules(before, found.read()) == 1.5 + 0.25


def test_without_a_counter_nothing_is_invented(tmp_path: Path) -> None:
    assert counters(tmp_path) is None
    package(tmp_path, "intel-rapl:0", 1).unlink()
    assert counters(tmp_path) is None
