"""Distillation: a network learns what another one, its teacher, answers, beside the classes.

With the outputs z_s and z_t of network and teacher, and a temperature T,

    L = a T^2 KL(softmax(z_t / T) || softmax(z_s / T)) + (1 - a) CE(z_s, class),

in the mean over the items. The T^2 keeps the size of the gradient, which the temperature divides by T^2. A hint adds

    h mean (A f_s - f_t)^2

of what two nodes return, with a learned map A of channels (a 1x1 convolution) or features, the same at all positions.
The maps learn with Adam, each from the gradient of the step before. It is a loss of `loop.train`, and so of every step
that tunes.

Source: Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", arXiv:1503.02531, section 2 (and its
end on T^2); Romero et al., "FitNets: hints for thin deep nets", ICLR 2015, equation 3.

>>> from sarto.models.network.named import named
>>> teacher, student = (Network(named("mlp", (4,), 3, width=w), seed=w) for w in (8, 2))
>>> x, y = torch.ones(5, 4), torch.zeros(5, dtype=torch.int64)
>>> loss = Distillation(teacher, share=1.0)
>>> bool(loss(student, x, student(x), y) > 0), round(loss(teacher, x, teacher(x), y).item(), 6)
(True, 0.0)
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from sarto.learn.optimiser import Optimiser
from sarto.models.input_error import InputError
from sarto.models.network.module import Network

RATE = 1e-3
"""Learning rate of the maps: Adam's default (Kingma and Ba, ICLR 2015, algorithm 1)."""


@dataclass(frozen=True)
class Hint:
    """What a node of the network should say: the same, through a learned map, as a node of the teacher."""

    node: str
    teacher_node: str
    weight: float = 1.0


class Distillation:
    """The loss; see the module.

    Args:
        teacher: a network on the same items with the same classes; it is not changed.
        temperature: T.
        share: a.
        hints: of inner nodes.
        seed: of the maps.

    Raises:
        InputError: E116, when a setting cannot be used; E122, when the teacher has no such node.
    """

    def __init__(
        self,
        teacher: Network,
        temperature: float = 4.0,
        share: float = 0.7,
        hints: Sequence[Hint] = (),
        seed: int = 0,
    ) -> None:
        if temperature <= 0 or not 0 <= share <= 1 or any(hint.weight < 0 for hint in hints):
            raise InputError(
                "E116",
                f"temperature {temperature:g}, share {share:g} cannot be used",
                cause="the temperature is above 0, the share in 0 to 1, and weights of hints are at least 0",
            )
        self.teacher, self.temperature, self.share, self.hints = teacher, temperature, share, tuple(hints)
        self.teacher.eval()
        self._copies: dict[torch.device, Network] = {}
        self._generator = torch.Generator().manual_seed(seed)
        self._maps: dict[tuple[Hint, int, int], Tensor] = {}
        self._learners: dict[tuple[Hint, int, int], Optimiser] = {}
        for hint in hints:
            _known(teacher, hint.teacher_node)

    def __call__(self, network: Network, x: Tensor, outputs: Tensor, wanted: Tensor) -> Tensor:
        """Return the loss of a batch.

        Raises:
            InputError: E122, when a hint names a node that is not there, or two whose positions differ.
        """
        with torch.no_grad():
            seen, taught = watched(self._teacher_on(x.device), x, [hint.teacher_node for hint in self.hints])
        value = distilled(outputs, taught, wanted, self.temperature, self.share)
        if self.hints:
            with _norms_at_rest(network):
                own, _ = watched(network, x, [hint.node for hint in self.hints])
            for hint in self.hints:
                value = value + self._hinted(hint, own[hint.node], seen[hint.teacher_node])
        return value

    def state_dict(self) -> dict[str, Tensor]:
        """Return what the maps have learned, and where drawing them stands, for a training that is taken up again."""
        found = {"generator": self._generator.get_state()} if self.hints else dict[str, Tensor]()
        for key, matrix in self._maps.items():
            hint, taught, own = key
            place = f"{self.hints.index(hint)}x{taught}x{own}"
            found[f"{place}/map"] = matrix.detach()
            if matrix.grad is not None:
                found[f"{place}/grad"] = matrix.grad
            for name, value in self._learners[key].state().get(0, {}).items():
                found[f"{place}/adam/{name}"] = torch.as_tensor(value)
        return found

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take back what `state_dict` returned."""
        if not self.hints:
            return
        self._maps, self._learners = {}, {}
        self._generator.set_state(state["generator"])
        for place in [name.removesuffix("/map") for name in state if name.endswith("/map")]:
            hint, taught, own = map(int, place.split("x"))
            matrix = state[f"{place}/map"].clone().to(self.teacher.device).requires_grad_()
            matrix.grad = state.get(f"{place}/grad")
            learner, start = Optimiser([matrix], rate=RATE), f"{place}/adam/"
            if adam := {name.removeprefix(start): v for name, v in state.items() if name.startswith(start)}:
                learner.load_state({0: adam})
            key = (self.hints[hint], taught, own)
            self._maps[key], self._learners[key] = matrix, learner

    def _teacher_on(self, device: torch.device) -> Network:
        """Return the teacher, or its copy where the network learns elsewhere."""
        if self.teacher.device == device:
            return self.teacher
        if device not in self._copies:
            self._copies[device] = copy.deepcopy(self.teacher).to(device)
        return self._copies[device]

    def _hinted(self, hint: Hint, own: Tensor, taught: Tensor) -> Tensor:
        if own.shape[2:] != taught.shape[2:]:
            raise InputError(
                "E122",
                f"nodes '{hint.node}' and '{hint.teacher_node}' return {tuple(own.shape[1:])} and "
                f"{tuple(taught.shape[1:])}",
                cause="a hint is at nodes of the same size, whose channels may differ",
            )
        key = (hint, taught.shape[1], own.shape[1])
        if key not in self._maps:
            start = torch.randn(key[1:], generator=self._generator) / own.shape[1] ** 0.5
            self._maps[key] = start.to(own).requires_grad_()
            self._learners[key] = Optimiser([self._maps[key]], rate=RATE)
        matrix, learner = self._maps[key], self._learners[key]
        if matrix.grad is not None:
            learner.step()
            learner.zero_grad()
        mapped = torch.einsum("oc,nc...->no...", matrix, own)
        return hint.weight * functional.mse_loss(mapped, taught)


def distilled(outputs: Tensor, taught: Tensor, wanted: Tensor, temperature: float, share: float) -> Tensor:
    """Return L of outputs, the teacher's outputs and the classes, in the mean over the items."""
    soft = functional.kl_div(
        functional.log_softmax(outputs / temperature, 1),
        functional.log_softmax(taught / temperature, 1),
        reduction="batchmean",
        log_target=True,
    )
    return share * temperature**2 * soft + (1 - share) * functional.cross_entropy(outputs, wanted)


def watched(network: Network, x: Tensor, nodes: Sequence[str]) -> tuple[dict[str, Tensor], Tensor]:
    """Return what some nodes of a network return, and its output.

    Raises:
        InputError: E122, when there is no such node.
    """
    for node in nodes:
        _known(network, node)
    found: dict[str, Tensor] = {}

    def look(name: str, value: Tensor) -> None:
        if name in nodes:
            found[name] = value

    return found, network.run(x, look)


def _known(network: Network, node: str) -> None:
    names = network.architecture.by_name
    if node not in names:
        raise InputError("E122", f"the network has no node '{node}'", hint=f"it has {', '.join(names)}")


@contextmanager
def _norms_at_rest(network: Network) -> Generator[None]:
    """Keep running means and variances as they are: the batch has gone through before."""
    norms = [m for m in network.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
