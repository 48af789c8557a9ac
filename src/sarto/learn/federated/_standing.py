"""Where a simulation stands after a round, and the file from which it goes on after it was stopped.

The file is an archive of arrays and one JSON text, written whole or not at all; it belongs to one simulation, which its
identity names. Nothing in it is a program.

>>> Standing(state=None).round
0
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from sarto.core.store import write_atomic
from sarto.learn.federated._contract import Message, Method, Reply

PERIOD_S = 5.0
"""Seconds between two writes."""


@dataclass(eq=False)
class Standing:
    """Where a simulation stands.

    Attributes:
        state: of the server.
        phase: number of the phase, and
        in_phase: rounds done in it.
        round: rounds done in all.
        spent: bytes on the air.
        stopped: whether no further round is begun.
        visited: clients heard in this phase.
        late: answers under way: round in which they arrive, and answer.
        memory: of the clients.
        refused: client -> why.
        missing: clients that were never heard.
        rounds, judged: rows.
    """

    state: Any
    phase: int = 0
    in_phase: int = 0
    round: int = 0
    spent: int = 0
    stopped: bool = False
    visited: set[int] = field(default_factory=set[int])
    late: list[tuple[int, Reply]] = field(default_factory=list[tuple[int, Reply]])
    memory: dict[int, Message] = field(default_factory=dict[int, Message])
    refused: dict[int, str] = field(default_factory=dict[int, str])
    missing: set[int] = field(default_factory=set[int])
    rounds: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    judged: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


_PLAIN = ("phase", "in_phase", "round", "spent", "stopped", "rounds", "judged")


@dataclass(eq=False)
class Kept:
    """The file of a simulation.

    Attributes:
        path: of it.
        identity: of the simulation: another one's file is not gone on from.
    """

    path: Path
    identity: str
    _written: float = 0.0

    def keep(self, at: Standing, method: Method, *, final: bool = False) -> None:
        """Write where the simulation stands, if it is time again."""
        if not final and time.monotonic() - self._written < PERIOD_S:
            return
        arrays: dict[str, Any] = {f"state/{k}": v for k, v in method.saved(at.state).items()}
        arrays |= {f"memory/{n}/{k}": v for n, held in at.memory.items() for k, v in held.items()}
        for place, (_, reply) in enumerate(at.late):
            arrays |= {f"late/{place}/{k}": v for k, v in reply.message.items()}
            arrays |= {f"held/{place}/{k}": v for k, v in (reply.memory or {}).items()}
        text = {name: getattr(at, name) for name in _PLAIN} | {
            "identity": self.identity,
            "visited": sorted(at.visited),
            "missing": sorted(at.missing),
            "refused": sorted(at.refused.items()),
            "late": [[when, r.client, r.rows, r.macs, r.sends, r.memory is not None] for when, r in at.late],
        }
        arrays["standing"] = np.frombuffer(json.dumps(text).encode(), np.uint8)
        file = io.BytesIO()
        np.savez(file, **arrays)
        write_atomic(self.path, file.getvalue())
        self._written = time.monotonic()

    def standing(self, method: Method, model: Any, clients: int) -> Standing | None:
        """Return where the simulation stood, or None where there is no file of it."""
        try:
            with np.load(self.path, allow_pickle=False) as held:
                arrays = {name: held[name] for name in held.files}
            text = json.loads(arrays.pop("standing").tobytes())
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None
        if text["identity"] != self.identity:
            return None
        late = [
            (
                when,
                Reply(
                    client,
                    dict(_under(arrays, f"late/{place}/")),
                    rows,
                    macs,
                    dict(_under(arrays, f"held/{place}/")) if has_memory else None,
                    sends,
                ),
            )
            for place, (when, client, rows, macs, sends, has_memory) in enumerate(text["late"])
        ]
        memory: dict[int, dict[str, Any]] = {}
        for name, array in _under(arrays, "memory/"):
            number, _, own = name.partition("/")
            memory.setdefault(int(number), {})[own] = array
        return Standing(
            method.restored(dict(_under(arrays, "state/")), model, clients),
            **{name: text[name] for name in _PLAIN},
            visited=set(text["visited"]),
            late=late,
            memory=dict(memory),
            refused={int(number): why for number, why in text["refused"]},
            missing=set(text["missing"]),
        )


def _under(
    arrays: dict[str, Shaped[np.ndarray, "..."]], prefix: str
) -> Iterator[tuple[str, Shaped[np.ndarray, "..."]]]:
    for name, array in arrays.items():
        if name.startswith(prefix):
            yield name.removeprefix(prefix), array
