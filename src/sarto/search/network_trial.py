"""Trials of networks of whole items: each fold trains one on the others, and scores its integers on what is held out.

An item is what the device makes of raw words, standardised numbers of 8 bits, and zeros after its end up to the longest
item. It is seen about as often in a small data set as there is time for: `STEPS` steps of `BATCH` items, within
`LEAST_PASSES` and `MOST_PASSES` over them. Numbers are predicted in their standard deviations; of forecasts the numbers
themselves, and not how they change from what was last seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.special import softmax  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor
from torch.nn import functional

from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.core.graph import Graph, Outcome
from sarto.core.graph.front_end import LIMIT, SCALE
from sarto.core.graph.whole import infer
from sarto.core.seed import generator
from sarto.data.examples import Examples
from sarto.deploy.lower.network import Lowered, lower_network
from sarto.deploy.lower.preceding import standardiser, with_sensor
from sarto.learn.loop import Training, train
from sarto.models.network.module import Network
from sarto.search.candidates import ground_of, shape_of
from sarto.search.families._candidate import Ground, Shape, Whole
from sarto.search.problem import Problem, near

STEPS, BATCH = 400, 32
LEAST_PASSES, MOST_PASSES = 8, 100
DECAY, WARM_UP, SMOOTHING = 1e-2, 0.05, 0.05
MADE_UP = 16
"""Items that a network which is only built for its size is calibrated on."""


def evaluate_whole(problem: Problem, candidate: Whole, repeats: int) -> tuple[float, float]:
    """Return error and squared error of the integers on items that they did not learn from.

    The error is the share of wrong classes, and the squared error that of the probabilities, relative to that of the
    classes' shares; of numbers both are their squared error relative to their variance.
    """
    examples, wanted = examples_of(problem), _goals(problem)
    wrong = squares = 0.0
    for fold in problem.fold[:repeats]:
        for held, lowered, found in _held_out(problem, candidate, examples, fold):
            wrong += np.count_nonzero(found.classes != problem.target[held])
            guess = found.scores * lowered.score_scale
            guess = softmax(guess, axis=1) if problem.goals is None else guess
            squares += np.square(guess - wanted[held]).sum()
    squared = float(squares / (repeats * np.square(wanted - wanted.mean(axis=0)).sum()))
    return squared if problem.goals is not None else float(wrong / (repeats * len(wanted))), squared


def held_out_whole(problem: Problem, candidate: Whole) -> Int[np.ndarray, " item"]:
    """Return the class of each item by the integers that the other folds of the first partition trained."""
    said = np.zeros(len(problem.target), np.int64)
    for held, _, found in _held_out(problem, candidate, examples_of(problem), problem.fold[0]):
        said[held] = found.classes
    return said


def _held_out(
    problem: Problem, candidate: Whole, examples: Examples, fold: Int[np.ndarray, " item"]
) -> Iterator[tuple[Bool[np.ndarray, " item"], Lowered, Outcome]]:
    """Yield, for each fold, who is held out, the integers that the others trained, and what these say of them."""
    for f in range(int(fold.max()) + 1):
        held = fold == f
        lowered = _fitted(problem, candidate, examples, np.flatnonzero(~near(held, problem.gap)))
        yield held, lowered, infer(lowered.graph, lowered.items(examples.x[held]))


def final_whole(problem: Problem, candidate: Whole) -> Graph:
    """Return the whole integer model, trained on every training item."""
    lowered = _fitted(problem, candidate, examples_of(problem), np.arange(len(problem.target)))
    return _behind(lowered, ground_of(problem), None if problem.goals is None else problem.goals.std(axis=0))


def made_up_whole(candidate: Whole, shape: Shape, ground: Ground) -> Graph:
    """Return a graph of the candidate's architecture with made-up weights: same tables, arena and code."""
    item = len(shape.channels), shape.longest
    x = generator(0, "made up").normal(size=(MADE_UP, *item)).clip(-LIMIT * SCALE, LIMIT * SCALE)
    classes = np.arange(MADE_UP) % len(shape.outputs)
    examples = Examples(x.astype(np.float32), classes, shape.outputs, input_scale=SCALE)
    network = Network(candidate.architecture(shape), seed=0)
    return _behind(
        _integers(network, examples), ground, np.ones(len(shape.outputs)) if shape.numeric else None
    )


def examples_of(problem: Problem) -> Examples:
    """Return the training items as the device sees them."""
    made = standardiser(problem.inputs, problem.sensor, problem.longest)
    x = made.items(problem.raw, problem.offsets)[:, 0].swapaxes(1, 2)
    numbers = np.ascontiguousarray(x, np.float32) * np.float32(SCALE)
    return Examples(numbers, problem.target, problem.outputs, input_scale=SCALE)


def _behind(lowered: Lowered, ground: Ground, unit: Float[np.ndarray, " output"] | None) -> Graph:
    made = standardiser(ground.inputs, ground.sensor, ground.longest)
    return with_sensor(lowered, made, ground.channels, ground.window, unit)


def _goals(problem: Problem) -> Float[np.ndarray, "item output"]:
    """Return what outputs are to be: 1 for an item's class and 0 for others, or numbers in their deviations."""
    return problem.wanted if problem.goals is None else problem.goals / problem.goals.std(axis=0)


def _fitted(
    problem: Problem, candidate: Whole, examples: Examples, items: Int[np.ndarray, " chosen"]
) -> Lowered:
    """Return the integers of a network that was trained on the chosen items."""
    network, learned = (
        Network(candidate.architecture(shape_of(problem)), candidate.seed),
        examples.select(items),
    )
    passes = math.ceil(STEPS * BATCH / len(learned))
    training = Training(
        epochs=min(max(passes, LEAST_PASSES), MOST_PASSES),
        batch=BATCH,
        rate=candidate.rate,
        decay=DECAY,
        warm_up=WARM_UP,
        smoothing=SMOOTHING,
        seed=candidate.seed,
    )
    if problem.goals is None:
        train(network, learned, training)
    else:
        _train_on_numbers(network, learned, training, _goals(problem)[items])
    return _integers(network, learned)


def _train_on_numbers(
    network: Network, learned: Examples, training: Training, goals: Float[np.ndarray, "item output"]
) -> None:
    """Train for the least squared error; the mean of the numbers is no matter of training."""
    middle = goals.mean(axis=0)
    wanted = torch.as_tensor(goals - middle, dtype=torch.float32)

    def loss(_network: Network, _x: Tensor, outputs: Tensor, index: Tensor) -> Tensor:
        return functional.mse_loss(outputs, wanted[index])

    train(network, replace(learned, y=np.arange(len(learned))), training, loss=loss)
    last = network.layer(network.architecture.output)
    assert last.bias is not None, "a named network ends in a layer with a bias"
    with torch.no_grad():
        last.bias.add_(torch.as_tensor(middle, dtype=torch.float32))


def _integers(network: Network, examples: Examples) -> Lowered:
    state = ptq.quantise(State(network), Evaluation(examples, examples))
    return lower_network(state.network, examples.classes)
