"""Audits of a table: figures of all rows, tables, findings, gates, and what is refused."""

# pandas types its columns loosely.
# pyright: basic

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sarto.audit.gates import read_gate
from sarto.audit.group_tables import GroupSettings
from sarto.audit.of_groups import GroupAudit, audit_groups
from sarto.audit.overall import at_confidence
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.data.predictions import read_predictions

N = 400


def frame(**more: Any) -> pd.DataFrame:
    """Both models are right but in every tenth row; the small one also errs on every second old woman."""
    index = np.arange(N)
    y = index % 2
    age = 20 + index % 50
    sex = np.where(index // 2 % 2 == 0, "f", "m")
    before = np.where(index % 10 == 9, 1 - y, y)
    after = np.where((sex == "f") & (age > 50) & (index // 4 % 2 == 0), 1 - before, before)
    return pd.DataFrame({"y": y, "original": before, "model": after, "age": age, "sex": sex, **more})


def audit(data: Any, *gates: str, **settings: Any) -> GroupAudit:
    return audit_groups(read_predictions(data), GroupSettings(**settings), [read_gate(g) for g in gates])


def test_two_models() -> None:
    data = frame()
    found = audit(data, "gain >= -2pp @ q=0.05", "agreement >= 50%", "overall_gain >= 0pp @ 99%")
    right = (data.original == data.y).mean(), (data.model == data.y).mean()
    figures = {e.what: e for e in found.evidence}
    assert [figures[w].value for w in ("original accuracy", "small accuracy")] == [
        pytest.approx(v) for v in right
    ]
    assert figures["overall_gain"].value == pytest.approx(right[1] - right[0])
    assert figures["agreement"].value == pytest.approx((data.original == data.model).mean())
    assert found.attributes == ("age", "sex")
    worst = dict(zip(found.tables["gain"].columns, found.tables["gain"].rows[0], strict=True))
    assert "sex = f" in str(worst["subgroup"])
    assert worst["small"] == pytest.approx(float(worst["original"]) + float(worst["gain"]))
    assert [j.passed for j in found.judged] == [False, True, False]
    assert [f.severity for f in found.findings] == ["warning", "warning"]
    assert "gain of the small model" in {f.what for f in found.findings}
    lowest = found.full.value[0]
    assert lowest == np.nanmin(found.full.value)


def test_one_model_and_a_metric_with_a_positive_class() -> None:
    data = frame().drop(columns="original")
    found = audit(data, "fpr <= 60%", metric="fpr", positive="1", support=0.05)
    negatives = data[data.y == 0]
    (figure,) = found.evidence
    assert (figure.what, figure.n) == ("fpr", len(negatives))
    assert figure.value == pytest.approx((negatives.model == 1).mean())
    first = dict(zip(found.tables["subgroups"].columns, found.tables["subgroups"].rows[0], strict=True))
    assert float(first["divergence"]) > 0, "of false positives the highest are the worst"
    assert found.judged[0].passed


def test_numbers_have_errors() -> None:
    data = frame()
    data["y"], data["original"], data["model"] = 10.0, 10.5, np.where(data.sex == "f", 12.0, 10.5)
    found = audit(data, "gain <= 1 @ 95%", metric="absolute error", groups=("sex",))
    figures = {e.what: e.value for e in found.evidence}
    assert figures == {
        "original absolute error": 0.5,
        "small absolute error": pytest.approx(1.25),
        "overall_gain": pytest.approx(0.75),
    }
    assert found.judged[0].failing[0] == ("sex = f", "+1.5 of 200 rows, p = 1")


def test_trees_cut_where_the_small_model_errs() -> None:
    data = frame().drop(columns="original")
    data["model"] = np.where(data.age > 50, 1 - data.y, data.y)
    by_tree = audit(data, cut="tree", support=0.05, groups=("age",))
    cuts = {label["age"] for label in (by_tree.subgroups.label(i) for i in range(len(by_tree.subgroups)))}
    assert "> 50.5" in cuts


def test_columns_of_many_texts_are_left_out_unless_named() -> None:
    data = frame(name=[f"n{i}" for i in range(N)])
    found = audit(data)
    assert "name" not in found.attributes
    assert found.findings[0].what == "column name"
    assert audit(data, groups=("name", "sex"), support=0.0025, depth=1).attributes == ("name", "sex")


def test_the_true_class_may_make_the_groups() -> None:
    found = audit(frame(), groups=("y",))
    assert {row[0] for row in found.tables["subgroups"].rows} <= {"y = 0", "y = 1"}


@pytest.mark.parametrize(
    ("gate", "columns", "settings", "code"),
    [
        ("gain >= 0pp", ["y", "model", "sex"], {}, "E161"),
        ("agreement >= 1%", ["y", "model", "sex"], {}, "E161"),
        ("accuracy >= 1%", ["y", "model"], {}, "E112"),
        ("accuracy >= 1%", ["y", "model", "sex"], {"groups": ("sec",)}, "E112"),
        ("accuracy >= 1%", ["y", "model", "sex"], {"metric": "accurcy"}, "E140"),
        ("accuracy >= 1%", ["y", "model", "sex"], {"metric": "fpr", "positive": "7"}, "E140"),
        ("accuracy >= 1%", ["y", "model", "sex"], {"support": 0.9}, "E139"),
    ],
)
def test_what_is_refused(gate: str, columns: list[str], settings: dict[str, Any], code: str) -> None:
    with pytest.raises(SartoError) as caught:
        audit(frame()[columns], gate, **settings)
    assert caught.value.code == code
    assert caught.value.hint


def test_a_model_that_is_always_right_is_refused_in_words() -> None:
    data = frame()
    data["model"] = data["y"]
    with pytest.raises(SartoError) as caught:
        audit(data.drop(columns="original"))
    assert caught.value.code == "E137"
    found = audit(data.drop(columns="original"), "accuracy >= 99% @ q=0.05", "divergence >= 0pp")
    assert [j.passed for j in found.judged] == [True, True], "with a gate it is what was wanted"
    assert found.findings[0].text == "it is the same in every subgroup, so nothing diverges"


def test_intervals_of_another_confidence() -> None:
    gain = Evidence("overall_gain", -0.05, "1", "measured", "t", n=100, interval=(-0.07, -0.03))
    wider = at_confidence(gain, 0.99).interval
    assert wider is not None
    assert wider[1] - wider[0] == pytest.approx(0.04 * 2.5758 / 1.95996, rel=1e-4)
    assert at_confidence(gain, None) is gain
