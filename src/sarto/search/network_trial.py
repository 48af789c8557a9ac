"""Trials of networks of whole items: each fold trains one on the others, and scores its integers on what is held out.

An item is what the device makes of raw words, standardised numbers of 8 bits, and zeros after its end up to the longest
item. It is seen about as often in a small data set as there is time for: `STEPS` steps of `BATCH` items, within
`LEAST_PASSES` and `MOST_PASSES` over them.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.core.graph import Graph
from sarto.core.graph.network import LIMIT
from sarto.core.graph.whole import infer
from sarto.core.seed import generator
from sarto.data.examples import Examples
from sarto.deploy.lower.network import Lowered, lower_network
from sarto.deploy.lower.preceding import SCALE, standardiser, with_sensor
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
    """Return the share of wrong classes of the integers, and the squared error of the probabilities.

    The latter is a share of that of the classes' shares.
    """
    examples, wanted = examples_of(problem), problem.wanted
    wrong = squares = 0.0
    for fold in problem.fold[:repeats]:
        for f in range(int(fold.max()) + 1):
            held = fold == f
            lowered = _fitted(problem, candidate, examples.select(np.flatnonzero(~near(held, problem.gap))))
            found = infer(lowered.graph, lowered.items(examples.x[held]))
            wrong += np.count_nonzero(found.classes != problem.target[held])
            guess = _probabilities(found.scores * lowered.score_scale)
            squares += np.square(guess - wanted[held]).sum()
    variance = np.square(wanted - wanted.mean(axis=0)).sum()
    return float(wrong / (repeats * len(problem.target))), float(squares / (repeats * variance))


def final_whole(problem: Problem, candidate: Whole) -> Graph:
    """Return the whole integer model, trained on every training item."""
    return _behind(_fitted(problem, candidate, examples_of(problem)), ground_of(problem))


def made_up_whole(candidate: Whole, shape: Shape, ground: Ground) -> Graph:
    """Return a graph of the candidate's architecture with made-up weights: same tables, arena and code."""
    item = len(shape.channels), shape.longest
    x = generator(0, "made up").normal(size=(MADE_UP, *item)).clip(-LIMIT * SCALE, LIMIT * SCALE)
    classes = np.arange(MADE_UP) % len(shape.outputs)
    examples = Examples(x.astype(np.float32), classes, shape.outputs, input_scale=SCALE)
    return _behind(_integers(Network(candidate.architecture(shape), seed=0), examples), ground)


def examples_of(problem: Problem) -> Examples:
    """Return the training items as the device sees them."""
    made = standardiser(problem.inputs, problem.sensor, problem.longest)
    x = made.items(problem.raw, problem.offsets)[:, 0].swapaxes(1, 2)
    numbers = np.ascontiguousarray(x, np.float32) * np.float32(SCALE)
    return Examples(numbers, problem.target, problem.classes, input_scale=SCALE)


def _behind(lowered: Lowered, ground: Ground) -> Graph:
    made = standardiser(ground.inputs, ground.sensor, ground.longest)
    return with_sensor(lowered, made, ground.channels, ground.window)


def _fitted(problem: Problem, candidate: Whole, examples: Examples) -> Lowered:
    network = Network(candidate.architecture(shape_of(problem)), candidate.seed)
    passes = math.ceil(STEPS * BATCH / len(examples))
    training = Training(
        epochs=min(max(passes, LEAST_PASSES), MOST_PASSES),
        batch=BATCH,
        rate=candidate.rate,
        decay=DECAY,
        warm_up=WARM_UP,
        smoothing=SMOOTHING,
        seed=candidate.seed,
    )
    train(network, examples, training)
    return _integers(network, examples)


def _integers(network: Network, examples: Examples) -> Lowered:
    state = ptq.quantise(State(network), Evaluation(examples, examples))
    return lower_network(state.network, examples.classes)


def _probabilities(scores: Float[np.ndarray, "item class"]) -> Float[np.ndarray, "item class"]:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
