"""Networks as candidates of a search: what they learn from, how they are scored, and what is deployed of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.graph import Window, infer, items_of
from sarto.learn import loop
from sarto.models.input_error import InputError
from sarto.models.network.tiny import macs
from sarto.search import network_trial
from sarto.search.candidates import able, loose_of, presets
from sarto.search.families import network
from sarto.search.network_trial import examples_of
from sarto.search.trial import Score, evaluate, final, run_saved
from tests.search.planted import NETWORK, STEPS, problem, shape


@pytest.fixture(autouse=True)
def few_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_trial, "MOST_PASSES", 30)


def without_time(score: Score) -> Score:
    return replace(score, cpu_s=0.0)


def test_a_planted_answer_is_found_and_chance_stays_chance(tmp_path: Path) -> None:
    found = evaluate(problem(), NETWORK)
    assert found.error <= 0.1 and found.squared < 0.6
    assert (found.ridge, found.items, found.loss) == (0.0, 40, found.error + found.squared)
    assert 0.3 < evaluate(problem(80, shuffled=True), NETWORK).error < 0.7
    problem().save(tmp_path / "problem.npz")
    kept = run_saved(str(tmp_path / "problem.npz"), NETWORK.to_json(), 1)
    assert without_time(Score(**kept)) == without_time(found), "the same in another call"


def test_what_is_held_out_and_what_lies_beside_it_is_not_learned_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted = replace(problem(30), gap=2)
    rows = examples_of(planted).x.reshape(30, -1)
    seen: list[set[int]] = []

    def noted(net: Any, examples: Any, training: Any) -> None:
        seen.append({int((rows == x.reshape(-1)).all(axis=1).argmax()) for x in examples.x})
        loop.train(net, examples, replace(training, epochs=1))

    monkeypatch.setattr(network_trial, "train", noted)
    evaluate(planted, NETWORK)
    for number, learned in enumerate(seen):
        held = np.flatnonzero(planted.fold[0] == number)
        near = {i for h in held.tolist() for i in range(max(h - 2, 0), min(h + 3, 30))}
        assert learned == set(range(30)) - near


def test_the_final_model_reads_raw_words_and_knows_its_training_items() -> None:
    planted = problem(hop=7)
    graph = final(planted, NETWORK, 0.0)
    found = infer(graph, items_of(graph, planted.raw, planted.offsets))
    assert (found.classes == planted.target).mean() > 0.95
    assert graph.sha256 == final(planted, NETWORK, 0.0).sha256
    assert (graph.outputs, graph.channels) == (("slow", "fast"), planted.channels)
    assert graph.window == Window(STEPS, 7) and graph.kind("input")[0].dtype == "int16"


def test_items_are_standardised_and_end_at_the_mean() -> None:
    planted = problem()
    short = replace(planted, raw=np.delete(planted.raw, [STEPS - 1, STEPS - 2], axis=0))
    short = replace(short, offsets=np.concatenate([[0], planted.offsets[1:] - 2]))
    x, whole = examples_of(short).x, examples_of(planted).x
    assert not x[0, :, -2:].any() and (x[0, :, :-2] == whole[0, :, :-2]).all()
    assert (x[1:] == whole[1:]).all()
    assert abs(whole.mean()) < 0.05 and abs(whole.std() - 1) < 0.1


def test_a_network_that_cannot_be_lowered_is_wrong_about_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise InputError("E126", "it has sums that could leave 32 bits")

    monkeypatch.setattr(network_trial, "train", fail)
    score = evaluate(problem(), NETWORK)
    assert (score.error, score.squared) == (1, 1)


def test_a_missing_torch_leaves_networks_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert able(["forest", "network"], ()) == (["forest", "network"], [])

    def absent(_: str) -> None:
        return None

    monkeypatch.setattr(network, "find_spec", absent)
    found, (why,) = able(["forest", "network"], ())
    assert found == ["forest"] and "pip install 'sarto[nn]'" in why
    with pytest.raises(SartoError, match="networks need torch") as caught:
        able(["network"], ("network",))
    assert caught.value.code == "E112"


@pytest.mark.parametrize("preset", presets("network", (), False), ids=str)
def test_the_width_is_bound_by_the_time_of_a_trial(preset: dict[str, Any]) -> None:
    there = replace(shape(problem()), longest=100)
    loose = loose_of(preset, there, 0)
    assert isinstance(loose, network.Candidate)
    most = loose.most_units(there)
    taken = [macs(replace(loose, units=n).architecture(there)) for n in (most, most + 1)]
    assert taken[0] <= network.MOST_MACS and (taken[1] > network.MOST_MACS or most == network.MOST_WIDTH)
