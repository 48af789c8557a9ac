"""The imperfections of `substrate_noise` are what their names say, and its searches see no test item."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks._substrate import CONTROLS, array, quality, software, task
from benchmarks.substrate_noise import NOISY, changed, imperfections
from sarto.learn.substrate_readout import SubstrateClassifier
from sarto.models.reservoir import esn
from sarto.models.substrate.crossbar import Crossbar
from sarto.models.substrate.memristor import Memristor, PhaseChange

CELL = esn.build(6, 2, seed=0, leak=0.3, radius=0.9, input_scaling=1.0, bias_scaling=1.0)
IDEAL = Crossbar.of(CELL, Memristor(), seed=0)
VALUES = {"recurrent_gain": 0.9, "input_gain": 0.4, "bias_gain": 0.2, "leak": 0.3}


@pytest.mark.parametrize("imperfection", imperfections())
def test_an_imperfection_is_the_one_that_is_named(imperfection: str) -> None:
    used, first = changed(imperfection, IDEAL)
    words = imperfection.split()
    memristor = used.memristor
    noise = float(words[2]) if words[0] == "read" else 0.0
    assert memristor.read_noise == noise
    assert memristor.bits == (int(words[0]) if words[-1] == "bits" else None)
    days = {"1 h": 1 / 24, "1 d": 1.0, "30 d": 30.0, "1 y": 365.0, "20 s": 20 / 86400}
    aged = words[0] in ("drift", "phase-change")
    assert used.age_s == (pytest.approx(86400 * days[" ".join(words[1:3]).rstrip(",")]) if aged else None)
    assert isinstance(memristor, PhaseChange) == aged
    assert used.compensated == (words[-1] == "compensated")
    if words[0] == "drift":
        assert (used.read_variances == 0).all()  # it comes alone
    if words[0] == "phase-change":
        assert first.age_s is None
        assert first.memristor == memristor == PhaseChange()
    else:
        assert first is IDEAL


def test_parts_are_apart_and_the_software_is_the_ideal_array(real_data: Path) -> None:
    subjects: list[set[str]] = []
    for seed in range(5):
        on = task("activities", seed)
        assert on.train.groups is not None
        assert on.test.groups is not None
        subjects.append(set(on.test.groups.tolist()))
        assert not subjects[-1] & set(on.train.groups.tolist())
    each = [name for tested in subjects for name in tested]
    assert len(set(each)) == len(each) == 23
    on = task("vowels", 0)
    assert (len(on.train), len(on.test)) == (270, 370)
    model = SubstrateClassifier(array(on, 0, Memristor(), VALUES), pooling="mean_square_last").fit(on.train)
    assert model.score(on.test) == software(on, 0, VALUES)


def test_a_quality_repeats_and_hangs_on_setting_and_noise(real_data: Path) -> None:
    first = quality("vowels", 0, NOISY, VALUES, 1)
    assert quality("vowels", 0, NOISY, VALUES, 1) == first
    assert 0.8 < first <= 1.0
    weak = {name: limits.low for name, limits in CONTROLS.items()}
    assert quality("vowels", 0, NOISY, weak, 1) < first
    assert len({quality("vowels", 0, Memristor(read_noise=0.5), VALUES, seed) for seed in range(4)}) > 1
    assert np.isfinite(quality("vowels", 0, Memristor(), VALUES, 1))
