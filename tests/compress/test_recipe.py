"""Recipes as text: what is read, in which room, and what is refused by the name of its step."""

import pytest

from sarto.compress.recipe import apply, coder_of, parse, run
from sarto.compress.state import Evaluation, State
from sarto.learn.loop import Training
from sarto.models.input_error import InputError
from sarto.models.network.module import Network
from sarto.models.network.named import named
from tests.learn.test_loop import moons


def evaluation() -> Evaluation:
    """Two passes over a few items."""
    data = moons(80, 0)
    return Evaluation(data, data.select(data.y.argsort()[::2]), Training(epochs=2, batch=20))


def small() -> State:
    """A multilayer perceptron on the moons."""
    return State(Network(named("mlp", (2,), 2, width=12), seed=0))


def test_steps_are_read_with_amounts_and_settings() -> None:
    orders = parse("magnitude:0.9:scope=local, codebook:4:tuned=false, rans")
    assert [(o.name, o.room, o.amount, dict(o.settings)) for o in orders] == [
        ("magnitude", "prune", 0.9, {"scope": "local"}),
        ("codebook", "quantize", 4, {"tuned": False}),
        ("rans", "code", None, {}),
    ]
    assert (coder_of(orders), coder_of(orders[:2])) == ("rans", "best")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the recipe is empty"),
        ("magnitud:0.9", "no step 'magnitud'"),
        ("magnitude", "'magnitude' has no amount"),
        ("magnitude:1.5", "'magnitude:1.5'"),
        ("magnitude:much", "'much' of step 'magnitude' is no number"),
        ("codebook:2.5", "'codebook:2.5'"),
        ("rans,codebook:4", "'rans' is not the last step"),
        ("rans:3", "'rans' has no amount"),
        ("magnitude:0.9:scope", "'scope' of step 'magnitude' is no setting"),
    ],
)
def test_what_is_no_recipe(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse(text)
    assert caught.value.code == "E133"


def test_a_setting_that_a_method_does_not_have_is_refused_by_name() -> None:
    (order,) = parse("magnitude:0.5:colour=3")
    with pytest.raises(InputError, match="'magnitude' has no setting 'colour'") as caught:
        apply(order, small(), evaluation())
    assert "scope" in caught.value.hint


def test_steps_run_in_order_and_leave_the_first_state_alone() -> None:
    first = small()
    states = list(run(first, parse("magnitude:0.5,dead_units,codebook:2,rans"), evaluation()))
    names = [str(order) for order, _ in states]
    assert names == ["magnitude:0.5", "dead_units", "codebook:2", "rans"]
    last = states[-1][1]
    assert [s.method for s in last.recipe.steps] == ["magnitude", "dead_units", "codebook"]
    assert first.network.layer("fc1").mask is None
    assert {s.kind for n, s in last.stored().items() if n.endswith("weight")} == {"table"}


def test_a_codebook_is_not_tuned_where_that_is_not_asked_for() -> None:
    first = small()
    tuned, untuned = (
        list(run(first, parse(f"codebook:2{setting}"), evaluation()))[-1][1]
        for setting in ("", ":tuned=false")
    )
    assert untuned.steps[-1].settings["tuned"] is False
    before, after = first.network.layer("fc1").bias, untuned.network.layer("fc1").bias
    assert before is not None
    assert after is not None
    assert bool((before == after).all())
    bias = tuned.network.layer("fc1").bias
    assert bias is not None
    assert not bool((before == bias).all())
