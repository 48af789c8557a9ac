"""Plug-in rooms, entry points among them."""

from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType

import pytest

from sarto.core import rooms
from sarto.core.errors import SartoError
from sarto.core.rooms import load_method, methods

ROOM = "sarto.models.reservoir"
CELLS = ["es2n", "esn", "eusn", "paralesn", "resesn", "ring", "rmn", "seeded"]
KNOWN = f"known: {', '.join(CELLS)}"


def test_every_public_file_is_a_method() -> None:
    assert methods(ROOM) == CELLS
    assert load_method(ROOM, "ring").__name__ == f"{ROOM}.ring"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("rnig", "did you mean ring?"),
        ("_cell", KNOWN),
        ("transformer", KNOWN),
        ("", KNOWN),
    ],
)
def test_an_unknown_method_is_refused_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(SartoError, match=f"'{name}' is not a method of {ROOM}") as caught:
        load_method(ROOM, name)
    assert (caught.value.code, caught.value.hint) == ("E111", hint)


def test_an_entry_point_admits_a_method_of_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints(
        [EntryPoint("outside", "json", ROOM), EntryPoint("elsewhere", "json", "sarto.compress.quantize")]
    )

    def selected(group: str) -> EntryPoints:
        return points.select(group=group)

    monkeypatch.setattr(rooms, "entry_points", selected)
    assert methods(ROOM) == sorted([*CELLS, "outside"])
    loaded = load_method(ROOM, "outside")
    assert isinstance(loaded, ModuleType) and loaded.__name__ == "json"
    assert load_method(ROOM, "esn").__name__ == f"{ROOM}.esn"
    assert {"elsewhere", "ptq"} <= set(methods("sarto.compress.quantize"))
