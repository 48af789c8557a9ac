"""Recipes."""

import json

from sarto.core.recipe import Recipe, Step


def test_order_and_settings_survive_json_and_are_shown() -> None:
    recipe = Recipe((Step("reservoir", {"units": 9, "cell": "esn"}), Step("ptq")))
    assert str(recipe) == "reservoir(units=9, cell=esn) > ptq()"
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
