"""Campaigns on finished output folders: what is faulty there, and that its figures carry what they are of."""

from __future__ import annotations

from pathlib import Path

import pytest

from sarto.audit.faults.campaign import Plan
from sarto.audit.faults.folder import audit_folder
from sarto.audit.faults.model import Fault
from sarto.core.artifact import FORMAT, NAME, seal
from sarto.core.device import STORAGE
from sarto.core.errors import SartoError
from sarto.core.graph import Graph, save_arrays, save_graph
from sarto.core.store import file_sha256, write_atomic
from sarto.deploy.c.emit import emit
from sarto.deploy.guard import Guards
from sarto.measure.model import RawSequences, of_items
from tests.audit.faults.test_container import written
from tests.deploy.c.chains import chain, items

PLAN = Plan(by="network", error=0.2, confidence=0.9)


def folder(out: Path, device: str = "cortex_m4", seed: int = 5) -> tuple[Graph, RawSequences]:
    """An output folder with as much as a campaign reads."""
    import json

    graph = chain(seed, 2)
    given = of_items(items(graph, 5))
    save_graph(graph, out / "graph.npz")
    save_arrays({"raw": given.raw, "offsets": given.offsets}, out / "pinned.npz")
    for name, text in emit(graph).items():
        write_atomic(out / name, text)
    files = {path.name: file_sha256(path) for path in out.iterdir()}
    manifest = {"format": FORMAT, "device": device, "optimise": "-O2", "files": files}
    write_atomic(out / NAME, json.dumps(seal(manifest)))
    return graph, given


def test_the_graph_and_the_image_of_a_folder(tmp_path: Path) -> None:
    graph, given = folder(tmp_path)
    of_graph, of_image = audit_folder(
        tmp_path, plan=PLAN, command="sarto audit out --faults", raw_fit_per_mbit=1.0
    )
    assert (of_graph.space, of_image.space) == ("graph", "image")
    assert of_graph.inputs == of_image.inputs == len(given)
    assert {e.subject_sha256 for e in (*of_graph.evidence, *of_image.evidence)} == {graph.sha256}
    assert {e.command for e in of_image.evidence} == {"sarto audit out --faults"}
    assert {e.how for e in of_image.evidence} == {"emulated", "estimated"}
    assert of_image.rates.kinds["due"].share > 0
    few = RawSequences(given.raw[: given.offsets[2]], given.offsets[:3])
    (again,) = audit_folder(tmp_path, ("graph",), plan=PLAN, sequences=few)
    assert again.inputs == 2


def test_patterns_that_an_image_does_not_have_leave_it_out_unless_it_is_asked_for(tmp_path: Path) -> None:
    folder(tmp_path)
    (only,) = audit_folder(tmp_path, plan=PLAN, fault=Fault(pattern="channel"))
    assert only.space == "graph"
    with pytest.raises(SartoError) as caught:
        audit_folder(tmp_path, ("image",), plan=PLAN, fault=Fault(pattern="channel"))
    assert caught.value.code == "E148"


def test_checked_layers_are_judged_with_their_own_bytes_exposed(tmp_path: Path) -> None:
    graph, _ = folder(tmp_path, seed=6)
    plain, checked = (
        audit_folder(tmp_path, ("image",), plan=PLAN, guards=guards)[0]
        for guards in (None, Guards.of("abft"))
    )
    (last,) = (op for op in graph.whole if op.kind == "dense")
    row_bits = 16 * graph.const(last.inputs["weights"]).shape[1]
    own = {name for name in checked.tables[0].rows if name[1] == "checksums"}
    assert {row[0] for row in own} == {f"check_{graph.whole.index(last)}_0"}
    assert checked.bits > plain.bits + row_bits
    assert checked.rates.kinds["due"].share > plain.rates.kinds["due"].share


def test_a_stored_network(tmp_path: Path) -> None:
    import json

    write_atomic(tmp_path / "network.sarto", written()[0])
    files = {"network.sarto": file_sha256(tmp_path / "network.sarto")}
    write_atomic(
        tmp_path / NAME,
        json.dumps(seal({"format": FORMAT, "device": "storage", "target": STORAGE, "files": files})),
    )
    (found,) = audit_folder(tmp_path, plan=PLAN)
    assert (found.space, found.rates.kinds["due"].share) == ("container", 1.0)
    with pytest.raises(SartoError) as caught:
        audit_folder(tmp_path, ("image",), plan=PLAN)
    assert caught.value.code == "E148" and "container" in caught.value.hint


def test_no_image_for_the_host(tmp_path: Path) -> None:
    folder(tmp_path, "host")
    assert [r.space for r in audit_folder(tmp_path, plan=PLAN)] == ["graph"]
