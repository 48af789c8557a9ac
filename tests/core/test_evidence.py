"""Evidence and its ledger."""

import json
from pathlib import Path

import pytest
from jaxtyping import TypeCheckError

from sarto.core.evidence import Evidence, Ledger

FULL = Evidence("ram", 1234, "B", "emulated", "unicorn 2", "sarto fit", 7, (1.0, 2.0), 3, "ab")
BARE = Evidence("latency", 0.5, "s", "estimated", "cycles")


@pytest.mark.parametrize("evidence", [FULL, BARE])
def test_goes_through_json_and_back(evidence: Evidence) -> None:
    fields = json.loads(json.dumps(evidence.to_json()))
    assert Evidence.from_json(fields) == evidence
    assert None not in fields.values() and "" not in fields.values()


def test_a_zero_is_not_empty() -> None:
    fields = Evidence("errors", 0, "1", "measured", "t", n=0, seed=0).to_json()
    assert (fields["value"], fields["n"], fields["seed"]) == (0, 0, 0)


def test_is_shown_with_unit_and_how() -> None:
    assert str(FULL) == "ram 1.234 kB (emulated)"
    assert str(BARE) == "latency 500 ms (estimated)"


def test_how_is_one_of_four_words() -> None:
    with pytest.raises((AssertionError, TypeCheckError), match="guessed"):
        Evidence.from_json({**BARE.to_json(), "how": "guessed"})


def test_ledger_only_grows_and_gives_the_newest(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "evidence.jsonl")
    assert list(ledger) == []
    assert ledger.latest("ram") is None
    ledger.append(FULL, BARE)
    before = ledger.path.read_bytes()
    newer = Evidence("ram", 99, "B", "measured", "board")
    ledger.append(newer)
    assert ledger.path.read_bytes().startswith(before)
    assert list(ledger) == [FULL, BARE, newer]
    assert ledger.latest("ram") == newer
    assert ledger.latest("latency") == BARE
    assert ledger.latest("flash") is None
