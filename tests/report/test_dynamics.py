"""The section on a reservoir's dynamics: what it shows of the tables, and how its curves are drawn."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from sarto.report import html, read_run
from sarto.report.dynamics import dynamics, numbers
from sarto.report.dynamics_charts import curves, power, spectrum
from tests.report.reservoir import reservoir_tables
from tests.report.sample import Sample


def test_a_model_without_a_reservoir_has_no_section(tmp_path: Path) -> None:
    run = read_run(Sample().write(tmp_path))
    assert dynamics(run) is None
    assert "#dynamics" not in html(run)


@pytest.mark.parametrize("layers", [1, 3])
def test_figures_curves_and_findings_of_every_layer(layers: int, tmp_path: Path) -> None:
    run = read_run(Sample(reservoir=layers).write(tmp_path))
    found = dynamics(run)
    assert found is not None and found.layers == layers
    assert [f.what for f in found.figures] == [
        "neurons",
        "effective radius",
        "slowest time scale",
        "dead neurons",
    ]
    assert found.figures[1].values == tuple(0.9 + i / 100 for i in range(1, layers + 1))
    assert {f.what: f.values for f in found.whole}["linear memory capacity"] == (12.07,)
    assert found.sample.startswith("16 of 40 sequences")
    assert [c.how for c in found.charts] == ["estimated", *["measured"] * 5]
    assert found.findings[1] == ("warning", "dead neurons", "2 of 60")
    page = html(run)
    assert 'href="#dynamics"' in page and "washout &lt;i&gt;" in page and "-infinite" in page
    assert ("numbered by layer" in page) == (layers > 1)


def test_a_folder_with_some_of_the_tables_shows_what_there_is(tmp_path: Path) -> None:
    run = read_run(Sample(reservoir=1).write(tmp_path))
    kept = {k: v for k, v in run.tables.items() if k in ("reservoir layers", "reservoir figures")}
    found = dynamics(replace(run, tables=kept))
    assert found is not None and not found.charts and not found.findings


def points(svg: str) -> list[tuple[float, float]]:
    """Return the corners of the thick curve of a chart."""
    (path,) = re.findall(r'<path d="([^"]+)"[^>]*stroke-width: 1.6', svg)
    return [(float(x), float(y)) for x, y in re.findall(r"[ML] ([\d.-]+) ([\d.-]+)", path)]


def test_a_power_law_is_a_line_on_the_logarithmic_axis() -> None:
    x = [0.0, 10.0, 20.0]
    drawn = points(curves("gap", x, [[1.0, 1e-2, 1e-4]], "step", "gap", log=True))
    steps = [b[1] - a[1] for a, b in pairwise(drawn)]
    assert len(drawn) == 3 and steps[0] == pytest.approx(steps[1], abs=0.1) and steps[0] > 10
    assert len(points(curves("gap", x, [[1.0, 1e-2, 0.0]], "step", "gap", log=True))) == 2


def test_curves_that_say_nothing_are_drawn_as_an_empty_frame() -> None:
    for log in (True, False):
        svg = curves("gap", [0.0, 1.0], [[float("nan")] * 2], "step", "gap", log=log)
        assert svg.startswith("<svg") and "stroke-width: 1.6" not in svg


def test_layers_are_numbered_and_coloured() -> None:
    svg = curves("gap", [0.0, 1.0], [[1.0, 2.0], [3.0, 4.0]], "step", "gap", log=False)
    assert "var(--kind-1)" in svg and "var(--kind-2)" in svg
    assert re.search(r"<text[^>]*>\s*2\s*</text>", svg)
    assert "var(--accent)" in curves("gap", [0.0, 1.0], [[1.0, 2.0]], "step", "gap", log=False)


def test_the_unit_circle_is_round_and_every_eigenvalue_is_there() -> None:
    svg = spectrum([[(0.5, 0.0), (0.0, 0.9)], [(1.4, 0.0)]])
    (circle,) = re.findall(r'<path d="([^"]+)"[^>]*stroke: var\(--muted\)', svg)
    corners = [(float(x), float(y)) for x, y in re.findall(r"[ML] ([\d.-]+) ([\d.-]+)", circle)]
    wide, high = (max(v) - min(v) for v in zip(*corners, strict=True))
    assert wide == pytest.approx(high, rel=0.01)
    assert svg.count("<use ") >= 3


def test_ticks_are_plain_text() -> None:
    assert [power(10.0**k) for k in (-3, 0, 1, 12)] == ["10⁻³", "1", "10¹", "10¹²"]


def test_texts_are_no_numbers() -> None:
    (layers, *_) = reservoir_tables(1)
    assert numbers(layers, "slowest time scale")[0] != numbers(layers, "slowest time scale")[0]
