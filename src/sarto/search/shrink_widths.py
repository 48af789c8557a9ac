"""Networks of several widths on their way to an image: made and trained by name, and a point for every width."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.graph import Graph, infer
from sarto.core.graph.widths import cut
from sarto.core.points import OperatingPoint
from sarto.core.progress import Talk
from sarto.data.examples import Examples
from sarto.measure.quality import accuracy_evidence
from sarto.measure.widths import OF_A_WIDTH
from sarto.search.shrink_folder import ShrinkRequest

if TYPE_CHECKING:
    from sarto.learn.loop import History, Training
    from sarto.models.network.architecture import Architecture
    from sarto.models.network.module import Network

TEACHER = 2
"""Times as many channels as the network has, and dense: the teacher of `--taught`."""


def nested_by_name(request: ShrinkRequest, fit: Examples) -> Architecture:
    """Return the nested network of a name.

    Raises:
        SartoError: E121, when there is none of that name, or it cannot be cut into so many groups.
    """
    from sarto.models.dynamic.named import grouped

    return grouped(request.model, fit.shape, len(fit.classes), request.widths)


def training_of(request: ShrinkRequest) -> str:
    """Return in words how a nested network is trained, and which of its answers are deployed."""
    passes = f"for at most {request.epochs} passes each"
    if request.taught:
        return (
            f"group by group, after a network of twice as many channels, which taught it, {passes}; then its head was "
            "polished for all widths together, and the polished network is deployed"
        )
    return f"group by group, {passes}; every width is deployed as it was when its group was trained"


def train_widths(
    network: Network,
    request: ShrinkRequest,
    fit: Examples,
    held: Examples,
    training: Training,
    work: Path,
    talk: Talk,
) -> list[History]:
    """Train a nested network group by group, in place, and return what each training saw.

    With `taught`, a dense network of more channels is trained first, and teaches.
    """
    from sarto.learn.incremental import train_incrementally
    from sarto.learn.loop import train
    from sarto.learn.taught_widths import train_taught
    from sarto.models.dynamic.module import DynamicNetwork
    from sarto.models.dynamic.named import GROUPED
    from sarto.models.network.module import Network

    dynamic = DynamicNetwork(network.architecture, request.widths, request.seed)
    told: dict[str, Any] = {"validation": held, "talk": talk}
    if request.taught:
        first = next(node for node in network.architecture.nodes if "channels" in node.attributes)
        width = TEACHER * int(str(first.attributes["channels"]))
        dense = GROUPED[request.model][0](fit.shape, len(fit.classes), 1, width=width)
        teacher = Network(dense, request.seed)
        seen = [train(teacher, fit, training, checkpoint=work / "teacher.npz", **told)]
        seen += train_taught(dynamic, fit, training, teacher, checkpoints=work, **told)
    else:
        seen = train_incrementally(dynamic, fit, training, checkpoints=work, **told)
    network.load_arrays(dynamic.arrays())
    return seen


def width_points(
    graph: Graph, whole: OperatingPoint, evidence: list[Evidence], given: Any, held: Examples, command: str
) -> list[OperatingPoint]:
    """Return a point for every width but the full one.

    Args:
        graph: nested.
        whole: the point of the full width, whose size a narrower one has as well.
        evidence: with what the image takes at each width.
        given: the validation items as the graph takes them.
        held: these items.
        command: that shows the figures again.
    """
    found = {item.what: item for item in evidence}
    points: list[OperatingPoint] = []
    for width in range(1, graph.groups):
        quality = accuracy_evidence(
            held.y,
            infer(cut(graph, width), given).classes,
            held.classes,
            part="validation",
            tool="integer interpreter of the width",
            command=command,
            subject=graph.sha256,
        )
        wrong = replace(quality[0], what="validation error", value=1 - quality[0].value, interval=None)
        own = {
            what: replace(found[at], what=what)
            for what in OF_A_WIDTH
            if (at := f"{what} at width {width}") in found
        }
        same = [item for item in whole.evidence if item.what == "file"]
        name = f"{whole.name}, {width} of {graph.groups} groups"
        settings = {**whole.settings, "width": width}
        points.append(OperatingPoint(name, settings, (*own.values(), *same, wrong, *quality)))
    return points


def check_widths(request: ShrinkRequest, taught_names: tuple[str, ...]) -> None:
    """Refuse `--taught` where nothing is trained in widths.

    Raises:
        SartoError: E112.
    """
    if request.taught and (request.widths == 1 or request.model not in taught_names):
        raise SartoError(
            "E112",
            f"--taught for '{request.model}'",
            cause="a teacher is trained for networks of several widths that are trained by name",
            hint=f"give --widths 4, and one of {', '.join(taught_names)}",
        )
