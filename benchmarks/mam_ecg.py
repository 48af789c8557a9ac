"""The tail of an autoencoder of an electrocardiogram under a byte budget: what wins, MAM, sums, or something smaller.

MIT-BIH record 100, first lead, windows of 256 samples. A linear encoder makes at most 64 numbers of a window, the tail
makes a window of these again. Only the tail is in the file: 2, 4 and 8 kB of a real container, read again and judged.

    mam, mac    64-256-256-256 with ReLU, its second layer MAM or sums; pruned by |w g| or magnitude to as many
                weights in each layer, tuned with the encoder
    dense       64-w-256, of about the largest width w whose file fits
    low rank    the trained `mac` with its layers factored to one rank, tuned
    pca         principal components of the training windows, of the largest rank that fits and the number of shared
                values that is best on validation; the encoder is the least-squares fit to them

All but `pca` share 16 values in a layer and are tuned with them. Time is split with gaps: training in the first half,
validation in the third quarter, test in the last. Two settings of each arm are tried on validation at the middle budget
with a seed of its own: the score of the pruned ones, the rate of the others. What is chosen is tested once for a seed.

    SNR = 10 log10(sum |x - m|^2 / sum |x - y|^2),      m: the mean of each window; beside it with m = 0 and the
                                                        converter's offset of 1024 left in, and the mean over windows.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor
from torch.nn import functional

from benchmarks._bench import Bench, real_data
from benchmarks._outcome import Figure, Outcome, at_least, over_seeds
from sarto.compress.lowrank import low_rank
from sarto.compress.quantize.codebook import share
from sarto.compress.settle import settle_biases
from sarto.compress.state import State, masked, restored
from sarto.data.examples import Examples
from sarto.learn.loop import Training, torch_threads, train
from sarto.learn.vanish import settle, vanishing
from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.module import Network, predict

MINUTES = 15
WINDOW, CODE, WIDTH, STEP, GAP = 256, 64, 256, 128, 3600
BUDGETS = (2000, 4000, 8000)
ARMS = ("mam", "mac", "dense", "low rank")
SEEDS, TRIAL_SEED = 3, 100
SCORES = {"mam": ("gradient", "magnitude"), "mac": ("gradient", "magnitude")}
RATES = {"mam": (2e-3,), "mac": (2e-3,), "dense": (2e-3, 5e-3), "low rank": (2e-3, 5e-3)}
"""Two trials in each arm."""
PASSES, TUNED, LAST = 30, 10, 8
VALUES, BIAS_VALUES = 16, 15
PCA_VALUES = (8, 16, 32, 64, 128, 255)
PER_WEIGHT_B, FREE = 1.6, 0.985
"""First guess of what a kept weight takes, and the share of a budget that is aimed at."""


@dataclass(frozen=True)
class Data:
    """Windows, standardised by the training part, and what takes them back to the converter's numbers."""

    train: Float[np.ndarray, "item sample"]
    validation: Float[np.ndarray, "item sample"]
    test: Float[np.ndarray, "item sample"]
    mean: float
    deviation: float


@dataclass(frozen=True)
class Choice:
    """What is chosen on validation."""

    rate: float
    score: str


def data() -> Data:
    """Return the windows of the record."""
    with np.load(real_data("ecg/mitdb_100.npz"), allow_pickle=False) as held:
        signal = held["mlii"].astype(np.float64)
    half, rest = len(signal) // 2, len(signal) * 3 // 4
    spans = ((0, half, STEP), (half + GAP, rest, WINDOW), (rest + GAP, len(signal), WINDOW))
    mean, deviation = float(signal[:half].mean()), float(signal[:half].std())
    train_, validation, test = (
        ((sliding_window_view(signal[a:b], WINDOW)[::step] - mean) / deviation).astype(np.float32)
        for a, b, step in spans
    )
    return Data(train_, validation, test, mean, deviation)


def snr(
    held: Data, x: Float[np.ndarray, "item sample"], y: Float[np.ndarray, "item sample"]
) -> dict[str, float]:
    """Return the three ratios in dB."""
    wrong = (x.astype(np.float64) - y) ** 2
    centred = (x - x.mean(1, keepdims=True, dtype=np.float64)) ** 2
    raw, off = (x * held.deviation + held.mean) ** 2, wrong * held.deviation**2
    return {
        "SNR": _db(centred.sum(), wrong.sum()),
        "SNR with the offset": _db(raw.sum(), off.sum()),
        "SNR, mean over windows": float(
            np.mean([_db(a, b) for a, b in zip(centred.sum(1), wrong.sum(1), strict=True)])
        ),
    }


def _db(signal: float, noise: float) -> float:
    return float(10 * np.log10(signal / noise))


def run(bench: Bench) -> Outcome:
    """Return what each arm comes to under each budget."""
    figures: dict[str, Figure] = {}
    chosen: dict[str, Choice] = {}
    for arm in ARMS:
        tried = [Choice(rate, score) for rate, score in product(RATES[arm], SCORES.get(arm, ("none",)))]
        tried = tried[:1] if bench.quick else tried
        seen = {choice: _kept(bench, arm, choice, TRIAL_SEED, BUDGETS[1:2])[0] for choice in tried}
        for choice, found in seen.items():
            title = f"trial: {arm}, rate {choice.rate:g}, {choice.score}: validation SNR at {BUDGETS[1]} B"
            figures[title] = Figure(found["validation"]["SNR"], "dB", "measured")
        chosen[arm] = max(tried, key=lambda c: seen[c]["validation"]["SNR"])
        bench.say(f"{arm}: {chosen[arm]} of {[round(f['validation']['SNR'], 2) for f in seen.values()]}")
    budgets, seeds = (BUDGETS[1:2], 1) if bench.quick else (BUDGETS, SEEDS)
    files: list[dict[str, Any]] = []
    for arm in ("pca", *ARMS):
        if arm == "pca":
            runs = [bench.once({"arm": arm, "budgets": budgets}, pca, budgets)]
        else:
            runs = [_kept(bench, arm, chosen[arm], seed, budgets) for seed in range(seeds)]
        for place, budget in enumerate(budgets):
            found = [each[place] for each in runs]
            files += found
            figures |= _shown(f"{budget} B, {arm}", found)
    bars = (
        at_least(
            "files no larger than their budget", sum(f["bytes"] <= f["budget"] for f in files), len(files)
        ),
        at_least("files read again equal in every bit", sum(f["equal"] for f in files), len(files)),
    )
    return Outcome(figures, () if bench.quick else bars)


def _kept(bench: Bench, arm: str, choice: Choice, seed: int, budgets: Sequence[int]) -> list[dict[str, Any]]:
    settings = {
        "arm": arm,
        "choice": repr(choice),
        "seed": seed,
        "budgets": list(budgets),
        "quick": bench.quick,
    }
    found = bench.once(settings, one, arm, choice, budgets, seed, bench.quick)
    for f in found:
        seen = f"validation {f['validation']['SNR']:.2f} dB, test {f['test']['SNR']:.2f} dB"
        bench.say(f"{arm}, {choice}, seed {seed}, {f['budget']} B: {seen}, {f['bytes']} B, {f['what']}")
    return found


def _shown(title: str, found: list[dict[str, Any]]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for name in found[0]["test"]:
        figures |= over_seeds(f"{title}: {name}", [f["test"][name] for f in found], "dB", "measured")
    for name, unit in (("bytes", "B"), ("weights", "1")):
        figures |= over_seeds(f"{title}: {name}", [float(f[name]) for f in found], unit, "measured")
    return figures


def one(arm: str, choice: Choice, budgets: Sequence[int], seed: int, quick: bool) -> list[dict[str, Any]]:
    """Return the tails of an arm that fit the budgets."""
    with torch_threads(1):
        held, tuning = data(), _Tuning(choice.rate, seed, quick)
        whole = None if arm == "dense" else trained(held, "mam" if arm == "mam" else "mac", tuning)

        def made(size: int) -> tuple[Network, State, str]:
            if whole is None:
                return dense(held, tuning, size)
            if arm == "low rank":
                return factored(whole, held, tuning, size)
            return pruned(whole, held, tuning, size, choice.score)

        return [_fitting(budget, made, held) for budget in budgets]


@dataclass(frozen=True)
class _Tuning:
    """Trains networks to give back what they are given."""

    rate: float
    seed: int
    quick: bool

    def __call__(self, network: Network, held: Data, passes: int, gain: bool = False) -> None:
        """Train in place, with the sum vanishing from MAM layers where asked."""
        items = Examples(held.train, np.zeros(len(held.train), np.int64), ("ecg",))
        training = Training(epochs=1 if self.quick else passes, batch=64, rate=self.rate, seed=self.seed)
        hook = vanishing(network, gain="measured", x=torch.as_tensor(held.train[:256])) if gain else None
        train(network, items, training, loss=_distance, before_step=hook)


def _distance(_network: Network, x: Tensor, y: Tensor, _wanted: Tensor) -> Tensor:
    return functional.mse_loss(y, x)


def chain(*layers: tuple[str, str, int]) -> Architecture:
    """Return a linear encoder and a tail of layers (name, operation, width), with ReLU between them."""
    nodes, last = [Node("enc", "linear", (INPUT,), {"features": CODE})], "enc"
    for number, (name, op, width) in enumerate(layers):
        nodes.append(Node(name, op, (last,), {"features": width}))
        last = name
        if number < len(layers) - 1:
            nodes.append(Node(f"{name}_relu", "relu", (name,)))
            last = f"{name}_relu"
    return Architecture((WINDOW,), tuple(nodes))


def trained(held: Data, arm: str, tuning: _Tuning) -> Network:
    """Return the whole autoencoder with all its weights."""
    middle = ("h2", "mam_linear" if arm == "mam" else "linear", WIDTH)
    network = Network(chain(("h1", "linear", WIDTH), middle, ("out", "linear", WINDOW)), seed=tuning.seed)
    tuning(network, held, PASSES, gain=arm == "mam")
    settle(network)
    return network


def tail_of(whole: Network) -> Network:
    """Return the nodes after the encoder, with the same layers."""
    nodes = tuple(
        replace(node, inputs=tuple(INPUT if name == "enc" else name for name in node.inputs))
        for node in whole.architecture.nodes[1:]
    )
    tail = Network(Architecture((CODE,), nodes))
    for name in tail.layers:
        tail.layers[name] = whole.layers[name]
    return tail


def with_shared_values(whole: Network, seed: int) -> State:
    """Let the tail's weights and biases share values, and return it."""
    tail = tail_of(whole)
    layers = list(tail.weighted())
    for number, (name, layer) in enumerate(layers):
        distinct = len(torch.unique(masked(layer.weight, layer.mask)))
        share(name, layer, max(1, min(VALUES, distinct - 1)), seed=seed)
        if layer.bias is not None and number < len(layers) - 1:
            read = (layers[number + 1][1].effective != 0).any(0)
            with torch.no_grad():
                layer.bias.mul_(read)
    settle_biases(tail, BIAS_VALUES)
    return State(tail)


def _fitting(budget: int, made: Callable[[int], tuple[Network, State, str]], held: Data) -> dict[str, Any]:
    """Return the largest tail found that fits; `made` takes the bytes to aim at."""
    aim = FREE * budget
    while True:
        whole, state, what = made(int(aim))
        file = state.packed()[0]
        if len(file) <= budget:
            return _judged(whole, state, file, budget, what, held)
        aim *= min(0.99, FREE * budget / len(file))


def _judged(whole: Network, state: State, file: bytes, budget: int, what: str, held: Data) -> dict[str, Any]:
    """Return what is known of a tail: its file is read again, compared and judged."""
    back = restored(file)
    arrays, again = state.network.arrays(), back.arrays()
    encoder = whole.arrays()

    def ratios(x: Float[np.ndarray, "item sample"]) -> dict[str, float]:
        return snr(held, x, predict(back, x @ encoder["enc.weight"].T + encoder["enc.bias"]))

    return {
        "bytes": len(file),
        "budget": budget,
        "what": what,
        "weights": sum(int(np.count_nonzero(a)) for name, a in arrays.items() if name.endswith(".weight")),
        "equal": all(arrays[name].tobytes() == again[name].tobytes() for name in arrays),
        "validation": ratios(held.validation),
        "test": ratios(held.test),
    }


def dense(held: Data, tuning: _Tuning, size: int) -> tuple[Network, State, str]:
    """Return a tail of one hidden layer whose width is guessed from the bytes."""
    width = max(1, round((size - 250) * 8 / (3.75 * (CODE + WINDOW + 1))))
    whole = Network(chain(("h", "linear", width), ("out", "linear", WINDOW)), seed=tuning.seed)
    tuning(whole, held, PASSES + TUNED)
    state = with_shared_values(whole, tuning.seed)
    tuning(whole, held, LAST)
    return whole, state, f"width {width}"


def factored(trained_: Network, held: Data, tuning: _Tuning, size: int) -> tuple[Network, State, str]:
    """Return the tail with its layers factored to one rank, which the bytes have room for."""
    sizes = {name: layer.weight.shape for name, layer in tail_of(trained_).weighted()}
    rank = max(1, round((size - 400) * 2 / sum(map(sum, sizes.values()))))
    whole = trained_
    for name, (rows, columns) in sizes.items():
        whole = low_rank(whole, share=(rank + 0.1) * (rows + columns) / (rows * columns), layers=(name,))
    tuning(whole, held, TUNED)
    state = with_shared_values(whole, tuning.seed)
    tuning(whole, held, LAST)
    return whole, state, f"rank {rank}"


def pruned(
    trained_: Network, held: Data, tuning: _Tuning, size: int, score: str
) -> tuple[Network, State, str]:
    """Return the tail with as many weights as the bytes have room for, those with the largest scores."""
    scores = scored(trained_, held, score)
    kept = round(size / PER_WEIGHT_B)
    for _ in range(3):
        own = cut(trained_, scores, kept)
        kept = round(kept * size / len(with_shared_values(own, tuning.seed).packed()[0]))
    whole = cut(trained_, scores, kept)
    tuning(whole, held, TUNED)
    state = with_shared_values(whole, tuning.seed)
    tuning(whole, held, LAST)
    return whole, state, f"{kept} weights kept"


def scored(network: Network, held: Data, score: str) -> dict[str, Tensor]:
    """Return the scores of the tail's weights: magnitude, or |w g| of the distance on 1,024 training windows."""
    weights = {name: layer.weight for name, layer in tail_of(network).weighted()}
    if score == "magnitude":
        return {name: weight.detach().abs() for name, weight in weights.items()}
    x = torch.as_tensor(held.train[:: max(1, len(held.train) // 1024)])
    gradients = torch.autograd.grad(_distance(network, x, network(x), x), list(weights.values()))
    return {name: (w * g).detach().abs() for (name, w), g in zip(weights.items(), gradients, strict=True)}


def cut(network: Network, scores: dict[str, Tensor], kept: int) -> Network:
    """Return a copy with so many of the tail's weights, as many in each layer: scores of layers are not comparable."""
    own = copy.deepcopy(network)
    for name, value in scores.items():
        least = value.flatten().topk(min(kept // len(scores), value.numel())).values[-1]
        own.layer(name).prune(value >= least)
    return own


def pca(budgets: Sequence[int]) -> list[dict[str, Any]]:
    """Return the principal components of the rank and with the shared values that are best on validation and fit."""
    with torch_threads(1):
        held = data()
        mean = held.train.mean(0, dtype=np.float64)
        basis = np.linalg.svd(held.train - mean, full_matrices=False)[2][:CODE]
        scaled = (basis * ((held.train - mean) @ basis.T).std(0)[:, None]).T
        return [
            max(
                (_components_that_fit(held, scaled, mean, values, budget) for values in PCA_VALUES),
                key=lambda found: found["validation"]["SNR"],
            )
            for budget in budgets
        ]


def _components_that_fit(
    held: Data,
    basis: Float[np.ndarray, "sample rank"],
    mean: Float[np.ndarray, " sample"],
    values: int,
    budget: int,
) -> dict[str, Any]:
    """Return the most components that fit, found by halving."""
    fits, too_many, best = 0, CODE + 1, dict[str, Any]()
    while too_many - fits > 1:
        rank = (fits + too_many) // 2
        whole = Network(chain(("out", "linear", WINDOW)))
        state = _components(whole, basis[:, :rank], mean, values)
        file = state.packed()[0]
        if len(file) > budget:
            too_many = rank
        else:
            fits, best = rank, _judged(whole, state, file, budget, f"rank {rank}, {values} values", held)
    return best


def _components(whole: Network, basis: Float[np.ndarray, "_ rank"], mean: Float[np.ndarray, " sample"],
                values: int) -> State:  # fmt: skip
    """Give the tail these components in shared values, and the encoder the least-squares fit to them."""
    enc, out = whole.layer("enc"), whole.layer("out")
    assert enc.bias is not None and out.bias is not None
    with torch.no_grad():
        out.weight.zero_()
        out.weight[:, : basis.shape[1]] = torch.as_tensor(basis.astype(np.float32))
        out.bias.copy_(torch.as_tensor(mean.astype(np.float32)))
    share("out", out, values)
    settle_biases(whole, BIAS_VALUES)
    back = torch.linalg.pinv(out.effective.detach().double())
    with torch.no_grad():
        enc.weight.copy_(back)
        enc.bias.copy_(-(back @ out.bias.double()))
    return State(tail_of(whole))
