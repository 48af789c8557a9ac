"""Federates the readout of an integer network and builds its image: the C of it, its figures, and whether it fits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sarto.core.budget import Budget, Verdict, judge
from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.graph import Graph, save_graph
from sarto.core.progress import Silent, Talk
from sarto.core.store import write_atomic
from sarto.deploy.c.emit import emit
from sarto.devices import any_device
from sarto.learn.federated import fed_readout
from sarto.learn.federated._scaling import Scaling
from sarto.learn.federated._simulate import Simulation
from sarto.learn.federation.file import Federation
from sarto.learn.federation.setting import Setting
from sarto.measure.model import PINNED, RawSequences, check_tools, measure_model
from sarto.measure.quality import accuracy_evidence
from sarto.search.federated import IntegerReservoir, Ranges

OPTIMISE = "-O2"


@dataclass(frozen=True)
class Deployed:
    """An image with a federated readout.

    Attributes:
        graph: the integer network.
        evidence: accuracy in integers on the test items, flash, RAM, instructions and the rest.
        verdict: whether it fits.
        rounds: of the federation over the integers, and
        sent: bytes that clients sent in them.
    """

    graph: Graph
    evidence: tuple[Evidence, ...]
    verdict: Verdict
    rounds: int
    sent: int


def deploy(
    federation: Federation, setting: Setting, folder: Path, command: str, talk: Talk | None = None
) -> Deployed:
    """Federate the readout over the integer network, and write its C and its figures into a folder.

    Raises:
        SartoError: E111 for the device; E171 for a model or method that cannot; E202 or E203, when it does not fit in
            the device's memory; E301 without the tools.
    """
    wanted = federation.device
    assert wanted is not None, "the file names a device"
    chain, population, test = federation.chains[0], setting.population, setting.test
    if federation.model.kind != "reservoir" or [stage.name for stage in chain] != ["fed_readout"]:
        raise SartoError(
            "E171",
            f"a {federation.model.kind} by {', '.join(stage.name for stage in chain)} for a device",
            cause="what is deployed is a reservoir whose integer features clients send statistics of",
            hint='use model.kind = "reservoir" and the method fed_readout, or leave [device] out',
        )
    device = any_device(wanted.name)
    check_tools(device)
    assert isinstance(population.data, Dataset) and isinstance(test, Dataset), "a reservoir's"
    model = IntegerReservoir.of(setting.start().estimator, population.data)
    rounds = sent = 0
    method = chain[0].method()
    assert isinstance(method, fed_readout.Method), "checked"
    for step in (Scaling(), Ranges(), method):
        found = Simulation(
            step,
            model,
            population,
            participation=federation.participation,
            seed=federation.seed,
            talk=talk or Silent(),
        ).run()
        model, rounds, sent = found.model, rounds + len(found.rounds), sent + found.total("up")
    graph = model.graph()
    sources = emit(graph, federation.name, "Its readout was learned by a federation.")
    assert model.sensor is not None, "scaled"
    raw = RawSequences(model.sensor.encode(test.values), test.offsets)
    measured = measure_model(
        graph,
        sources,
        device,
        raw,
        optimise=OPTIMISE,
        command=command,
        on_device=PINNED,
        cache=folder / ".cache",
    )
    quality = accuracy_evidence(
        test.target,
        np.asarray(measured.outcome.classes),
        setting.classes,
        part="test",
        tool="integer interpreter, equal to the generated C",
        command=command,
        subject=graph.sha256,
    )
    evidence = (*quality, *measured.evidence)
    verdict = judge(Budget(flash_b=wanted.flash_b, ram_b=wanted.ram_b), {e.what: e for e in evidence})
    for name, text in {**measured.around, **sources}.items():
        write_atomic(folder / name, text)
    save_graph(graph, folder / "graph.npz")
    lines = "".join(json.dumps(e.to_json(), sort_keys=True) + "\n" for e in evidence)
    write_atomic(folder / "evidence.jsonl", lines)
    write_atomic(folder / "verdict.json", json.dumps(verdict.to_json(), indent=1) + "\n")
    return Deployed(graph, evidence, verdict, rounds, sent)
