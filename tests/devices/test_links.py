"""Link files: found by name or path, refused when a field or a source is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sarto.core.errors import SartoError
from sarto.devices.links import link, links, parse_link

GOOD = """
title = "A radio"
notes = "made up"

[bit_rate_bps]
value = 1000
source = "a data sheet"

[payload_b]
value = 20
source = "a standard"
"""


def test_a_file_becomes_a_link() -> None:
    found = parse_link("mine", GOOD)
    assert (found.name, found.title, found.notes) == ("mine", "A radio", "made up")
    rate = found.number("bit_rate_bps")
    assert rate is not None
    assert (rate.value, rate.unit, rate.source) == (1000, "bit/s", "a data sheet")
    assert found.number("supply_v") is None
    assert list(found.numbers) == ["bit_rate_bps", "payload_b"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "A radio"\n', "", "title is missing"),
        ('notes = "made up"', "notes = 3", "notes must be text"),
        ('notes = "made up"', "watts = 3", "watts: no such field"),
        ('source = "a data sheet"\n', "", "bit_rate_bps.source is missing"),
        ('source = "a standard"', 'source = ""', "payload_b.source must be text"),
        ("value = 1000", "value = 0", "bit_rate_bps.value must lie between 1e-15 and 1e+15"),
        ("value = 1000", 'value = 1000\nunit = "bit/s"', "bit_rate_bps.unit: no such field"),
        ("value = 20", "value = 20.5", "payload_b.value must be a whole number of bytes"),
        ("[payload_b]", "[joules_per_byte]", "joules_per_byte: no such field"),
    ],
)
def test_a_wrong_file_is_refused_with_the_field(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(SartoError, match=r"E112.*the link file mine\.toml") as caught:
        parse_link("mine", GOOD.replace(old, new, 1))
    assert caught.value.cause == said
    assert caught.value.hint == "compare it with devices/links/ble_1m.toml; every number needs its source"


def test_a_users_own_file_is_a_link(tmp_path: Path) -> None:
    path = tmp_path / "my radio.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert link(str(path)).name == "my_radio"
    with pytest.raises(SartoError, match=r"E111.*'none\.toml' cannot be read[\s\S]*No such file"):
        link("none.toml")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SartoError, match=r"E111[\s\S]*it is no text"):
        link(str(path))


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(SartoError, match=r"E111.*'ble_2m' is not a link[\s\S]*did you mean ble_1m\?"):
        link("ble_2m")
    with pytest.raises(SartoError, match=r"E111[\s\S]*known: ble_1m, ieee_802_15_4"):
        link("zzz")


def test_links_are_listed_without_numpy() -> None:
    code = "import sarto.devices.links as room, sys; room.link('ble_1m'); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert links() == sorted(links())
