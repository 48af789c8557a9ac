"""What tests of several verbs use."""

from pathlib import Path

import pytest

from tests.cli.stand_in import Search


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Search:
    """A search that finishes at once."""
    return Search().install(monkeypatch.setattr)
