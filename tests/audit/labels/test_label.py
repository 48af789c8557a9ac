"""The label: known answers on COMPAS, what the intervals mean, and how values, gaps and refusals are treated."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import chndtr
from scipy.stats.contingency import association  # pyright: ignore[reportUnknownVariableType]

from sarto.audit.labels import Label, findings, label, read_bins
from sarto.audit.labels.balance import balance, balanced
from sarto.audit.labels.dependence import cramer, dependence
from sarto.audit.labels.resampling import resampled
from sarto.audit.labels.tables import document, evidence, tables
from sarto.core.errors import SartoError
from tests.audit.labels.compas import COUNTS, rows


@pytest.fixture(scope="module")
def compas() -> Label:
    return label(rows(), ["race"], "recid")


def test_compas_has_its_published_figures(compas: Label) -> None:
    part = compas.parts[0]
    d, joint = part.dependence, part.joint
    assert joint.names[:3] == ("Black", "Caucasian", "Hispanic")
    assert (d.n, d.df) == (6172, 5)
    assert d.chi2 == pytest.approx(125.648, abs=5e-4)
    assert (d.C, d.w, d.V) == pytest.approx((0.14125, 0.14268, 0.139824), abs=1e-5)
    assert d.p == pytest.approx(1.9938e-25, rel=1e-4)
    shares = {
        (a, y): joint.shares[i, j] for i, a in enumerate(joint.names) for j, y in enumerate(joint.targets)
    }
    assert shares["Black", "0"] == pytest.approx(0.2453, abs=5e-5)
    assert shares["Black", "1"] == pytest.approx(0.2691, abs=5e-5)
    assert joint.given_target[0] == pytest.approx([0.4502, 0.5913], abs=5e-5)
    assert joint.given_protected[1] == pytest.approx([0.6091, 0.3909], abs=5e-5)


@pytest.mark.parametrize(
    "counts", [COUNTS, [[30, 10], [20, 40]], [[9, 2, 3], [1, 12, 5]], [[5, 6, 7], [8, 1, 30], [30, 3, 9]]]
)
def test_measures_are_those_of_scipy_and_the_corrected_one_follows_from_them(counts: list[list[int]]) -> None:
    table = np.array(counts)
    found, n, (r, c) = dependence(table), table.sum(), table.shape
    assert association(table, "pearson") == pytest.approx(found.C)
    v = association(table, "cramer")
    assert found.w == pytest.approx(v * math.sqrt(min(r, c) - 1))
    excess = max(0, v**2 * (min(r, c) - 1) - (r - 1) * (c - 1) / (n - 1))
    most = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    corrected = math.sqrt(excess / most)
    assert corrected == pytest.approx(found.V)
    assert [end * math.sqrt(min(r, c) - 1) for end in found.V_interval] == pytest.approx(found.w_interval)
    low, high = (n * end**2 for end in found.w_interval)
    assert chndtr(found.chi2, found.df, high) == pytest.approx(0.025, abs=1e-6)
    assert low == 0 or chndtr(found.chi2, found.df, low) == pytest.approx(0.975, abs=1e-6)


def test_the_corrected_measure_is_not_drawn_up_by_few_rows() -> None:
    shares = np.full(12, 1 / 12)
    drawn = np.random.default_rng(0).multinomial(200, shares, 2000).reshape(-1, 6, 2)
    assert np.median(cramer(drawn)) < 0.04
    assert np.median([dependence(table).w for table in drawn[:200]]) > 0.12


def test_resampled_counts_are_rows_drawn_with_replacement() -> None:
    counts = np.array([[40, 0], [10, 50]])
    drawn = resampled(counts, 4000, seed=1)
    assert (drawn.sum((1, 2)) == 100).all() and (drawn[:, 0, 1] == 0).all()
    assert drawn.mean(0) == pytest.approx(counts, abs=0.5)
    assert drawn[:, 0, 0].var() == pytest.approx(100 * 0.4 * 0.6, rel=0.1)
    assert (drawn == resampled(counts, 4000, seed=1)).all() and (
        drawn != resampled(counts, 4000, seed=2)
    ).any()


def test_intervals_of_many_values_hold_the_truth_where_resampled_figures_are_biased() -> None:
    """Of 90 values that are equally common, every index is 1; the bootstrap's own quantiles are all below it."""
    drawn = np.random.default_rng(3).multinomial(2800, np.full(90, 1 / 90), 20)
    held = dict.fromkeys(balance(drawn), 0)
    for seed, counts in enumerate(drawn):
        again = resampled(counts[:, None], 400, seed)[:, :, 0]
        for name, (_, (low, high)) in balanced(counts, again).items():
            held[name] += low <= 1 <= high
        assert np.quantile(balance(again)["shannon"], 0.975) < 1
    assert min(held.values()) >= 17
    low, high = balanced(np.array([900, 100]), resampled(np.array([[900], [100]]), 400, 0)[:, :, 0])["ratio"][
        1
    ]
    assert (low, high) == pytest.approx((0.0878, 0.1406), abs=1e-4)


def test_the_interval_of_a_table_with_many_cells_is_below_its_effect_size_and_holds_the_corrected_one() -> (
    None
):
    counts = np.random.default_rng(0).multinomial(2800, np.full(90, 1 / 90)).reshape(30, 3)
    found = dependence(counts)
    assert found.w > found.w_interval[1]
    assert found.V_interval[0] <= found.V <= found.V_interval[1]


def test_indices_of_balance_at_both_ends_and_between() -> None:
    found = balance(np.array([[5, 5, 5, 5], [20, 0, 0, 0], [8, 4, 4, 4]]))
    squares = (64 + 3 * 16) / 400
    between = (
        4 / 3 * (1 - squares),
        (0.4 * math.log(1 / 0.4) + 0.6 * math.log(5)) / math.log(4),
        (1 / squares - 1) / 3,
        0.5,
    )
    for values, expected in zip(found.values(), between, strict=True):
        assert values.tolist() == pytest.approx([1, 0, expected])


def test_several_attributes_have_parts_of_their_own_and_combinations_nobody_has() -> None:
    data = {"sex": ["f"] * 60 + ["m"] * 140, "old": ["no"] * 130 + ["yes"] * 70, "y": [0, 1] * 100}
    made = label(data, ["sex", "old"], "y")
    assert [part.joint.name for part in made.parts] == ["sex", "old", "sex x old"]
    whole = made.parts[2]
    assert ("f", "yes") in whole.joint.values
    assert whole.protected["ratio"][0] == 0
    assert whole.dependence.df == 2
    found = {finding.what: finding for finding in findings(made)}
    assert "no row is f, yes" in found["nobody of sex x old"].text
    rows_of = {row[:2]: row for row in tables(whole)["joint"].rows}
    assert rows_of["f, yes", "0"][-3:] == ("", "", "")
    assert made.checks and all(check.state == "passed" for check in made.checks)


def test_rows_without_a_value_are_left_out_counted_and_compared() -> None:
    sex = ["f"] * 100 + ["m"] * 100
    y = ([1] * 50 + [0] * 50) * 2
    for i in [*range(30), *range(100, 120)]:
        sex[i] = "?"
    made = label({"sex": sex, "y": y}, ["sex"], "y")
    assert made.parts[0].joint.n == 150
    (missing,) = made.missing
    assert (missing.column, missing.rows, dict(missing.by_target)) == (
        "sex",
        50,
        {"0": (0, 100), "1": (50, 100)},
    )
    (finding,) = [f for f in findings(made) if f.what == "missing values of sex"]
    assert finding.severity == "warning"
    assert (
        "50 of 200 rows (25.0 %)" in finding.text
        and "not at random: 50.0 % of 1 and 0.0 % of 0" in finding.text
    )
    kept = label({"sex": sex, "y": y}, ["sex"], "y", keep_missing=True)
    assert kept.parts[0].joint.n == 200 and "(missing)" in kept.parts[0].joint.names


def test_numbers_are_cut_at_edges_or_into_equally_full_parts() -> None:
    data = {"age": list(range(100)), "y": [0, 1] * 50}
    edges = label(data, ["age"], "y", bins={"age": read_bins("25, 45")}).parts[0].joint
    assert edges.names == ("< 25", "25 to < 45", ">= 45")
    assert edges.counts.sum(1).tolist() == [25, 20, 55]
    parts = label(data, ["age"], "y", bins={"age": read_bins("q4")}).parts[0].joint
    assert parts.counts.sum(1).tolist() == [25, 25, 25, 25]


def test_conditions_compare_numbers_as_numbers() -> None:
    data = {"sex": ["f", "m"] * 50, "age": [9, 10, 30, None] * 25, "y": [0, 1, 0, 0] * 25}
    assert label(data, ["sex"], "y", where=["age>=10"]).rows == 50


def test_a_dataframe_gives_what_arrays_give() -> None:
    frame = pd.DataFrame(rows())
    made = label(frame, ["race"], "recid").parts[0].joint
    assert (made.counts == label(rows(), ["race"], "recid").parts[0].joint.counts).all()


FEW = {"sex": ["f", "m"] * 60, "y": [0, 0, 1, 1] * 30, "one": ["a"] * 120, "none": [""] * 120}
MANY = FEW | {"name": [f"n{i}" for i in range(120)], "age": list(range(120))}


@pytest.mark.parametrize(
    ("protected", "target", "more", "code", "words"),
    [
        (["sex"], "z", {}, "E112", "there is no column 'z'"),
        (["sex", "sex"], "y", {}, "E112", "'sex' is one column"),
        ([], "y", {}, "E112", "0 protected attributes"),
        (["age"], "y", {}, "E154", "'age' has 120 different values"),
        (["one"], "y", {}, "E155", "'one' of 'arrays' holds only 'a'"),
        (["sex"], "none", {}, "E155", "'none' of 'arrays' holds nothing"),
        (["sex"], "y", {"bins": {"age": read_bins("q4")}}, "E112", "bins for 'age'"),
        (["sex"], "y", {"bins": {"sex": read_bins("q4")}}, "E112", "'sex' cannot be cut into bins"),
        (["sex"], "y", {"where": ["age>200"]}, "E104", "'arrays' has no such rows"),
    ],
)  # fmt: skip
def test_what_cannot_be_labelled_is_refused(
    protected: list[str], target: str, more: dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(SartoError) as refused:
        label(MANY, protected, target, **more)
    assert (refused.value.code, refused.value.message) == (code, words)


def test_more_names_than_a_label_shows_are_refused() -> None:
    data = {"name": [f"n{i}" for i in range(201)], "y": [0, 1, 1] * 67}
    with pytest.raises(SartoError, match="'name' has 201 different values") as refused:
        label(data, ["name"], "y")
    assert refused.value.code == "E154"


@pytest.mark.parametrize("text", ["", "a", "3,2", "q1", "q99", "1,inf"])
def test_bins_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(SartoError, match="are no bins"):
        read_bins(text)


def test_findings_name_the_groups_that_are_apart_and_those_with_few_rows(compas: Label) -> None:
    found = {finding.what: finding for finding in findings(compas)}
    assert (
        "P(1 | Black) = 0.523 and P(1 | Other) = 0.362: 16.2 points apart" in found["recid = 1 by race"].text
    )
    assert "Native American has 11, Asian has 31" in found["few rows of race"].text
    assert found["dependence of recid on race"].severity == "warning"
    assert found["small cells of race and recid"].text.startswith("3 cells have 1 to 10 rows")
    even = label({"sex": ["f", "m"] * 200, "y": [0, 0, 1, 1] * 100}, ["sex"], "y")
    assert [finding.severity for finding in findings(even)] == ["note"]


def test_every_figure_is_evidence_and_the_document_is_json(compas: Label) -> None:
    made = evidence(compas, "sarto label x", "ab")
    assert {e.how for e in made} == {"measured"}
    named = {e.what: e for e in made}
    v = named["Cramer's V, bias-corrected of race and recid"]
    assert v.interval is not None and v.interval[0] < v.value < v.interval[1]
    assert named["balance of race, ratio"].value == pytest.approx(11 / 3175)
    assert document(compas)["parts"][0]["counts"] == COUNTS
