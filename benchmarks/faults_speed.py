"""Faults in a network are judged at >= 10x the speed of PyTorchFI, with identical verdicts; 16,417 in under a minute.

Flips of single bits of float32 weights, drawn evenly, each judged on the 597 test digits: masked, tolerable, critical
or due, and how many classes it changes. PyTorchFI (0.6.0, of the Python Package Index) gets the same flips as values,
copies the network for each and runs it on all images, and its scores are judged by the same rules; beside it stands the
plain way, to flip the bit in place and run the network. All sides in turns, on one thread; ratios are medians over
turns. On the CNN, which has the bar, and on a residual network with norms, where a channel's change spreads at once.

An answer counts as changed if any of its bits is. Where images run in batches of another size, torch adds up in another
order, and a change that vanishes in rounding may not: masked faults that are tolerable elsewhere are counted apart.

The campaign: 16,417 of the CNN's 1,221,120 single-bit faults, which tells any share to 1 % at 99 % confidence.

int8: the CNN quantised by `ptq` and lowered to the integer graph that a device runs; weights, biases, multipliers and
shifts; verdicts equal to whole runs. PyTorchFI does not take torch's own int8 networks: what it does with one is noted.
"""

# The peer has no types.
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import copy
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Int64
from torch import nn

from benchmarks._bench import Bench
from benchmarks._digits import Digits, accuracy, cnn, digits, residual, trained
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most
from benchmarks._peers import peer_folder
from sarto.audit.faults.graph import GraphSpace
from sarto.audit.faults.network import NetworkSpace
from sarto.audit.faults.sample import Cell, draw, sample_size, strata
from sarto.audit.faults.verdicts import KINDS, Judged, judged, rates
from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.core.bits import Places, faulty_words
from sarto.data.examples import Examples
from sarto.deploy.lower.network import lower_network
from sarto.learn.loop import torch_threads
from sarto.measure.model import of_items
from sarto.models.network.module import Network
from sarto.models.read.module import read_module

MINUTES = 3
PEER = "pytorchfi==0.6.0"
TURNS, QUICK_TURNS = 11, 1
OURS, THEIRS = {"CNN": 1000, "residual network": 100}, 20
"""Faults of a turn."""
TOGETHER = 256
"""Images that run together, on all sides: faster than 32, 64, or all 597."""
INT8, PLAIN = 2000, 100
Faults = Int64[np.ndarray, "fault 2"]


def run(bench: Bench) -> Outcome:
    """Return speeds, ratios, and what differs."""
    sys.path.insert(0, str(peer_folder(bench.folder, PEER)))
    data, turns = digits(), QUICK_TURNS if bench.quick else TURNS
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    with torch_threads(1):
        net = trained(cnn, data)
        for what, network in (("CNN", net), ("residual network", trained(residual, data))):
            _compared(what, network, data, turns, figures, bars)
        _campaign(net, data, sample_size(38_160 * 32) if not bench.quick else 500, figures, bars)
        _int8(net, data, figures, bars)
        figures["PyTorchFI on torch's int8 network: refused"] = Figure(float(_refused()), "1", "measured")
    return Outcome(figures, () if bench.quick else tuple(bars))


def drawn(cells: tuple[Cell, ...], count: int, seed: int) -> Faults:
    """Return faults, drawn evenly from all of a space."""
    (whole,) = strata(cells, "network")
    return whole.places(draw(whole.size, count, seed))


class Peer:
    """PyTorchFI, and the plain way, on the same network and images."""

    def __init__(self, network: nn.Module, x: np.ndarray) -> None:
        from pytorchfi.core import fault_injection

        self.kinds = [nn.Conv2d, nn.Linear]
        # a new tensor: torch takes one of NumPy's with such strides for channels-last, and is half as fast
        self.network, self.x = network, torch.empty(x.shape).copy_(torch.from_numpy(x))
        self.injector = fault_injection(
            network, len(x), input_shape=list(x.shape[1:]), layer_types=self.kinds
        )
        modules = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        self.number = {name: i for i, (name, _) in enumerate(modules)}
        self.weight = {name: module.weight.data for name, module in modules}
        self.own = copy.deepcopy(network)
        with torch.no_grad():
            self.golden = self.scores(network)

    def scores(self, network: nn.Module) -> np.ndarray:
        """Return what a network says of all images."""
        return torch.cat([network(part) for part in self.x.split(TOGETHER)]).numpy()

    def flipped(self, cell: Cell, element: int) -> tuple[tuple[int, ...], float]:
        """Return the place of a fault in its layer's weight, and the weight's value with it."""
        weight = self.weight[cell.layer]
        (value,) = faulty_words(weight.numpy().reshape(-1), Places([element], [cell.bit]))
        return tuple(int(i) for i in np.unravel_index(element, weight.shape)), float(value)

    def peer(self, cell: Cell, element: int) -> np.ndarray:
        """Return the scores with a fault that PyTorchFI puts in."""
        place, value = self.flipped(cell, element)
        at: list[Any] = [*place, None, None][:4]
        names = ("k", "dim1", "dim2", "dim3")
        faulty = self.injector.declare_weight_fi(
            layer_num=[self.number[cell.layer]],
            value=[value],
            **{n: [i] for n, i in zip(names, at, strict=True)},
        )
        with torch.no_grad():
            return self.scores(faulty)

    def plain(self, cell: Cell, element: int) -> np.ndarray:
        """Return the scores with the weight changed in place."""
        place, value = self.flipped(cell, element)
        weight = cast("torch.Tensor", self.own.get_submodule(cell.layer).weight).data
        before = weight[place].item()
        weight[place] = value
        with torch.no_grad():
            found = self.scores(self.own)
        weight[place] = before
        return found


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return what one call takes, and gives."""
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def _each(inject: Callable[[Cell, int], np.ndarray], faults: list[tuple[Cell, int]]) -> list[np.ndarray]:
    return [inject(cell, element) for cell, element in faults]


def _compared(
    what: str, network: nn.Module, data: Digits, turns: int, figures: dict[str, Figure], bars: list[Bar]
) -> None:
    space, peer = NetworkSpace(network, data.test_x, ("weights",)), Peer(network, data.test_x)
    ours = OURS[what]
    places = drawn(space.cells, turns * ours + 64, seed=0)
    space.judge(places[-64:])
    rates_: dict[str, list[float]] = {"ours": [], "PyTorchFI": [], "in place": []}
    differ = {"PyTorchFI": [0, 0, 0], "in place": [0, 0, 0]}
    compared = 0
    for turn in range(turns):
        own = places[turn * ours : (turn + 1) * ours]
        took, found = seconds(partial(space.judge, own))
        rates_["ours"].append(ours / took)
        some = [(space.cells[c], e) for c, e in own[:THEIRS].tolist()]
        compared += len(some)
        for side, inject in (("PyTorchFI", peer.peer), ("in place", peer.plain)):
            took, scores = seconds(partial(_each, inject, some))
            rates_[side].append(len(some) / took)
            other = judged(peer.golden, np.stack(scores))
            for i, n in enumerate(_different(found, other, len(some))):
                differ[side][i] += n
    figures[f"{what}: test accuracy"] = Figure(accuracy(network, data), "1", "measured", len(data.test_y))
    for side, values in rates_.items():
        key = f"{what}: faults per second, {side}"
        figures[key] = Figure(statistics.median(values), "1", "measured", turns, (min(values), max(values)))
    for side in ("PyTorchFI", "in place"):
        ratios = [a / b for a, b in zip(rates_["ours"], rates_[side], strict=True)]
        key = f"{what}: speed over {side}"
        figures[key] = Figure(statistics.median(ratios), "1", "measured", turns, (min(ratios), max(ratios)))
        for kind, n in zip(
            ("verdicts", "counts of wrong classes", "masked or tolerable"), differ[side], strict=True
        ):
            figures[f"{what}: {kind} of {compared} that differ from {side}"] = Figure(
                float(n), "1", "measured", compared
            )
    if what == "CNN":
        key = f"{what}: speed over PyTorchFI"
        bars.append(at_least(key, figures[key].value, 10))
    bars.append(at_most(f"{what}: verdicts that differ from PyTorchFI", sum(differ["PyTorchFI"][:2]), 0))


def _different(ours: Judged, theirs: Judged, count: int) -> tuple[int, int, int]:
    """Return of how many faults the verdict differs, how many items it makes wrong, and whether anything changed."""
    kinds, other = ours.kinds[:count], theirs.kinds
    severe = np.where(kinds < KINDS.index("critical"), 0, kinds) != np.where(
        other < KINDS.index("critical"), 0, other
    )
    wrong = (ours.wrong[:count] != theirs.wrong) | (ours.failed[:count] != theirs.failed)
    return int(severe.sum()), int(wrong.sum()), int(((kinds != other) & ~severe).sum())


def _campaign(net: nn.Module, data: Digits, count: int, figures: dict[str, Figure], bars: list[Bar]) -> None:
    space = NetworkSpace(net, data.test_x, ("weights",))
    took, found = seconds(lambda: space.judge(drawn(space.cells, count, seed=1)))
    result = rates([(found, space.bits)])
    figures["campaign: faults"] = Figure(float(count), "1", "measured")
    figures["campaign: of"] = Figure(float(space.bits), "1", "measured")
    figures["campaign: time"] = Figure(took, "s", "measured")
    for name, rate in (*result.kinds.items(), ("misclassified images", result.misclassified)):
        figures[f"campaign: {name}, 99 % interval"] = Figure(
            rate.share, "1", "measured", count, (rate.low, rate.high)
        )
    bars.append(at_most("campaign of 16,417 faults: seconds", took, 60))


def _int8(net: nn.Module, data: Digits, figures: dict[str, Figure], bars: list[Bar]) -> None:
    read = read_module(net, (1, 8, 8))
    network = Network(read.architecture)
    network.load_arrays(read.arrays)
    classes = tuple(map(str, range(10)))
    examples = Examples(data.train_x, data.train_y.astype(np.int64), classes)
    small = ptq.quantise(State(network), Evaluation(examples, examples)).network
    lowered = lower_network(small, classes)
    given = of_items(lowered.items(data.test_x))
    space = GraphSpace(lowered.graph, given.raw, given.offsets)
    places = drawn(space.cells, INT8, seed=2)
    right = np.mean(space.golden.argmax(1) == data.test_y)
    figures["int8 graph: test accuracy"] = Figure(float(right), "1", "measured", len(data.test_y))
    took, found = seconds(lambda: space.judge(places))
    figures["int8 graph: faults per second"] = Figure(INT8 / took, "1", "measured", INT8)
    took, plain = seconds(lambda: Judged.joined([space.plainly(*p) for p in places[:PLAIN].tolist()]))
    figures["int8 graph: faults per second, whole runs"] = Figure(PLAIN / took, "1", "measured", PLAIN)
    differ = sum(_different(found, plain, PLAIN))
    figures[f"int8 graph: verdicts of {PLAIN} that differ from whole runs"] = Figure(
        float(differ), "1", "measured", PLAIN
    )
    bars.append(at_most("int8 graph: verdicts that differ from whole runs", differ, 0))


def _refused() -> bool:
    """Return whether PyTorchFI raises on a network of torch's int8 layers."""
    from pytorchfi.core import fault_injection

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).eval()
        small = torch.ao.quantization.quantize_dynamic(layers, {nn.Linear}, torch.qint8)  # pyright: ignore[reportDeprecated]
        try:
            injector = fault_injection(small, 1, input_shape=[1, 8, 8], layer_types=[nn.Linear])
            injector.declare_weight_fi(layer_num=[0], k=[0], dim1=[0], dim2=[None], dim3=[None], value=[1.0])
        except (StopIteration, RuntimeError, TypeError, AttributeError, AssertionError):
            return True
    return False
