"""`diagnose` on estimators of every cell: figures, tables and what is said."""

import json
import math
from typing import Any

import numpy as np
import pytest

from sarto.core.rooms import methods
from sarto.core.table import Table
from sarto.learn.diagnosis import Diagnosis, diagnose, moments, sample
from sarto.learn.readout import ESNClassifier, ESNRegressor, ReservoirTransformer
from sarto.models.input_error import InputError
from sarto.models.reservoir import esn
from sarto.models.reservoir._cell import Reservoir
from sarto.models.sequences import Sequences, read_sequences

X = [np.random.default_rng(i).normal(size=(40 + i, 2)) for i in range(8)]


def diagnosed(memory: bool = False, units: int = 20, **settings: Any) -> Diagnosis:
    return ReservoirTransformer(units=units, **settings).fit(X).diagnose(X, memory=memory)


def said(found: Diagnosis) -> dict[str, str]:
    return {finding.what: f"{finding.severity}: {finding.text}" for finding in found.findings}


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", methods("sarto.models.reservoir"))
def test_every_cell_is_diagnosed_alone_and_in_a_stack(cell: str, layers: int) -> None:
    found = diagnosed(cell=cell, layers=layers, memory=True)
    assert len(found.layers) == layers and sum(layer.units for layer in found.layers) == 20
    names = [table.name for table in found.tables]
    assert len(names) == len(set(names)) == 7
    assert [Table.from_json(t) for t in json.loads(json.dumps(found.to_json(), allow_nan=False))["tables"]]
    radii = found.table("reservoir layers").column("effective radius")
    for value, layer in zip(radii, found.layers, strict=True):
        assert value == pytest.approx(layer.radius, rel=1e-5)
    for name in ("reservoir states", "reservoir gap", "reservoir directions"):
        assert len(found.table(name).columns) == layers + 1
    assert len(found.table("reservoir growth").columns) == 2 * layers + 1
    assert str(found).startswith(f"{cell}, 20 neurons, on 8 sequences, 47 steps of each at most\n")
    assert "linear memory capacity" in str(found)


def test_the_tables_hold_what_was_computed() -> None:
    found = diagnosed(memory=True)
    spectrum = found.table("reservoir spectrum")
    sizes = np.hypot(*(np.array(spectrum.column(c), float) for c in ("real", "imaginary")))
    assert sizes.max() == pytest.approx(found.layers[0].radius, rel=1e-5)
    assert (np.diff(sizes) < 1e-6).all()
    scale = spectrum.column("time scale")[0]
    assert scale == pytest.approx(-1 / math.log(sizes[0]), rel=1e-3)
    assert found.table("reservoir states").column("step")[-1] == 47
    norm = found.layers[0].activity.norm
    assert found.table("reservoir states").column("layer 1")[-1] == pytest.approx(norm[-1], rel=1e-5)
    curve = found.table("reservoir memory").column("capacity")
    assert found.memory is not None
    assert sum(map(float, curve[1:])) == pytest.approx(found.memory.total, abs=1e-3)
    with pytest.raises(KeyError, match="no table 'reservoir depth'"):
        found.table("reservoir depth")


def test_all_three_estimators_diagnose() -> None:
    y = np.arange(8) % 2
    for model in (ESNClassifier(units=10).fit(X, y), ESNRegressor(units=10).fit(X, y)):
        assert model.diagnose(X, memory=False).layers[0].units == 10
    with pytest.raises(InputError, match="E108"):
        ReservoirTransformer(units=5).fit(X).diagnose([np.zeros((30, 3))])


def test_the_published_euler_defaults_are_warned_of() -> None:
    options = dict(recurrent_scaling=1.0, diffusion=0.001, bounded=False)
    found = diagnosed(cell="eusn", units=100, leak=0.01, cell_options=options)
    assert found.layers[0].radius == pytest.approx(1.012, abs=2e-3)
    words = said(found)["step above its bound"]
    assert words.startswith("warning: the step 0.01 is above ") and "effective radius 1.01" in words
    assert "step above its bound" not in said(diagnosed(cell="eusn"))


def test_chaos_is_warned_of_and_a_driven_radius_above_1_is_noted() -> None:
    wild = said(diagnosed(units=100, leak=1.0, radius=3.0, input_scaling=0.01))
    assert wild["sensitive states"].startswith("warning: small differences grow by ")
    assert wild["radius above 1"].startswith("warning: the effective radius at rest is 3:")
    assert wild["echo-state gap"].endswith("a smaller radius") and "hardly falls" in wild["echo-state gap"]
    assert "input drowned" in wild
    tamed = said(diagnosed(units=100, leak=1.0, radius=1.2, input_scaling=1.0))
    assert tamed["radius above 1"].startswith("note: ") and "sensitive states" not in tamed


def test_too_strong_an_input_saturates_and_leaves_no_past() -> None:
    words = said(diagnosed(input_scaling=50.0))
    assert words["saturated neurons"].startswith("warning: neurons are at their limits in 9")
    assert words["driven by the input alone"].startswith("note: the recurrence brings 0.0")


def test_dead_neurons_are_counted() -> None:
    cell = Reservoir(
        "esn", np.zeros((4, 4)), np.array([[1.0, 0], [0, 0], [0, 0], [0, 2]]), np.zeros(4), 0.5, 0.5
    )
    words = said(diagnose(cell, read_sequences(X), memory=False))
    assert words["dead neurons"].startswith("warning: 2 of 4 neurons do not move")


def test_states_without_bound_are_warned_of() -> None:
    cell = Reservoir("esn", 1.05 * np.eye(3), np.ones((3, 2)), np.zeros(3), 0.0, 1.0, activation="relu")
    words = said(diagnose(cell, read_sequences(X), memory=False))
    assert "relu bounds nothing" in words["states without bound"]


def test_a_washout_is_suggested_or_said_to_be_of_no_use() -> None:
    quick = diagnosed(leak=1.0, radius=0.5)
    assert quick.washout is not None
    assert f"within {quick.washout} steps" in said(quick)["washout"]
    enough = diagnosed(leak=1.0, radius=0.5, washout=quick.washout)
    assert enough.washout == quick.washout and "washout" not in said(enough)
    slow = diagnosed(leak=0.05)
    assert slow.washout is None
    assert said(slow)["echo-state gap"].startswith("note: after 47 steps of these data")
    assert "steps until the beginning is forgotten" in str(slow) and "never on these data" in str(slow)


def test_a_short_memory_is_noted_where_sequences_are_long() -> None:
    assert "tells of their end" in said(diagnosed(leak=1.0, radius=0.3))["short memory"]
    assert "short memory" not in said(diagnosed(leak=0.1))


def test_layers_are_named_in_a_stack() -> None:
    found = diagnosed(layers=2, units=40, input_scaling=50.0)
    assert any(finding.text.startswith("layer 1: ") for finding in found.findings)


def test_a_washout_longer_than_the_sample_counts_from_its_start() -> None:
    long = Sequences(np.random.default_rng(0).normal(size=(40000, 1)), np.arange(0, 40001, 2000))
    found = diagnose(
        Reservoir("ring", np.full(3, 0.5), np.ones((3, 1)), np.zeros(3), 0.5, 0.5),
        long, washout=500, memory=False,
    )  # fmt: skip
    assert found.sample == "16 of 20 sequences, the first 300 steps of each"
    with pytest.raises(InputError, match="E115"):
        diagnosed(washout=40)


def test_samples_are_spread_evenly_and_begin_at_the_start() -> None:
    values = np.arange(100.0)[:, None]
    seen = sample(Sequences(values, np.arange(0, 101, 10)), items=3, rows=12)
    assert seen.lengths.tolist() == [4, 4, 4]
    assert seen.values[:, 0].tolist() == [0, 1, 2, 3, 40, 41, 42, 43, 90, 91, 92, 93]
    alone = sample(Sequences(values, np.array([0, 100])), items=3, rows=50)
    assert alone.lengths.tolist() == [50]


def test_moments_reach_from_the_start_to_the_end() -> None:
    assert moments(1) == (0, 1)
    assert moments(300)[0] == 0 and moments(300)[-1] == 300 and len(moments(300)) <= 40


@pytest.mark.parametrize("steps", [1, 40])
def test_input_that_does_not_vary_is_named_and_neurons_are_not_blamed(steps: int) -> None:
    cell = esn.build(10, 2, seed=0, leak=0.5, radius=0.9, input_scaling=0.5, bias_scaling=0.0)
    found = diagnose(cell, Sequences(np.zeros((steps, 2)), np.array([0, steps])), memory=False)
    said = {finding.what for finding in found.findings}
    assert "constant input" in said
    assert not said & {"dead neurons", "input drowned", "few directions"}
    assert found.sample == f"1 sequence, {'1 step' if steps == 1 else '40 steps'} of each at most"
