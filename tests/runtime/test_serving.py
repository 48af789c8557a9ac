"""The service: who may ask what where, how it ends, and what systemd hears; in a process of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sarto.core.errors import SartoError
from sarto.runtime.serving import loopback
from tests.cli.stand_in import environment
from tests.devices.test_platforms import GOOD

LADDER = "variant,accuracy,work\nhalf,0.63,0.5\nwhole,0.71,1\n"


class Unix(http.client.HTTPConnection):
    """HTTP over a socket of the file system."""

    def __init__(self, path: Path) -> None:
        super().__init__("sarto", timeout=30)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self.path))


def asked(connection: http.client.HTTPConnection, method: str, path: str, body: str = "") -> tuple[int, str]:
    with contextlib.closing(connection):
        connection.request(method, path, body or None)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


class Running:
    """`sarto adapt --serve` in a folder, on a made-up tree of /sys."""

    def __init__(self, folder: Path, *more: str, **environ: str) -> None:
        self.policy = folder / "sys/devices/system/cpu/cpufreq/policy0"
        self.policy.mkdir(parents=True, exist_ok=True)
        for which, clock in (("min", "200000"), ("max", "2000000")):
            if not (self.policy / f"scaling_{which}_freq").exists():
                (self.policy / f"scaling_{which}_freq").write_text(f"{clock}\n")
        (folder / "ladder.csv").write_text(LADDER)
        (folder / "board.toml").write_text(GOOD.replace('name = "big"', 'name = "big"\npolicy = "policy0"'))
        self.socket = folder / "s"
        program = "from sarto.cli import main; main()"
        words = [
            "adapt",
            "ladder.csv",
            "--platform",
            "board.toml",
            "--policies",
            "min_energy",
            "--serve",
            "127.0.0.1:0",
        ]
        words += ["--socket", "s", "--sys", "sys", "-o", "out", *more]
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *words], cwd=folder, env=environment(**environ), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.said = [self.process.stdout.readline() for _ in range(4)]

    @property
    def port(self) -> int:
        return int(self.said[1].rpartition(":")[2].split("/")[0])

    def clocks(self) -> list[str]:
        return [(self.policy / f"scaling_{which}_freq").read_text().strip() for which in ("min", "max")]

    def tcp(self, method: str, path: str) -> tuple[int, str]:
        return asked(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30), method, path, "{}")

    def ask(self, path: str, question: Any) -> tuple[int, dict[str, Any]]:
        text = question if isinstance(question, str) else json.dumps(question)
        status, answer = asked(Unix(self.socket), "POST", path, text)
        return status, json.loads(answer)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode


def test_a_whole_life_of_a_service(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "n"))
    heard: list[bytes] = []

    def listen() -> None:
        while not heard or heard[-1] != b"STOPPING=1":
            heard.append(listener.recv(999))

    (ear := threading.Thread(target=listen, daemon=True)).start()
    service = Running(tmp_path, "--apply", NOTIFY_SOCKET=str(tmp_path / "n"), WATCHDOG_USEC="200000")
    assert service.said[3] == "knobs: policy0: really set, and set back at the end\n"
    # Reads over loopback, questions over the socket alone.
    assert service.tcp("POST", "/decide")[0] == 403
    assert service.tcp("GET", "/")[0] == 404
    assert "sarto_decisions_total 0\n" in service.tcp("GET", "/metrics")[1]
    assert (service.socket.stat().st_mode & 0o777) == 0o600
    status, answer = service.ask("/decide", {"deadline": "150ms", "accuracy": 0.7})
    assert (status, answer["point"], answer["knobs"][0]["state"]) == (200, "whole on big at 2 GHz", "set")
    assert service.clocks() == ["2000000", "2000000"]
    assert service.ask("/observe", {"ticket": 1, "latency_s": 0.2}) == (200, {"late": True, "jobs": 1})
    for question, code in (("[", 400), ("[]", 400), ({"x": 1}, 400), ("[" * 60000, 400), (" " * 70000, 413)):
        assert service.ask("/decide", question)[0] == code
    # Who is refused has been heard out: a reply that left something unread would cut the sender off as it writes.
    assert all(service.ask("/forget", "x" * 900_000)[0] == 404 for _ in range(20))
    state = json.loads(service.tcp("GET", "/state")[1])
    assert (state["jobs"], state["late"], state["knobs"]) == (1, 1, {"act": True, "policy0": "set"})
    assert state["monitors"]["thermal"] == "temperature unavailable: no thermal zone"
    assert "sarto_decisions_total 1\n" in service.tcp("GET", "/metrics")[1]
    # Another one cannot take the socket over.
    (second := Running(tmp_path, "-o", "out2")).process.wait(timeout=60)
    assert second.process.returncode == 2
    assert "another process answers on it" in second.process.communicate()[1]
    assert service.end() == 0
    assert service.clocks() == ["200000", "2000000"]
    assert not service.socket.exists()
    assert (tmp_path / "out/decisions.jsonl").exists()
    ear.join(60)
    assert not ear.is_alive()
    listener.close()
    assert heard[0].startswith(b"READY=1\n")
    assert set(heard[1:-1]) == {b"WATCHDOG=1"}


def test_others_that_want_a_processor_are_counted_where_that_is_asked_for(tmp_path: Path) -> None:
    goal = {"deadline": "100s"}
    plain, crowd = Running(tmp_path / "plain"), Running(tmp_path / "crowd", "--crowd")
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4 * (os.cpu_count() or 1))
    ]
    try:
        expected = [service.ask("/decide", goal)[1]["expected_s"] for service in (plain, crowd)]
    finally:
        for one in busy:
            one.kill()
            one.wait()
        ended = [service.end() for service in (plain, crowd)]
    assert expected[1] >= 2 * expected[0]
    assert ended == [0, 0]


def test_after_a_kill_the_next_start_sets_back_and_takes_the_socket_over(tmp_path: Path) -> None:
    first = Running(tmp_path, "--apply")
    assert first.ask("/decide", {"accuracy": 0.7})[0] == 200
    assert first.clocks() == ["1000000", "1000000"]
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    assert first.clocks() == ["1000000", "1000000"]
    again = Running(tmp_path)
    assert again.said[3].endswith("a dry run; --apply sets them\n")
    assert again.clocks() == ["200000", "2000000"]
    assert again.ask("/decide", {})[1]["knobs"][0]["state"] == "dry run"
    assert again.end(signal.SIGHUP) == 0
    assert not again.socket.exists()


@pytest.mark.parametrize(
    "address", ["0.0.0.0:1", "192.168.0.1:9464", "::1", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ":1"]
)
def test_addresses_that_are_refused(address: str) -> None:
    with pytest.raises(SartoError, match="E178"):
        loopback(address)
    assert loopback("[::1]:0") == ("::1", 0)
