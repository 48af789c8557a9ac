"""What of a device can change a result: of a file of the user's what it says, and of a host the processor.

>>> device_identity("cortex_m4")
{'device': 'cortex_m4'}
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sarto.core.device import Host
from sarto.core.store import content_hash


def device_identity(name: str) -> dict[str, Any]:
    """Return the fields of an identity that device `name`, or a path of a file, adds.

    Raises:
        SartoError: E111 or E112 for the device.
    """
    from sarto.devices import any_device

    device = any_device(name)
    fields: dict[str, Any] = {"device": device.name}
    if name.endswith(".toml"):
        fields["device_file"] = content_hash(asdict(device))
    if isinstance(device, Host):
        from sarto.measure.processor import processor

        fields["processor"] = processor()
    return fields
