"""The dynamics of a fit's reservoir: in its folder, and found again from its folder."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.artifact import FORMAT, seal
from sarto.core.budget import Budget
from sarto.core.errors import SartoError
from sarto.core.progress import Silent
from sarto.core.table import Table
from sarto.learn.readout import ReservoirTransformer
from sarto.models.reservoir._stack import Stack
from sarto.report import html, read_run
from sarto.search import dynamics
from sarto.search.fit import FitRequest, fit
from tests.report.stored import Stored
from tests.search.planted import FOREST, RING, save_npz

pytestmark = pytest.mark.usefixtures("small_search")


def manifest(out: Path, model: dict[str, Any]) -> Path:
    """Write what `reservoir_of` reads of a finished folder."""
    out.mkdir()
    seed = model.pop("seed")
    content: dict[str, Any] = {
        "format": FORMAT,
        "files": {},
        "model": model | {"model_seed": seed},
        "input": {"channels": [{}, {}]},
    }
    (out / "artifact.json").write_text(json.dumps(seal(content)))
    return out


def test_a_fit_of_a_reservoir_writes_what_it_does(tmp_path: Path) -> None:
    budget = Budget(flash_b=6000, ram_b=1500)
    request = FitRequest(
        save_npz(tmp_path / "data.npz"),
        tmp_path / "out",
        "cortex_m4",
        budget,
        trials=3,
        workers=1,
        cells=("ring",),
    )
    result = fit(request, Silent())
    run = read_run(result.out)
    reservoir = dynamics.reservoir_of(result.out, 2)
    layers = run.tables["reservoir layers"]
    assert layers.column("neurons") == (reservoir.units,)
    assert layers.column("effective radius")[0] == pytest.approx(reservoir.effective_radius(), rel=1e-5)
    assert str(run.tables["reservoir figures"].column("value")[0]).startswith("16 of 24 sequences")
    assert not {w for _, w, _ in run.tables["reservoir findings"].rows} & set(dynamics.EVERY_START)
    page = html(run)
    assert 'id="dynamics"' in page and len(page.encode()) < 300 * 1024


def test_the_reservoir_of_a_folder_is_that_of_its_model(tmp_path: Path) -> None:
    out = manifest(tmp_path / "out", RING.to_json())
    found, wanted = dynamics.reservoir_of(out, 2), RING.build(2)
    assert not isinstance(found, Stack) and found.reservoir_id == wanted.reservoir_id
    with pytest.raises(SartoError, match=r"out has 2 channels, the data have 3"):
        dynamics.reservoir_of(out, 3)


def test_a_model_without_a_reservoir_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SartoError, match="of the family forest, which has no dynamics") as caught:
        dynamics.reservoir_of(manifest(tmp_path / "out", FOREST.to_json()), 2)
    assert caught.value.code == "E112"
    with pytest.raises(SartoError, match="not a finished output folder"):
        dynamics.reservoir_of(tmp_path, 2)
    with pytest.raises(SartoError, match="a network in a file, storage only") as caught:
        dynamics.reservoir_of(Stored().write(tmp_path / "small"), 2)
    assert caught.value.code == "E112"


def test_what_is_said_of_a_deployed_model_is_not_about_where_sequences_begin() -> None:
    x = [np.random.default_rng(i).normal(size=(40, 2)) for i in range(4)]
    found = ReservoirTransformer(units=20, input_scaling=50.0, leak=0.01).fit(x).diagnose(x)
    assert {"echo-state gap", "saturated neurons"} <= {f.what for f in found.findings}
    tables = {t.name: t for t in dynamics.tables(found)}
    assert [
        Table.from_json(t)
        for t in json.loads(json.dumps([t.to_json() for t in tables.values()], allow_nan=False))
    ]
    assert "echo-state gap" not in {w for _, w, _ in tables["reservoir findings"].rows}
    (warning,) = dynamics.warnings(found)
    assert set(warning) == {"what", "severity", "text"} and warning["what"] == "saturated neurons"
