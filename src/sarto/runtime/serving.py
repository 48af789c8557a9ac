"""A manager as a service: metrics on loopback, questions over a socket of the file system, and systemd told how it is.

| where | who may | what |
|---|---|---|
| `http://127.0.0.1:PORT/metrics`, `/state` | any user of this machine | reads, nothing else |
| the socket (mode 600): `POST /decide`, `POST /observe`, and the same reads | the user who started it | questions |

No other address than loopback is listened on, and over it nothing can be asked that changes anything: a page in a
browser reaches loopback too. The process stays in the foreground and ends by SIGTERM, SIGHUP or SIGINT: knobs are set
back, and the socket is removed. Where `NOTIFY_SOCKET` is set it says READY, STOPPING, and, if systemd watches it,
WATCHDOG as long as questions are answered. A socket that a killed process left behind is taken over.

Source: sd_notify(3), systemd.service(5).

>>> loopback("127.0.0.1:9464")
('127.0.0.1', 9464)
>>> loopback("0.0.0.0:9464")
Traceback (most recent call last):
sarto.core.errors.SartoError: error[E178]: metrics on '0.0.0.0:9464'
cause: it is no address of loopback, which this machine alone reaches
hint: give 127.0.0.1:PORT, [::1]:PORT or localhost:PORT; put a proxy in front for others
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import threading
from collections.abc import Callable, Generator, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sarto.core.errors import SartoError
from sarto.runtime.advice import Advisor
from sarto.runtime.metrics import TYPE, metrics

LOOPBACK = ("127.0.0.1", "::1", "localhost")
MOST_B = 65536
"""Of a question."""
MOST_PASSED_B = 16 * MOST_B
"""Of a question too long, which is read and dropped so that its sender hears why; one longer still is cut off."""
PATIENCE_S = 5.0
"""For a client that says nothing, and for a question to be answered; else systemd is not told that all is well."""
AT_ONCE = 16
"""Connections; further ones are closed."""
ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def loopback(address: str) -> tuple[str, int]:
    """Return host and port of an address that only this machine reaches.

    Raises:
        SartoError: E178, when it is another, or none.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not (port.isascii() and port.isdecimal() and int(port) < 65536) or not host:
        raise SartoError(
            "E178",
            f"metrics on '{address}'",
            cause="it is no address and port",
            hint="such as 127.0.0.1:9464",
        )
    if host not in LOOPBACK:
        raise SartoError(
            "E178",
            f"metrics on '{address}'",
            cause="it is no address of loopback, which this machine alone reaches",
            hint="give 127.0.0.1:PORT, [::1]:PORT or localhost:PORT; put a proxy in front for others",
        )
    return host, int(port)


class _Server(ThreadingHTTPServer):
    """A server with few connections at once, whose threads do not keep the process alive."""

    daemon_threads = True

    def __init__(self, address: Any, advisor: Advisor, asks: bool, family: int) -> None:
        self.advisor, self.asks = advisor, asks
        self.address_family = family
        self._room = threading.BoundedSemaphore(AT_ONCE)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind, without asking the name service who this machine is."""
        if self.address_family != socket.AF_UNIX:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "sarto", 0

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, if one is free."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that go away."""


class _Handler(BaseHTTPRequestHandler):
    server_version, sys_version = "sarto", ""
    timeout = PATIENCE_S

    @property
    def _of(self) -> _Server:
        assert isinstance(self.server, _Server)
        return self.server

    def do_GET(self) -> None:
        advisor = self._of.advisor
        if self.path == "/metrics":
            with advisor.lock:
                text = metrics(advisor)
            self._send(200, text, TYPE)
        elif self.path == "/state":
            with advisor.lock:
                self._json(200, state(advisor))
        else:
            self._refuse(404, "there is /metrics and /state")

    def do_POST(self) -> None:
        asked = {"/decide": self._of.advisor.decide, "/observe": self._of.advisor.observe}.get(self.path)
        said = self._question()
        if not self._of.asks or asked is None:
            self._refuse(
                404 if self._of.asks else 403, "questions are POST /decide and /observe over the socket"
            )
            return
        if said is None:
            self._refuse(413, f"a question has a length of at most {MOST_B} bytes")
            return
        try:
            question = json.loads(said)
            if not isinstance(question, dict):
                raise ValueError("it is no object")
        except (ValueError, RecursionError) as error:
            self._refuse(400, f"the question is no JSON object: {error}")
            return
        try:
            self._json(200, asked(question))  # pyright: ignore[reportUnknownArgumentType] (fields are checked there)
        except SartoError as error:
            told = {"code": error.code, "message": error.message, "cause": error.cause, "hint": error.hint}
            self._json(400, {"error": told})

    def _question(self) -> bytes | None:
        """Read the question before anything is answered: who is cut off while it still writes never reads why."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            return None
        if int(length) <= MOST_B:
            return self.rfile.read(int(length))
        if int(length) <= MOST_PASSED_B:
            self.rfile.read(int(length))
        return None

    def _json(self, code: int, value: Any) -> None:
        self._send(code, json.dumps(value) + "\n", "application/json")

    def _refuse(self, code: int, why: str) -> None:
        self._json(code, {"error": {"code": "E179", "message": why, "cause": "", "hint": ""}})

    def _send(self, code: int, text: str, kind: str) -> None:
        data = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what happens is in the metrics."""


def state(advisor: Advisor) -> dict[str, Any]:
    """Return what the metrics say as JSON values, with the reasons why readings are unavailable and knobs refused."""
    last = advisor.last
    readings = advisor.readings.now(advisor.clock()).items()
    return {
        "points": len(advisor.manager.points),
        "last": None if last is None else last.point.name,
        "jobs": advisor.counts.jobs,
        "late": advisor.counts.late,
        "knobs": {
            "act": advisor.knobs.act,
            **{one.knob: f"{one.state}: {one.why}".rstrip(": ") for one in advisor.applied},
        },
        "monitors": {name: str(reading) for name, reading in readings},
        "lost": {
            name: {"failures": lost.failures, "wait_s": lost.wait_s}
            for name, lost in advisor.reach.lost.items()
        },
        "refused": {
            f"{knob} at {value}": {"failures": lost.failures, "wait_s": lost.wait_s}
            for (knob, value), lost in advisor.refusals.lost.items()
        },
    }


@contextlib.contextmanager
def _listening(server: _Server) -> Generator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(PATIENCE_S)
        server.server_close()


def _at(address: tuple[str, int], advisor: Advisor) -> _Server:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    try:
        return _Server(address, advisor, False, family)
    except OSError as error:
        raise _unusable(f"port {address[1]}", error) from error


def _socket_at(path: Path, advisor: Advisor) -> _Server:
    """Return a server on a socket that only its user may open; one that nobody answers on is taken over.

    Raises:
        SartoError: E178, when it is in use, is no socket, or cannot be made.
    """
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise SartoError(
                "E178",
                f"the socket '{path}' cannot be made",
                cause="there is something of that name, and it is no socket",
                hint="give another name, or remove it",
            )
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(ConnectionRefusedError):
            probe.connect(str(path))
            raise OSError("another process answers on it")
        path.unlink()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _unusable(f"socket '{path}'", error) from error
    before = os.umask(0o177)
    try:
        return _Server(str(path), advisor, True, socket.AF_UNIX)
    except OSError as error:
        raise _unusable(f"socket '{path}'", error) from error
    finally:
        os.umask(before)


def _unusable(what: str, error: OSError) -> SartoError:
    return SartoError(
        "E178",
        f"the {what} cannot be used",
        cause=error.strerror or str(error),
        hint="give another, or end the process that has it",
    )


def notify(text: str) -> None:
    """Tell systemd, if it listens; see sd_notify(3)."""
    where = os.environ.get("NOTIFY_SOCKET", "")
    if not where:
        return
    if where.startswith("@"):
        where = "\0" + where[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.settimeout(PATIENCE_S / 5)  # a listener that does not read must not hold the service up
        out.sendto(text.encode(), where)


def _every_s() -> float:
    """Return how often systemd wants to hear: half of the time after which it gives up."""
    try:
        asked = int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6
        meant = int(os.environ.get("WATCHDOG_PID", os.getpid())) == os.getpid()
    except ValueError:
        return 1.0
    return max(min(asked, 1.0), 0.01) if asked > 0 and meant else 1.0


def serve(
    advisor: Advisor, address: tuple[str, int], path: Path | None, said: Callable[[tuple[str, int]], object]
) -> int:
    """Serve until a signal ends it; return the number of that signal.

    Args:
        advisor: that answers; its knobs are entered and set back here.
        address: for metrics; port 0 takes a free one.
        path: of the socket for questions; None for none.
        said: is called with the address when all is ready.

    Raises:
        SartoError: E178, when port or socket cannot be used; E116, when the journal of the knobs is in use.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_held(ENDS))
        stack.enter_context(advisor.knobs)
        server = _at(address, advisor)
        stack.enter_context(_listening(server))
        if path is not None:
            asked = _socket_at(path, advisor)
            stack.callback(path.unlink, missing_ok=True)
            stack.enter_context(_listening(asked))
        host, port = server.server_address[:2]
        said((str(host), int(port)))
        notify(f"READY=1\nSTATUS=metrics on {host!s}:{port}\nMAINPID={os.getpid()}")
        every, ended = _every_s(), None
        while ended is None:
            ended = signal.sigtimedwait(ENDS, every)
            if ended is None and advisor.lock.acquire(timeout=PATIENCE_S):
                advisor.lock.release()
                notify("WATCHDOG=1")
        notify("STOPPING=1")
    return ended.si_signo


@contextlib.contextmanager
def _held(signals: Iterable[signal.Signals]) -> Generator[None]:
    """Hold signals back, so that they are waited for and no handler runs in the midst of anything."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
        while signal.sigtimedwait(signals, 0) is not None:
            pass  # all of them ask for what is done by now
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
