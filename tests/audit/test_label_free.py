"""Risk without labels: what is fitted, and how good a ranking is."""

import numpy as np
import pytest

from sarto.audit.group_tables import GroupSettings
from sarto.audit.label_free import fit_risk, found_worst
from sarto.audit.of_unlabelled import audit_unlabelled
from sarto.audit.subgroups import Attributes, Outcomes, mine
from sarto.core.errors import SartoError
from sarto.data.predictions import Predictions

RNG = np.random.default_rng(0)


def test_a_model_that_is_too_sure_is_calibrated() -> None:
    """The logit of its truth is half of that of its confidence, less .3."""
    c = RNG.uniform(0.5, 0.999, 20000)
    right = 1 / (1 + np.exp(-(0.5 * np.log(c / (1 - c)) - 0.3)))
    risk = fit_risk(c, RNG.random(20000) > right)
    assert risk.slope == pytest.approx(-0.5, abs=0.05)
    assert risk.intercept == pytest.approx(0.3, abs=0.1)
    assert risk(np.array([0.9]))[0] == pytest.approx(1 / (1 + np.exp(0.5 * np.log(9) - 0.3)), abs=0.02)


def test_disagreement_counts_where_it_tells_more() -> None:
    c = RNG.uniform(0.5, 1, 5000)
    differ = RNG.random(5000) < 0.2
    risk = fit_risk(c, np.where(differ, RNG.random(5000) < 0.7, RNG.random(5000) < 0.1), differ)
    low, high = risk(np.array([0.8, 0.8]), np.array([False, True]))
    assert (low, high) == (pytest.approx(0.1, abs=0.03), pytest.approx(0.7, abs=0.05))
    with pytest.raises(SartoError) as caught:
        risk(np.array([0.8]))
    assert caught.value.code == "E163"


@pytest.mark.parametrize("bad", [1.5, -0.1, np.nan])
def test_what_is_no_confidence(bad: float) -> None:
    with pytest.raises(SartoError) as caught:
        fit_risk(np.array([0.5, bad]), np.array([True, False]))
    assert caught.value.code == "E163"
    assert "1 of 2 are not between 0 and 1" in caught.value.cause


def test_rows_that_are_all_right_tell_nothing() -> None:
    with pytest.raises(SartoError) as caught:
        fit_risk(np.array([0.5, 0.6]), np.array([False, False]))
    assert caught.value.message == "the model is right in all 2 labelled rows"


def test_the_recall_of_a_ranking() -> None:
    wrong = np.repeat([0.9, 0.5, 0.1, 0.3], 10)
    attributes = Attributes.from_columns({"g": np.repeat(list("abcd"), 10)})
    found = mine(attributes, Outcomes.from_reals({"error": wrong}), min_support=0.1)
    truth = found.divergence("error")
    groups = np.array([found.label(i)["g"] for i in range(len(found))])
    order = {"a": 3.0, "b": 0.0, "c": 1.0, "d": 2.0}
    ranked = np.array([order[g] for g in groups])
    assert found_worst(truth, truth.rate, 2) == 1.0
    assert found_worst(truth, ranked, 2) == 0.5
    assert found_worst(truth, -truth.rate, 2) == 0.0


def rows(columns: dict[str, np.ndarray], original: np.ndarray | None = None) -> Predictions:
    said = np.array([1, 0] * 50)
    named = {"target": "said", "model": "said", "original": "before"}
    return Predictions("rows", said, said, original, columns, None, named)


def test_without_confidences_the_models_disagreement_ranks() -> None:
    group = np.repeat(["f", "m"], 50)
    before = np.where((group == "m") & (np.arange(100) % 5 == 0), 2, rows({}).small)
    found = audit_unlabelled(rows({"sex": group}, before), None, None, GroupSettings(support=0.2))
    assert [(row[0], row[3]) for row in found.tables["subgroups"].rows] == [
        ("sex = m", 0.2),
        ("sex = f", 0.0),
    ]
    assert (found.evidence[0].what, found.evidence[0].value) == ("disagreement", 0.1)
    with pytest.raises(SartoError) as caught:
        audit_unlabelled(rows({"sex": group}), None, None, GroupSettings())
    assert caught.value.code == "E163"


def test_a_column_that_holds_no_confidences() -> None:
    for column, cause in (("sex", "it holds texts"), ("conf", "its columns are sex")):
        with pytest.raises(SartoError) as caught:
            audit_unlabelled(rows({"sex": np.repeat(["f", "m"], 50)}), column, None, GroupSettings())
        assert (caught.value.code, caught.value.cause) == ("E112", cause)
