"""What the uploads of a federation reveal, shown by working it out; and whether noise keeps what it promises.

found = leaks(payload, "ward 7")              # one client: table, findings, the rows that were worked out
found = leaks_of_clients(uploads)             # many clients: how many reveal what
came(before, after), replaced(before, after)  # two payloads of one client
"""

from __future__ import annotations

from sarto.audit.leaks.epochs import came, replaced
from sarto.audit.leaks.report import Leaks, LeaksOfClients, leaks, leaks_of_clients
from sarto.audit.leaks.rows import KnownRows, determined, known_rows, outside

__all__ = [
    "KnownRows", "Leaks", "LeaksOfClients", "came", "determined", "known_rows", "leaks", "leaks_of_clients",
    "outside", "replaced",
]  # fmt: skip
