"""What a simulated federation put on the air, and what its clients computed, as evidence.

Bytes are those of every message that was sent, without the headers of a radio; computations are counted from what each
client did.

>>> [(e.what, e.value, e.how) for e in traffic_evidence(10, 20, 300, command="x")]
[('bytes_up', 10, 'measured'), ('bytes_down', 20, 'measured'), ('client_macs', 300, 'estimated')]
"""

from __future__ import annotations

from sarto.core.evidence import Evidence


def traffic_evidence(up_b: int, down_b: int, macs: int, *, command: str) -> list[Evidence]:
    """Return bytes from and to all clients, and their multiplications and additions.

    Args:
        up_b: bytes that clients sent.
        down_b: bytes that they were sent.
        macs: of all clients.
        command: that shows the figures again.
    """
    sent = "messages of the simulation"
    return [
        Evidence("bytes_up", up_b, "B", "measured", sent, command),
        Evidence("bytes_down", down_b, "B", "measured", sent, command),
        Evidence("client_macs", macs, "1", "estimated", "operations of each client", command),
    ]
