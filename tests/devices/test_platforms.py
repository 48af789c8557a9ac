"""Platform files: the published table with its one cell that does not agree, and files that are refused."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sarto.core.errors import SartoError
from sarto.devices.platforms import parse_platform, platform, platforms

GOOD = """
title = "A board"
job = "one inference"
idle_w = { value = 0, source = "not measured" }
frequency_change_s = { value = 1e-3, source = "a data sheet" }
move_s = { value = 0, source = "one cluster" }

[[cluster]]
name = "big"
title = "Four cores"
cores = 4
source = "measured here"
settings = [
  { frequency_hz = 2e9, latency_s = 0.10, power_w = 2.0, energy_j = 0.2 },
  { frequency_hz = 1e9, latency_s = 0.21, power_w = 0.8 },
]
"""


def test_the_published_table() -> None:
    assert {"odroid_xu3", "jetson_nano"} <= set(platforms())
    xu3 = {(s.cluster, s.frequency_hz): s for s in platform("odroid_xu3").settings}
    assert (xu3["a15", 1e9].latency_s, xu3["a15", 1e9].power_w) == (0.204, 0.846)
    assert (xu3["a7", 700e6].latency_s, xu3["a7", 700e6].power_w) == (0.504, 0.141)
    nano = {(s.cluster, s.frequency_hz): s for s in platform("jetson_nano").settings}
    assert nano["gpu", 614e6].energy_j == pytest.approx(9.92e-3, rel=0.005)


def test_the_one_cell_that_does_not_agree_is_told_and_no_other() -> None:
    (finding,) = platform("odroid_xu3").findings
    assert finding.text.startswith(
        "a15 at 200 MHz: 320 mJ is stated, and 326 mW for 1.02 s are 332.5 mJ (-3.8 %)"
    )
    assert platform("jetson_nano").findings == ()


def test_settings_are_sorted_and_energy_is_power_times_time() -> None:
    found = parse_platform("mine", GOOD)
    assert [s.frequency_hz for s in found.settings] == [1e9, 2e9]
    assert found.settings[0].energy_j == pytest.approx(0.168)
    assert found.cluster("big").cores == 4
    assert found.findings == ()
    with pytest.raises(KeyError):
        found.cluster("little")


@pytest.mark.parametrize(("energy", "told"), [(0.2039, 0), (0.2041, 1), (0.1961, 0), (0.1959, 1)])
def test_two_percent_are_left_open(energy: float, told: int) -> None:
    found = parse_platform("mine", GOOD.replace("energy_j = 0.2 ", f"energy_j = {energy} "))
    assert len(found.findings) == told


def test_a_higher_clock_that_is_slower_is_told() -> None:
    (finding,) = parse_platform("mine", GOOD.replace("latency_s = 0.21", "latency_s = 0.09")).findings
    assert finding.what == "time"
    assert "big at 2 GHz takes 100 ms, and big at 1 GHz no more than 90 ms" in finding.text


@pytest.mark.parametrize(
    ("old", "new", "what", "said"),
    [
        (
            'idle_w = { value = 0,', 'idle_w = { value = 0.9,', "idle power",
            "waiting draws 900 mW, and big at 1 GHz no more than 800 mW",
        ),
        ("value = 1e-3", "value = 0.22", "frequency change", "frequency_change_s is 220 ms, and the longest job, big"),
        ("move_s = { value = 0,", "move_s = { value = 5,", "move", "move_s is 5 s, and the longest job, big at 1 GHz"),
        ("power_w = 0.8", "power_w = 2.1", "power", "big at 2 GHz draws 2 W, and big at 1 GHz no less than 2.1 W"),
    ],
)  # fmt: skip
def test_numbers_that_are_hardly_true_are_told(old: str, new: str, what: str, said: str) -> None:
    assert old in GOOD
    (finding,) = parse_platform("mine", GOOD.replace(old, new, 1)).findings
    assert (finding.what, finding.severity) == (what, "warning")
    assert said in finding.text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("idle_w = { value = 0,", "idle_w = { value = 0.8,"),
        ("value = 1e-3", "value = 0.21"),
        ("move_s = { value = 0,", "move_s = { value = 0.21,"),
        ("power_w = 0.8", "power_w = 2.0"),
    ],
)
def test_numbers_that_may_just_be_true_are_not(old: str, new: str) -> None:
    assert parse_platform("mine", GOOD.replace(old, new, 1)).findings == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('job = "one inference"\n', "", "job is missing"),
        ("idle_w", "idle", "idle_w is missing"),
        ("value = 1e-3, ", "", "frequency_change_s.value is missing"),
        ("value = 1e-3", "value = -1e-3", "frequency_change_s.value must lie between"),
        ("[[cluster]]", "[cluster]", "cluster must be a list of tables"),
        ("cores = 4", "cores = 0", "big.cores must be a whole number"),
        ("cores = 4", "cores = 4.0", "big.cores must be a whole number"),
        ('source = "measured here"\n', "", "cluster 1.source is missing"),
        ("latency_s = 0.10", "latency_s = nan", "big.settings 1.latency_s must lie between"),
        ("latency_s = 0.10", "latency_s = 1e300", "big.settings 1.latency_s must lie between"),
        ("power_w = 0.8", "power_w = 1e9", "big.settings 2.power_w must lie between 1e-15 and 1e+06"),
        (
            "idle_w = { value = 0,",
            "idle_w = { value = 1e9,",
            "idle_w.value must lie between 1e-15 and 1e+06, or be 0",
        ),
        ("power_w = 2.0", "power_w = -2.0", "big.settings 1.power_w must lie between"),
        ("power_w = 2.0", "power_w = 0", "big.settings 1.power_w must lie between"),
        ("power_w = 2.0", "power_w = 2000", "energies in J"),
        ("power_w = 2.0, ", "", "big.settings 1.power_w is missing, and energy_j is given"),
        ("power_w = 0.8", "power_w = 0.8, volts = 1", "big.settings 2.volts: no such field"),
        ("power_w = 0.8", "power_w = 0.8, cores = 5", "big.settings 2.cores: the cluster has 4, not 5"),
        ("power_w = 0.8", 'power_w = 0.8, how = "guessed"', "big.settings 2.how must be"),
        ("1e9", "2e9", "the same clock and cores twice"),
    ],
)
def test_a_wrong_file_is_refused_with_the_field(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(SartoError, match=r"E112.*mine\.toml") as caught:
        parse_platform("mine", GOOD.replace(old, new, 1))
    assert said in caught.value.cause


def test_power_that_nobody_knows_is_told_and_no_number() -> None:
    some = parse_platform("mine", GOOD.replace(", power_w = 0.8", ""))
    assert [math.isnan(s.power_w) for s in some.settings] == [True, False]
    assert math.isnan(some.settings[0].energy_j)
    assert [f.text.partition(":")[0] for f in some.findings] == ["power of 1 of 2 settings is not known"]
    bare = GOOD.replace(", power_w = 0.8", "").replace(", power_w = 2.0, energy_j = 0.2", "")
    none = parse_platform("mine", bare.replace('idle_w = { value = 0, source = "not measured" }', ""))
    assert math.isnan(none.idle_w.value)
    assert [f.text.partition(":")[0] for f in none.findings] == ["power of no setting is known"]
    assert not any("leave" in f.text for f in none.findings)  # such calls are refused
    assert any("leaves them out" in f.text for f in some.findings)


def test_a_cluster_may_name_the_policy_that_sets_its_clock() -> None:
    assert (
        parse_platform("mine", GOOD.replace("cores = 4", 'cores = 4\npolicy = "policy4"')).clusters[0].policy
        == "policy4"
    )
    with pytest.raises(SartoError) as caught:
        parse_platform("mine", GOOD.replace("cores = 4", 'cores = 4\npolicy = "../../x"'))
    assert "big.policy must be a policy of cpufreq" in caught.value.cause


def test_two_clusters_of_one_name_are_refused() -> None:
    block = GOOD[GOOD.index("[[cluster]]") :]
    with pytest.raises(SartoError) as caught:
        parse_platform("mine", GOOD + block)
    assert "two clusters 'big'" in caught.value.cause


def test_a_file_of_the_users(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    path.write_text(GOOD)
    assert platform(str(path)).name == "board"
    with pytest.raises(SartoError, match=r"E111.*'odroid' is not a platform") as caught:
        platform("odroid")
    assert "odroid_xu3" in caught.value.hint
