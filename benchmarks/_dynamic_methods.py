"""The methods of `dynamic_accuracy`: each trains for a task and returns its accuracy at every width.

Of the group network, one copy of all weights:

- `incremental`: the published recipe, group by group.
- `incremental, longer`: the same with `Task.patience` times the passes, a control of what longer training does.
- `incremental, mixtures`: as long, on the items and mixtures of them, each with the class of its larger part: a control
  of what mixtures do without a teacher.
- `incremental, polished`: then the shared head for all widths together.
- `incremental, taught`: each step learns a teacher's answers beside the classes. The teacher is a dense network with
  more weights (`Task.teacher`); it is thrown away.
- `incremental, taught on mixtures`: as long as `longer`, on items and mixtures, the teacher's answers alone. Then
  `taught on mixtures, polished`, by the same.
- `joint`: all widths at once; `joint, taught`: on the teacher's answers beside the classes.
- `full width only`: trained at full width, and cut.

With more bytes: `incremental, own heads` (by cross-entropy) and `incremental, ridge heads`. Beside them `slimmable`
(dense, of equal work at every width) with shared, recalibrated and switchable norms; and networks for one width each:
`static, same network`, and `static, dense` of equal work.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks._dynamic_slimmable import Slimmable, sandwich
from benchmarks._dynamic_tasks import GROUPS, WIDTHS, Task
from sarto.data.examples import Examples
from sarto.data.mixup import with_mixtures
from sarto.learn.incremental import train_incrementally
from sarto.learn.joint_widths import train_jointly
from sarto.learn.loop import Training, accuracy, train
from sarto.learn.width_heads import polish, refit_heads
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.network.architecture import Architecture
from sarto.models.network.module import Network
from sarto.models.trainable import Trainable

OF_ITEMS: dict[str, Any] = {"temperature": 4.0, "share": 0.9}
OF_MIXTURES: dict[str, Any] = {"temperature": 2.0, "share": 1.0}
POLISH_RATE = 1e-2
"""Of heads alone, which learn for as many passes as everything else."""
FLOAT_B = 4


@dataclass
class Ground:
    """What a method is run on."""

    task: Task
    learned: Examples
    tested: Examples
    rate: float
    passes: int
    seed: int
    found: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def training(self, times: float = 1) -> Training:
        """Return how every weight is trained."""
        return Training(max(1, round(self.passes * times)), self.task.batch, self.rate, seed=self.seed)

    def mixed(self) -> tuple[Examples, Training]:
        """Return items with mixtures, and how every weight is trained on them: `patience` times the steps."""
        copies, patience = self.task.copies, self.task.patience
        return with_mixtures(self.learned, copies, seed=self.seed), self.training(patience / (copies + 1))

    def fresh(self) -> DynamicNetwork:
        """Return a group network that is not trained."""
        return DynamicNetwork(self.task.full(self.learned), GROUPS, self.seed)

    def keep(self, name: str, accuracies: dict[int, float], size: int, since: float) -> None:
        """Keep what a method came to; `size` numbers are stored for all widths."""
        self.found[name] = {
            "accuracy": {str(width): value for width, value in accuracies.items()},
            "bytes": size * FLOAT_B,
            "seconds": time.process_time() - since,
        }

    def keep_dynamic(self, name: str, network: DynamicNetwork, since: float) -> None:
        """Keep what a group network came to."""
        state = network.state_dict()
        size = sum(value.numel() for key, value in state.items() if not key.endswith("tracked"))
        found: dict[int, float] = {}
        for width in WIDTHS:
            network.width = width
            found[width] = accuracy(network, self.tested)
        network.width = GROUPS
        self.keep(name, found, size, since)


def incremental(ground: Ground) -> None:
    """The published recipe, and what may be put on top of it."""
    since, network = time.process_time(), ground.fresh()
    train_incrementally(network, ground.learned, ground.training())
    ground.keep_dynamic("incremental", network, since)
    took = time.process_time() - since
    tops: dict[str, Callable[[DynamicNetwork], Any]] = {
        "polished": lambda one: polish(one, ground.learned, _polish(ground)),
        "own heads": lambda one: refit_heads(one, ground.learned, _polish(ground)),
        "ridge heads": lambda one: refit_heads(one, ground.learned),
    }
    for name, top in tops.items():
        since, one = time.process_time() - took, copy.deepcopy(network)
        top(one)
        ground.keep_dynamic(f"incremental, {name}", one, since)


def longer(ground: Ground) -> None:
    """The published recipe with more passes."""
    since, network = time.process_time(), ground.fresh()
    train_incrementally(network, ground.learned, ground.training(ground.task.patience))
    ground.keep_dynamic("incremental, longer", network, since)


def mixtures(ground: Ground) -> None:
    """The same on mixtures."""
    since, network = time.process_time(), ground.fresh()
    train_incrementally(network, *ground.mixed())
    ground.keep_dynamic("incremental, mixtures", network, since)


def taught(ground: Ground) -> None:
    """A teacher, and the group network trained by it, group by group."""
    teacher, took = _teacher(ground)
    since, network = time.process_time() - took, ground.fresh()
    train_incrementally(network, ground.learned, ground.training(), teacher=teacher, **OF_ITEMS)
    ground.keep_dynamic("incremental, taught", network, since)
    since, network = time.process_time() - took, ground.fresh()
    train_incrementally(network, *ground.mixed(), teacher=teacher, **OF_MIXTURES)
    ground.keep_dynamic("incremental, taught on mixtures", network, since)
    polish(network, ground.learned, _polish(ground), teacher=teacher, **OF_MIXTURES)
    ground.keep_dynamic("incremental, taught on mixtures, polished", network, since)


def joint(ground: Ground) -> None:
    """All widths at once."""
    since, network = time.process_time(), ground.fresh()
    train_jointly(network, ground.learned, ground.training())
    ground.keep_dynamic("joint", network, since)


def joint_taught(ground: Ground) -> None:
    """The same by a teacher."""
    since, network = time.process_time(), ground.fresh()
    teacher, _ = _teacher(ground)
    train_jointly(network, ground.learned, ground.training(), teacher=teacher, **OF_ITEMS)
    ground.keep_dynamic("joint, taught", network, since)


def full_only(ground: Ground) -> None:
    """Full width alone."""
    since, network = time.process_time(), ground.fresh()
    train(network, ground.learned, ground.training())
    ground.keep_dynamic("full width only", network, since)


def slimmable(ground: Ground) -> None:
    """Dense networks of equal work, nested."""
    widths = ground.task.equal_work(ground.learned)
    for switchable in (False, True):
        since = time.process_time()
        network, size = Slimmable(widths, switchable=switchable, seed=ground.seed), widths[-1].size
        train(network, ground.learned, ground.training(), loss=sandwich)
        found: dict[int, float] = {}
        for width in WIDTHS:
            network.width = width
            found[width] = accuracy(network, ground.tested)
        ground.keep(
            f"slimmable, {'switchable' if switchable else 'shared'}", found, size + network.extra, since
        )
        if not switchable:
            again = {w: network.recalibrated(w, ground.learned) for w in WIDTHS[:-1]} | {GROUPS: network.full}
            found = {w: accuracy(one, ground.tested) for w, one in again.items()}
            ground.keep("slimmable, recalibrated", found, size + network.statistics(), since)


def static(ground: Ground) -> None:
    """A network for each width."""
    dense = ground.task.equal_work(ground.learned)
    kinds: dict[str, Callable[[int], Architecture]] = {
        "same network": lambda width: ground.task.cut(ground.learned, width),
        "dense": lambda width: dense[width - 1],
    }
    for name, make in kinds.items():
        since, found, size = time.process_time(), dict[int, float](), 0
        for width in ground.task.static:
            architecture = make(width)
            found[width] = accuracy(_trained(Network(architecture, ground.seed), ground), ground.tested)
            size += architecture.size
        ground.keep(f"static, {name}", found, size, since)


def _trained(network: Network, ground: Ground) -> Trainable:
    train(network, ground.learned, ground.training())
    return network


def _teacher(ground: Ground) -> tuple[Trainable, float]:
    """Return a dense network that was trained to teach, and the seconds that it took."""
    since, task = time.process_time(), ground.task
    network = Network(task.dense(ground.learned, task.teacher), ground.seed)
    train(network, ground.learned, replace(ground.training(), rate=task.teacher_rate))
    return network, time.process_time() - since


def _polish(ground: Ground) -> Training:
    return replace(ground.training(), rate=POLISH_RATE)


FAMILIES: dict[str, Callable[[Ground], None]] = {
    "incremental": incremental,
    "longer": longer,
    "mixtures": mixtures,
    "taught": taught,
    "joint": joint,
    "joint, taught": joint_taught,
    "full only": full_only,
    "slimmable": slimmable,
    "static": static,
}
"""What is trained in one go, by name."""
NO_BYTES = (
    "incremental, mixtures",
    "incremental, polished",
    "incremental, taught",
    "incremental, taught on mixtures",
    "incremental, taught on mixtures, polished",
    "joint",
    "joint, taught",
)
"""What may be the improved recipe: nothing is stored that the published one does not store."""
