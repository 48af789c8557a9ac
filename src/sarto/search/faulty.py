"""Gates of faults on the points of a search: the integers and the image of a point are made faulty before it is chosen.

A campaign takes from seconds to a minute, so only what would be chosen is asked, and what comes next where it fails,
`MOST` points at most. Inputs are items that are learned or validated on, since no choice sees the test items; what they
should be answered does not matter, since a fault is critical where it changes an answer. Returns `FaultGates`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from sarto.audit.faults.built import audit_built
from sarto.audit.faults.folder import DEFAULT
from sarto.audit.faults.gates import NAMES, judge, sure
from sarto.audit.gates import OF_FAULTS, Gate, failing, read_gate
from sarto.core.device import AnyDevice
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.graph import Graph
from sarto.core.progress import Talk
from sarto.measure.model import RawSequences
from sarto.search.shrink_image import Images

MOST = 6
"""Points that are made faulty: as many as there are finalists."""


def parted(texts: Sequence[str]) -> tuple[tuple[str, ...], tuple[Gate, ...]]:
    """Return the texts of gates that are not of faults, and the gates that are.

    Raises:
        SartoError: E161, a gate that cannot be read, or is of a figure that no search knows.
    """
    gates = [(text, read_gate(text)) for text in texts]
    for text, gate in gates:
        if gate.figure in ("mttf", "mttf_ratio"):
            needs = "--fit 100" if gate.figure == "mttf" else "--guard flash"
            hint = f"ask it of what is finished: sarto audit OUT --faults {needs}"
            cause = "a search knows no raw rate of faults, and nothing to compare with"
            raise SartoError("E161", f"'{text}' cannot choose", cause=cause, hint=hint)
    others = tuple(text for text, gate in gates if gate.figure not in OF_FAULTS)
    return others, tuple(gate for _, gate in gates if gate.figure in OF_FAULTS)


@dataclass(frozen=True)
class FaultGates:
    """Gates of faults, and what a campaign needs.

    Attributes:
        gates: all of faults.
        device: to build for.
        optimise: the compiler's level.
        command: that shows the evidence again.
        cache: a folder for what was built and judged.
        talk: hears progress.
        executor: judges pieces of work side by side.
    """

    gates: tuple[Gate, ...]
    device: AnyDevice
    optimise: str
    command: str
    cache: Path
    talk: Talk
    executor: Executor | None = None

    def evidence(self, graph: Graph, sources: Mapping[str, str], given: RawSequences) -> tuple[Evidence, ...]:
        """Return what the gates look at of a model, and how many of them it fails.

        Args:
            graph: of the model.
            sources: its generated files.
            given: inputs to see the faults by.
        """
        reports = audit_built(
            graph,
            sources,
            self.device,
            given,
            sure(DEFAULT, self.gates),
            optimise=self.optimise,
            executor=self.executor,
            talk=self.talk,
            cache=self.cache,
            command=self.command,
        )
        every = [e for report in reports for e in report.evidence]
        judged = [judge(gate, reports, every) for gate in self.gates]
        known = {f"{NAMES[g.figure]}, {r.space}" for g in self.gates for r in reports}
        found = failing(judged, sum(r.rates.faults for r in reports), self.command)
        return (*(e for e in every if e.what in known), replace(found, subject_sha256=graph.sha256))


def made_faulty(gates: tuple[Gate, ...], images: Images | None, cache: Path, talk: Talk) -> FaultGates | None:
    """Return gates of faults on what `images` builds; None without gates.

    Raises:
        SartoError: E161, when nothing is built.
    """
    if not gates:
        return None
    if images is None:
        cause = "without a device there is a file alone, no image and no integers that run"
        hint = "say which device: --device cortex_m4"
        raise SartoError("E161", f"'{gates[0].text}' cannot choose", cause=cause, hint=hint)
    return FaultGates(gates, images.device, images.optimise, images.command, cache, talk)
