"""The device that a model is measured on where it may be larger than the one it is for.

>>> from sarto.devices import device
>>> m0 = device("cortex_m0plus")
>>> roomy(m0, 10**6, 0).flash.size_b > 10**6, roomy(m0, 0, 0).flash == m0.flash
(True, True)
"""

from __future__ import annotations

from dataclasses import replace

from sarto.core.device import Device

CODE_B = 64 * 1024
"""More than the code or the stack of any model takes."""


def roomy(device: Device, tables: int, variables: int) -> Device:
    """Return `device` with at least the memory that so many bytes of tables and variables take, and code."""
    flash, ram = (
        replace(memory, size_b=max(memory.size_b, -(-(wanted + CODE_B) // 1024) * 1024))
        for memory, wanted in ((device.flash, tables), (device.ram, variables))
    )
    return replace(device, flash=flash, ram=ram)
