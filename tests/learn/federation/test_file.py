"""The file of a federation: what it says is what is run, and what it cannot say is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sarto.core.errors import SartoError
from sarto.learn.federation.file import parsed, read
from sarto.learn.federation.setting import set_up

GOOD: dict[str, Any] = {
    "data": {"source": "BasicMotions"},
    "split": {"by": "dirichlet", "clients": 6, "alpha": [0.3, 10]},
    "model": {"kind": "reservoir", "units": 20},
    "method": [{"name": "fed_plasticity", "rounds": 2}, {"name": "fedavg", "rate": 0.2, "rounds": 7}],
    "against": [{"name": "fed_readout"}],
    "participation": {"per_round": 3, "offline": 0.1},
    "budget": {"bytes": "2MB"},
    "device": {"name": "cortex_m4", "flash": "32KiB"},
}


def test_a_file_says_what_is_run(tmp_path: Path) -> None:
    found = parsed(GOOD, "demo")
    assert found.name == "demo" and found.alphas == (0.3, 10.0) and found.bytes == 2_000_000
    first, second = found.chains
    assert [stage.name for stage in first] == ["fed_plasticity", "fedavg"] and second[0].name == "fed_readout"
    assert first[0].settings == {"rounds": 2}  # a method's own number
    assert first[1].rounds == 7 and first[1].settings == {"rate": 0.2}
    assert found.device is not None and (found.device.flash_b, found.device.ram_b) == (32768, None)
    assert found.participation.per_round == 3 and found.participation.offline == 0.1
    path = tmp_path / "river.toml"
    path.write_text(
        '[data]\nsource = "d.csv"\n[split]\nby = "groups"\n[model]\nkind = "linear"\n[[method]]\nname = "fed3r"\n'
    )
    (tmp_path / "d.csv").write_text("a")
    assert read(path).source == str(tmp_path / "d.csv") and read(path).name == "river"


@pytest.mark.parametrize(
    ("changed", "said", "hint"),
    [
        ({"modell": {}}, "no 'modell'", "did you mean model?"),
        ({"model": {"kind": "resevoir"}}, "model.kind", "did you mean reservoir?"),
        ({"method": [{"name": "fedavgg"}]}, "no method", "did you mean fedavg"),
        ({"method": [{"name": "fedavg", "rat": 1.0}]}, "no 'rat'", "did you mean rate?"),
        ({"method": []}, "no [[method]]", "[[method]]"),
        ({"method": [{"name": "fedavg", "rounds": -1}]}, "rounds", "E172"),
        ({"method": [{"name": "fedavg", "rate": "fast"}]}, "fedavg", "quotes"),
        ({"split": {"by": "dirichelt"}}, "split.by", "did you mean dirichlet?"),
        ({"split": {"by": "iid"}}, "split.clients", "clients = 100"),
        ({"split": {"clients": 3, "alpha": "x"}}, "split.alpha", "E172"),
        ({"participation": {"offlin": 0.1}}, "no 'offlin'", "did you mean offline?"),
        ({"participation": {"offline": "often"}}, "participation.offline", "E172"),
        ({"data": {}}, "data.source", "BasicMotions"),
        ({"device": {"flash": "32KiB"}}, "without a name", "cortex_m4"),
        ({"seed": -1}, "seed", "E172"),
        ({"judge_every": True}, "judge_every", "E172"),
        ({"budget": 5}, "budget", "E172"),
        ({"method": [{"name": "ssp"}]}, "ssp for a reservoir", "mean and deviation"),
        ({"method": [{"name": "ssp"}], "model": {"kind": "linear"}}, "without model.mean", "mean = 8.0"),
        (
            {"method": [{"name": "ssp"}, {"name": "fedavg"}], "model": {"kind": "linear", "mean": 0.0}},
            "with other stages",
            "[[against]]",
        ),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(changed: dict[str, Any], said: str, hint: str) -> None:
    with pytest.raises(SartoError) as refused:
        parsed(GOOD | changed, "demo")
    assert refused.value.code == "E172" and said in refused.value.message
    assert hint in str(refused.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"participation": {"offline": 1.5}},
        {"method": [{"name": "fedavg", "rate": -1.0}]},
        {"method": [{"name": "fed3r", "temperature": 0.0}]},
    ],
)
def test_settings_that_cannot_be_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(SartoError) as refused:
        parsed(GOOD | changed, "demo")
    assert refused.value.code == "E171"


def test_no_file_and_no_toml_are_told(tmp_path: Path) -> None:
    with pytest.raises(SartoError) as refused:
        read(tmp_path / "none.toml")
    assert refused.value.code == "E101"
    (tmp_path / "bad.toml").write_text("[data\n")
    with pytest.raises(SartoError) as refused:
        read(tmp_path / "bad.toml")
    assert refused.value.code == "E172"


@pytest.mark.parametrize(
    "model",
    [
        {"kind": "reservoir", "unit": 3},
        {"kind": "linear", "units": 3},
        {"kind": "random_features", "width": 3},
        {"kind": "network", "name": "cnn1d", "wide": 3},
    ],
)
def test_a_models_settings_are_known_or_refused(model: dict[str, Any]) -> None:
    with pytest.raises(SartoError) as refused:
        set_up(parsed(GOOD | {"model": model}, "demo"))
    assert refused.value.code == "E172" and "no setting" in refused.value.message


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"mean": 0.0}, "without model.deviation"),
        ({"mean": 0.0, "deviation": 0.0}, "above 0"),
        ({"mean": [0.0, 1.0], "deviation": 1.0}, "a list of 600"),
        ({"mean": "none", "deviation": 1.0}, "a number for all inputs"),
    ],
)
def test_a_scaling_that_cannot_be_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SartoError) as refused:
        set_up(parsed(GOOD | {"model": {"kind": "linear", **given}, "method": [{"name": "fed3r"}]}, "demo"))
    assert refused.value.code == "E172" and said in str(refused.value)
