"""Where to compute: by hand, with figures that nobody knows, and for a finished folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sarto.core.artifact import FORMAT, record, seal
from sarto.core.device import Assumption
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence, Ledger
from sarto.core.graph import Graph, Window, save_arrays, save_graph
from sarto.core.store import file_sha256
from sarto.devices import device
from sarto.devices.links import link, links
from sarto.measure.placement import (
    COMPUTING,
    DELAY,
    ENERGY,
    Case,
    Comparison,
    answer_bytes,
    compare,
    place_folder,
)
from sarto.measure.radio import AIR, ON_AIR, RADIO, SENT
from tests.core.graph.graphs import small_graph
from tests.measure.test_radio import radio

CORE = replace(device("cortex_m0plus"), energy_per_cycle_j=None)


def case(raw_b: Sequence[float] = (250.0,), answer_b: int = 1, **more: object) -> Case:
    return replace(Case(np.array(raw_b), "samples", answer_b, "a class", None), **more)  # pyright: ignore[reportArgumentType]


def found(what: str, value: float, unit: str) -> Evidence:
    return Evidence(what, value, unit, "emulated", "an emulator")


def means(comparison: Comparison, what: str) -> list[float | None]:
    return [None if (f := p.named[what]).values is None else f.mean for p in comparison.placements]


def test_two_links_by_hand() -> None:
    """An answer of 1 B: 26 B, 0.708 s, 23.64 mJ; raw samples of 250 B: 325 B, 4.1 s, 130.2 mJ (see test_radio)."""
    both = compare(case(), [radio(), replace(radio(), name="second")], CORE)
    assert [p.place for p in both.placements] == ["sensor", "gateway", "server"]
    assert means(both, f"{SENT} over made_up") == [1, 250, 250]
    assert means(both, f"{SENT} from the gateway over second") == [1, 1, 250]
    assert means(both, f"{AIR} over made_up") == pytest.approx([0.708, 4.1, 4.1])
    assert means(both, ENERGY) == pytest.approx([0.02364, 0.1302, 0.1302])
    assert means(both, DELAY) == pytest.approx([1.416, 4.808, 8.2])
    assert both.break_even["J"].mean == pytest.approx(0.1302 - 0.02364)
    assert list(both.break_even) == ["J"]


def test_what_nobody_knows_makes_sums_lower_bounds() -> None:
    sensor, gateway = compare(case(), [radio()], CORE).placements
    assert sensor.figures[COMPUTING].values is None
    assert sensor.figures[ENERGY].at_least
    assert sensor.figures[DELAY].at_least
    assert not gateway.figures[ENERGY].at_least  # the gateway's computing takes nothing of the sensor
    assert gateway.figures[DELAY].lacks == ("time of computing on the gateway",)
    assert COMPUTING not in gateway.figures
    assert not any("a day" in name for name in sensor.named)


def test_evidence_of_computing_is_added_and_says_what_it_is() -> None:
    known = case(energy=found("energy", 0.05, "J"), latency=found("latency", 2.0, "s"))
    sensor, _ = compare(known, [radio()], CORE).placements
    assert sensor.figures[ENERGY].mean == pytest.approx(0.02364 + 0.05)
    assert sensor.figures[DELAY].mean == pytest.approx(0.708 + 2)
    assert not sensor.figures[ENERGY].at_least
    assert "emulated: an emulator" in sensor.figures[ENERGY].tool


def test_a_day_has_as_many_inferences_as_the_rate_gives() -> None:
    sensor, gateway = compare(case(per_day=1000.0), [radio()], CORE).placements
    often = compare(case(per_day=86400 / 4.0), [radio()], CORE)
    assert [often.case.impossible(p.hops[0].figures[AIR]) for p in often.placements] == [False, True]
    assert (
        f"{ENERGY}, a day" in often.placements[0].figures
        and f"{ENERGY}, a day" not in often.placements[1].figures
    )
    assert sensor.named[f"{ON_AIR}, a day over made_up"].mean == 26_000
    assert gateway.figures[f"{ENERGY}, a day"].mean == pytest.approx(130.2)


def test_the_break_even_in_cycles_needs_the_energy_of_one() -> None:
    with_cycle = replace(CORE, energy_per_cycle_j=Assumption(1e-9, "J", "x"))
    found = compare(case(), [radio()], with_cycle).break_even
    assert list(found) == ["J", "cycles"]
    assert found["cycles"].mean == pytest.approx((0.1302 - 0.02364) / 1e-9)


def test_there_is_no_break_even_without_energy_or_saving() -> None:
    assert not compare(case(), [radio(without=["supply_v"])], CORE).break_even
    assert not compare(case([1.0], answer_b=2), [radio()], CORE).break_even
    assert not compare(case([2.0], answer_b=2), [radio()], CORE).break_even
    assert compare(case(), [radio(without=["payload_b"])], CORE).break_even["J"].at_least


def test_lengths_that_differ_give_means_of_each_item() -> None:
    """Packets are whole for each item: 1 and 2, not twice the packets of the mean."""
    _, gateway = compare(case([100.0, 110.0]), [radio()], CORE).placements
    assert gateway.named[f"{ON_AIR} over made_up"].mean == 105 + 1.5 * 25


@given(
    raw=st.integers(1, 3000), answer=st.integers(1, 3000), name=st.sampled_from(links()), two=st.booleans()
)
def test_the_sensor_never_sends_more_than_raw_samples_unless_the_answer_is_larger(
    raw: int, answer: int, name: str, two: bool
) -> None:
    places = compare(case([float(raw)], answer), [link(name)] * (1 + two), CORE).placements
    assert len(places) == 2 + two
    for what in (SENT, ON_AIR, AIR, RADIO):
        sensor, gateway = (p.hops[0].figures[what].values for p in places[:2])
        if sensor is not None and gateway is not None:
            assert sensor[0] <= gateway[0] if answer <= raw else sensor[0] >= gateway[0]
    if two:
        assert np.array_equal(*(p.hops[0].figures[SENT].values for p in places[1:]))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("classes", "numbers_b", "bytes_"), [(2, 99, 1), (1, 99, 1), (256, 0, 1), (257, 0, 2), (65537, 0, 3), (0, 8, 8)]
)  # fmt: skip
def test_an_answer_has_the_fewest_whole_bytes(classes: int, numbers_b: int, bytes_: int) -> None:
    assert answer_bytes(classes, numbers_b) == bytes_


def folder(out: Path, graph: Graph, lengths: Sequence[int], rate_hz: float | None = None) -> Path:
    """A finished output folder, as far as a comparison of places reads it."""
    out.mkdir()
    save_graph(graph, out / "graph.npz")
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    raw = np.zeros((int(offsets[-1]), len(graph.channels)), np.int16)
    save_arrays({"raw": raw, "offsets": offsets}, out / "pinned.npz")
    manifest = {
        "format": FORMAT,
        "device": "cortex_m4",
        "input": {"bits": 16, "rate_hz": rate_hz},
        "classes": [] if graph.quanta else list(graph.outputs),
        "files": {name: file_sha256(out / name) for name in ("graph.npz", "pinned.npz")},
    }
    text = json.dumps(seal(manifest))
    (out / "artifact.json").write_text(text)
    record(out, {"artifact.json": text, "evidence.jsonl": ""})
    Ledger(out / "evidence.jsonl").append(found("instructions per inference", 5000, "instructions"))
    return out


def test_a_folder_with_sequences_of_different_lengths(tmp_path: Path) -> None:
    graph = small_graph(channels=3)
    out = folder(tmp_path / "out", graph, [10, 30])
    comparison = place_folder(out, ["ble_1m"], None)
    assert comparison.case.raw_b.tolist() == [60, 180]
    assert comparison.case.raw == "10 to 30 new steps x 3 channels x 16 bits"
    assert comparison.case.per_day is None
    ledger = list(Ledger(out / "evidence.jsonl"))
    assert ledger[1:] == list(comparison.evidence)
    rows = {e.what: e for e in ledger}
    sent = rows["placement over ble_1m, on the gateway: payload sent over ble_1m"]
    assert (sent.value, sent.unit, sent.how, sent.n, sent.interval) == (120, "B", "estimated", 2, (60, 180))
    assert sent.subject_sha256 == graph.sha256
    assert sent.command == f"sarto measure {out} --placement ble_1m"
    at_least = rows["placement over ble_1m, on the sensor: energy of the sensor, at least"]
    assert "not in it: energy of computing on the sensor (see sarto devices cortex_m4)" in at_least.tool
    assert at_least.n is None
    cycles = rows["placement over ble_1m: break-even of computing, cycles"]
    assert "84 uA/MHz" in cycles.tool  # the source of the device's energy per cycle


def test_a_folder_with_windows_of_a_known_rate(tmp_path: Path) -> None:
    """Of windows that overlap each step is sent once: 5 new steps of 2 channels; at 50 Hz 10 inferences a second."""
    out = folder(tmp_path / "out", small_graph(window=Window(20, 5)), [20] * 3, rate_hz=50.0)
    comparison = place_folder(out, ["ble_1m", "nb_iot"], None)
    assert comparison.case.raw_b.tolist() == [20]
    assert comparison.case.per_day == 864_000
    rows = {e.what: e.value for e in comparison.evidence}
    way = "placement over ble_1m and nb_iot, on the gateway"
    assert rows[f"{way}: sent with headers, a day over ble_1m"] == 864_000 * (20 + 21)
    assert f"{way}: packets from the gateway over nb_iot" not in rows  # its file does not tell


def test_a_folder_that_predicts_numbers_and_another_device(tmp_path: Path) -> None:
    graph = small_graph(classes=2, forecast=True)
    assert graph.quanta
    out = folder(tmp_path / "out", graph, [12])
    Ledger(out / "evidence.jsonl").append(found("energy on cortex_m0plus", 0.5, "J"))
    comparison = place_folder(out, ["ble_1m"], "cortex_m0plus")
    assert comparison.case.answer_b == 8
    assert comparison.placements[0].figures[COMPUTING].mean == 0.5
    assert comparison.evidence[0].what.endswith(" on cortex_m0plus")
    assert comparison.evidence[0].command.endswith("--placement ble_1m --device cortex_m0plus")


def test_a_changed_folder_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    out = folder(tmp_path / "out", small_graph(), [12])
    before = (out / "evidence.jsonl").read_bytes()
    with pytest.raises(SartoError, match="E111"):
        place_folder(out, ["ble_1m", "none"], None)
    (out / "pinned.npz").write_bytes(b"")
    with pytest.raises(SartoError, match=r"E114[\s\S]*pinned.npz is changed"):
        place_folder(out, ["ble_1m"], None)
    assert (out / "evidence.jsonl").read_bytes() == before
