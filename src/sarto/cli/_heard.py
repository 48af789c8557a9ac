"""What servers of a simulated federation took: what each upload reveals, and the uploads as files.

A simulation that goes on, or that was finished before, hears nothing again. So what was heard is kept in lines of JSON
beside it, and `missing` says whether files of it are still to be written.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sarto.audit.leaks import leaks_of_clients
from sarto.core.store import content_hash, package_sha256, write_atomic
from sarto.core.table import Table
from sarto.learn._packing import digest_of
from sarto.learn.federated._contract import Reply
from sarto.learn.federated._upload_file import ENDING, read_about, write_upload
from sarto.learn.federation.file import Federation, Stage
from sarto.learn.federation.setting import Setting
from sarto.models.input_error import InputError


@dataclass
class Heard:
    """The payloads of the first chain that sends some, looked at one by one.

    Attributes:
        federation: as its file says.
        setting: of it.
        uploads: folder of the files, or None.
        kept: folder of the lines.
        chain: name of the chain, "" before one sent a payload.
        rows: client -> its table of one row.
        digests: client -> hash of what it sent last.
    """

    federation: Federation
    setting: Setting
    uploads: Path | None
    kept: Path
    chain: str = ""
    rows: dict[int, Table] = field(default_factory=dict[int, Table])
    digests: dict[int, str] = field(default_factory=dict[int, str])
    _path: Path | None = None

    def begin(self, chain: tuple[Stage, ...]) -> bool:
        """Take up what was heard of a chain before; return whether it is one to listen to."""
        if self.chain not in ("", self.federation.name_of(chain)):
            return False
        federation, population = self.federation, self.setting.population
        identity = content_hash(
            package_sha256(),
            [repr(chain), repr(federation.participation), federation.seed, federation.bytes],
            [repr(federation.model), population.data.sha256, population.owner.tolist()],
        )
        self.kept.mkdir(parents=True, exist_ok=True)
        self._path = self.kept / f"{identity[:16]}.jsonl"
        lines = list[str]()
        if self._path.exists():
            for line in self._path.read_text(encoding="utf-8").splitlines(keepends=True):
                try:
                    client, digest, table = json.loads(line)
                except ValueError:
                    continue  # cut off when the simulation was stopped, which then hears it again
                lines.append(line)
                self.rows[client], self.digests[client] = Table.from_json(table), digest
                self.chain = self.federation.name_of(chain)
            write_atomic(self._path, "".join(lines))
        return True

    def __call__(self, chain: str, reply: Reply) -> None:
        """Look at an answer that a server took."""
        if "payload" not in reply.message or self.chain not in ("", chain) or self._path is None:
            return
        self.chain = chain
        name, payload = self.setting.population.names[reply.client], reply.message["payload"].tobytes()
        table = leaks_of_clients([(name, payload)]).table
        self.rows[reply.client], self.digests[reply.client] = table, digest_of(payload).hex()
        with self._path.open("a", encoding="utf-8") as file:
            line: list[Any] = [reply.client, self.digests[reply.client], table.to_json()]
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
        if self.uploads is not None:
            write_upload(self.uploads, self.federation.name, name, 0, payload)

    def missing(self) -> bool:
        """Return whether a client's last upload is to be a file, and is none."""
        if self.uploads is None:
            return False
        there = set[tuple[str, str, str]]()
        for path in self.uploads.glob(f"*{ENDING}"):
            try:
                about = read_about(path)
            except (InputError, OSError):
                continue
            there.add((about.federation, about.client, about.digest.hex()))
        names = self.setting.population.names
        return any(
            (self.federation.name, names[client], digest) not in there
            for client, digest in self.digests.items()
        )
