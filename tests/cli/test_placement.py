"""`sarto measure --placement`: what is printed, what it says of what decides, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sarto.core.evidence import Evidence, Ledger
from sarto.core.graph import Window
from sarto.devices import device
from sarto.devices.links import Link, link
from sarto.measure import placement as room
from sarto.measure.placement import Case, Comparison, compare
from tests.cli.stand_in import call
from tests.measure.test_radio import radio
from tests.report.sample import Sample

CORE = device("cortex_m4")
CASE = Case(np.array([250.0]), "125 new steps x 1 channels x 16 bits", 1, "index of one of 4 classes", None)
NEW = Evidence("placement over made_up, on the sensor: delay", 0.1, "s", "estimated", "made up")


class Asked:
    """Stands in for the comparing of a folder, and keeps what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[str, ...], str | None]] = []
        self.case, self.links, self.core = CASE, [radio()], CORE

    def __call__(self, out: Path, names: tuple[str, ...], on: str | None) -> Comparison:
        self.calls.append((names, on))
        Ledger(out / "evidence.jsonl").append(NEW)
        return replace(compare(self.case, self.links, self.core), evidence=(NEW,))


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.chdir(tmp_path)
    stand_in = Asked()
    monkeypatch.setattr(room, "place_folder", stand_in)
    Sample().write(Path("out"))
    return stand_in


def said(asked: Asked) -> str:
    result = call("measure", "out", "--placement", "ble_1m")
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_a_column_for_each_place(asked: Asked) -> None:
    lines = said(asked).splitlines()
    assert lines[0] == "out/ on cortex_m4, one inference, all figures estimated:"
    assert lines[2] == "raw samples: 125 new steps x 1 channels x 16 bits; answer: index of one of 4 classes"
    assert lines[3] == "over made_up, from the sensor to the gateway: Made up"
    rows = {line.split("  ")[0] or line.strip().split("  ")[0]: line.split("  ") for line in lines[5:16]}
    cells = {name: [c.strip() for c in row if c.strip()][1:] for name, row in rows.items()}
    assert cells["the model runs on the"] == ["sensor", "gateway"]
    assert cells["payload sent"] == ["1 B", "250 B"]
    assert cells["packets"] == ["1", "3"]
    assert cells["sent with headers"] == ["26 B", "325 B"]
    assert cells["air time"] == ["708 ms", "4.1 s"]
    assert cells["energy of sending"] == ["23.64 mJ", "130.2 mJ"]
    assert cells["energy of sending each byte"] == ["23.64 mJ", "520.8 µJ"]
    assert cells["energy of computing on the sensor"] == ["not known", "–"]
    assert cells["energy of the sensor"] == ["at least 23.64 mJ", "130.2 mJ"]
    assert cells["delay"] == ["at least 708 ms", "at least 4.1 s"]
    assert lines[-1] == "added to out/evidence.jsonl, and to the report in out/report.html"
    assert asked.calls == [(("ble_1m",), None)]
    assert "Where to compute" in Path("out/report.html").read_text(encoding="utf-8")


def test_what_decides_where_the_energy_of_computing_is_not_known(asked: Asked) -> None:
    text = said(asked)
    assert (
        "is worth it over made_up as long as one inference takes less than 106.6 mJ, which are 352," in text
    )
    assert "energy of computing on the sensor (see sarto devices cortex_m4)" in text
    assert "The sampling rate is not known, so no figures for a day are given." in text
    assert "Left out of all figures: making and keeping a connection" in text
    assert "which are 352,380,952 cycles." in text
    asked.links = [radio(without=["acknowledgement_b"])]
    text = said(asked)
    assert "; what is not known of sending can only raise this limit." in text
    assert "acknowledgement (the link file made_up has none)" in text


@pytest.mark.parametrize(
    ("energy_j", "without", "words"),
    [
        (0.1, (), "by the sensor's energy it is worth it."),
        (0.2, (), "by the sensor's energy it is not worth it."),
        (0.1, ("receive_a",), "by the sensor's energy it is worth it."),
        (0.2, ("receive_a",), "by the sensor's energy it is not known to be worth it."),
    ],
)
def test_what_decides_where_it_is_known(
    asked: Asked, energy_j: float, without: tuple[str, ...], words: str
) -> None:
    asked.case = replace(CASE, energy=Evidence("energy", energy_j, "J", "measured", "a meter"))
    asked.links = [radio(without=without)]
    text = said(asked)
    assert words in text
    assert f"takes {1000 * energy_j:.0f} mJ (measured)" in text
    assert "energy of computing on the sensor (measured)" in text


@pytest.mark.parametrize(
    ("raw_b", "answer_b", "way", "words"),
    [
        (2, 4, radio(), "The answer (4 B) is no smaller than the raw samples (2 B)"),
        (250, 1, link("nb_iot"), "What computing on the sensor saves over nb_iot is not known."),
    ],
)
def test_where_nothing_is_saved_or_known(
    asked: Asked, raw_b: float, answer_b: int, way: Link, words: str
) -> None:
    asked.case, asked.links = replace(CASE, raw_b=np.array([float(raw_b)]), answer_b=answer_b), [way]
    assert words in said(asked)


def test_how_often_and_how_different(asked: Asked) -> None:
    asked.case = replace(CASE, raw_b=np.array([100.0, 300.0]), per_day=8640.0)
    text = said(asked)
    assert "A day has 8,640 inferences, if sequences follow each other without a pause." in text
    assert "Impossible" not in text
    assert "means over 2 pinned sequences, whose raw samples are 100 B to 300 B." in text
    assert "energy of the sensor, a day" in text
    asked.case = replace(CASE, per_day=86400.0, window=Window(20, 5))
    text = said(asked)
    assert (
        "Impossible with the model on the gateway: sending over made_up would take 410 % of the time.\n"
        in text
    )
    (row,) = [line for line in text.splitlines() if line.strip().startswith("sent with headers, a day")]
    assert row.split()[-3:] == ["2.246", "MB", "–"], "no figures for a day of what cannot be"
    assert "A day has 86,400 inferences.\n" in text
    assert "Windows overlap: a step is sent once" in text


def test_two_links_another_device_and_json(asked: Asked) -> None:
    asked.links = [radio(), link("nb_iot")]
    result = call("measure", "out", "--placement", "ble_1m, nb_iot", "--device", "cortex_m0plus", "--json")
    assert result.exit_code == 0, result.stderr
    assert asked.calls == [(("ble_1m", "nb_iot"), "cortex_m0plus")]
    document = json.loads(result.stdout)
    assert document["links"] == ["made_up", "nb_iot"]
    assert list(document["placements"]) == ["sensor", "gateway", "server"]
    rows = {row["what"]: row for row in document["placements"]["server"]}
    assert rows["energy of sending from the gateway over nb_iot"]["value"] is None
    assert rows["delay"]["at_least"] is True
    assert document["evidence"] == [NEW.to_json()]
    assert document["break_even"][0]["unit"] == "J"


@pytest.mark.parametrize(
    ("links", "code", "words"),
    [
        ("ble_2m", "E111", "'ble_2m' is not a link"),
        ("ble_1m,none.toml", "E111", "the link file 'none.toml' cannot be read"),
        ("ble_1m,ble_1m,ble_1m", "E112", "names 3 links"),
        ("", "E111", "'' is not a link"),
        ("bad.toml", "E112", "the link file bad.toml cannot be read"),
    ],
)
def test_links_that_are_none(asked: Asked, links: str, code: str, words: str) -> None:
    Path("bad.toml").write_text("[bit_rate_bps]\nvalue = 3\n")
    result = call("measure", "out", "--placement", links)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error[{code}]: --placement: ")
    assert words in result.stderr
    assert not asked.calls


def test_the_stand_in_has_the_signature_of_the_real_one() -> None:
    import inspect

    wanted = list(inspect.signature(Asked().__call__).parameters)
    from sarto.measure.placement import place_folder

    assert list(inspect.signature(place_folder).parameters) == wanted
