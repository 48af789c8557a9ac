"""Optional adapters: by modules that stand in for the libraries, and without any."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sarto.measure.adapters import Jtop, Psutil, Zeus, adapters


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that puts a module with some names in the place of a library, or None to hide it."""

    def put(name: str, **names: Any) -> None:
        parts = name.split(".")
        for number in range(1, len(parts) + 1):
            module = ModuleType(".".join(parts[:number]))
            vars(module).update(names if number == len(parts) else {"__path__": []})
            monkeypatch.setitem(sys.modules, module.__name__, module)

    return put


def test_a_library_that_is_missing_is_a_state_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("psutil", "zeus", "zeus.device", "jtop"):
        monkeypatch.setitem(sys.modules, name, None)
    told = {name: monitor.read() for name, monitor in adapters().items()}
    assert {name: (one.value, one.source) for name, one in told.items()} == {
        name: (None, f"{name} is not installed") for name in ("psutil", "zeus", "jtop")
    }


def test_the_load_is_read_from_the_second_time_on(stand_in: Any) -> None:
    shares = iter([0.0, 37.5, float("nan")])

    def cpu_percent(interval: None) -> float:
        return next(shares)

    stand_in("psutil", cpu_percent=cpu_percent)
    monitor = Psutil()
    assert monitor.read().how == "unavailable"
    found = monitor.read()
    assert (found.value, found.unit, found.how) == (0.375, "1", "measured")
    assert monitor.read().source == "psutil says nan"


class Gpus:
    def __init__(self, *milliwatts: float) -> None:
        self.milliwatts = milliwatts

    def __len__(self) -> int:
        return len(self.milliwatts)

    def getInstantPowerUsage(self, index: int) -> float:
        return self.milliwatts[index]


def test_power_of_gpus_is_their_sum_in_watts(stand_in: Any) -> None:
    stand_in("zeus.device", get_gpus=lambda: Gpus(12_500, 7_500))
    assert (Zeus().read().value, Zeus().read().unit) == (20.0, "W")
    stand_in("zeus.device", get_gpus=lambda: Gpus())
    assert Zeus().read().source == "zeus.device: no GPU"


def test_power_of_a_board_and_a_service_that_ends(stand_in: Any) -> None:
    class Client:
        made = 0
        up = True

        def __init__(self) -> None:
            Client.made += 1
            self.power = {"tot": {"power": 4321}}

        def start(self) -> None:
            if not Client.up:
                raise RuntimeError("the service is not active")

        def ok(self) -> bool:
            return Client.up

        def close(self) -> None:
            self.power = SimpleNamespace()

    stand_in("jtop", jtop=Client)
    monitor = Jtop()
    assert [monitor.read().value for _ in range(2)] == [4.321, 4.321]
    assert Client.made == 1
    Client.up = False
    assert monitor.read().source == "jtop: its service does not answer"
    assert monitor.read().source == "jtop: the service is not active"
    Client.up = True
    assert monitor.read().value == 4.321


def test_what_a_library_raises_on_import_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> ModuleType:
        raise RuntimeError(f"{name} wants another driver")

    monkeypatch.setattr("importlib.import_module", broken)
    assert Zeus().read().source == "zeus.device cannot be imported: zeus.device wants another driver"
