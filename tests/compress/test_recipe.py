"""Recipes as text: what is read, in which room, and what is refused by the name of its step."""

import pytest

from sarto.compress.recipe import apply, checked_step, coder_of, parse, run
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
        ("px:0.9:rounds=1:rounds=2", "'rounds' of step 'px' stands twice"),
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("px:0.5:rounds=abc", "'px': rounds=abc"),
        ("px:0.5:rounds=1.5", "'px': rounds=1.5"),
        ("px:0.5:emptied=2", "'px': emptied=2"),
        ("magnitude:0.5:tuned=maybe", "'magnitude': tuned=maybe"),
        ("channels:0.5:tuned=maybe", "'channels': tuned=maybe"),
        ("codebook:3:start=foo", "'codebook': start=foo"),
        ("codebook:4:bits=2", "'codebook:4:bits=2' has its bits twice"),
        ("low_rank:0.5:share=0.3", "has its share twice"),
        ("distil:4:temperature=5", "has its temperature twice"),
        ("distil:share=x", "'distil': share=x"),
        ("distil:colour=3", "'distil' has no setting 'colour'"),
        ("gradual:0.5:every=x", "'gradual': every=x"),
        ("settle:passes=1.5", "'settle': passes=1.5"),
        ("qat:4:epochs=x", "'qat': epochs=x"),
        ("qat:4:rate=nan", "'qat': rate=nan"),
        ("low_rank", "'low_rank' has no amount"),
    ],
)
def test_a_setting_of_another_kind_is_refused_by_step_and_name(text: str, message: str) -> None:
    (order,) = parse(text)
    with pytest.raises(InputError, match=message) as caught:
        checked_step(order)
    assert caught.value.code == "E133"


@pytest.mark.parametrize("text", ["codebook:nan", "codebook:inf", "rate:nan", "distil:inf"])
def test_an_amount_is_a_finite_number(text: str) -> None:
    with pytest.raises(InputError, match="no finite number") as caught:
        parse(text)
    assert caught.value.code == "E133"


def test_layers_are_named_with_a_plus_and_energy_stands_for_an_amount() -> None:
    orders = parse("low_rank:energy=0.5:layers=fc1+fc2:tuned=false")
    ((_, after),) = run(small(), orders, evaluation())
    assert [n.name for n in after.network.architecture.weighted] == ["fc1_in", "fc1", "fc2_in", "fc2", "fc3"]


def test_a_rate_of_zero_is_refused_and_not_another() -> None:
    with pytest.raises(InputError, match="rate=0,") as caught:
        list(run(small(), parse("qat:4:rate=0"), evaluation()))
    assert caught.value.code == "E116"
