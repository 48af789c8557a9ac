"""Limits of a budget on a device: which nothing could judge, and which a search may go by.

`check_limits` refuses the first kind; `steering` returns the second, evidence name -> limit. A limit of time on a host
is judged at the end alone: no search may depend on how busy the computer is.

>>> from sarto.devices import any_device
>>> wanted = Budget(flash_b=64000, latency_s=0.02)
>>> steering(wanted, any_device("cortex_m4")), steering(wanted, any_device("host"))
({'flash': 64000.0, 'latency': 0.02}, {'flash': 64000.0})
"""

from __future__ import annotations

from sarto.core.budget import Budget, is_cost
from sarto.core.device import AnyDevice, Device, Host
from sarto.core.errors import SartoError
from sarto.core.units import format_quantity

SPEED = ("instructions per inference", "latency", "energy")
"""Costs of running a model, against those of holding it."""


def steering(budget: Budget, device: AnyDevice | None) -> dict[str, float]:
    """Return the limits of costs that a search for `device` goes by; None is a file."""
    limits = {name: limit for name, limit, _, _ in budget.limits() if is_cost(name)}
    return {k: v for k, v in limits.items() if not (k == "latency" and isinstance(device, Host))}


def check_limits(budget: Budget, device: AnyDevice) -> None:
    """Refuse limits of costs that nothing can be judged by on `device`.

    Raises:
        SartoError: E112, for a time or energy limit on a device whose file assumes neither, for instructions or energy
            on a host, or for more flash or RAM than the device has.
    """
    if isinstance(device, Host):
        _check_host(budget, device)
    for limit, wanted, name in (
        (budget.latency_s, device.clock_hz, "latency"),
        (budget.energy_j, device.energy_per_cycle_j, "energy"),
    ):
        if isinstance(device, Device) and limit is not None and (wanted is None or device.cycles is None):
            lacking = (
                "cycle table"
                if device.cycles is None
                else "clock"
                if name == "latency"
                else "energy per cycle"
            )
            raise SartoError(
                "E112",
                f"--{name} cannot be judged on {device.name}",
                cause=f"its device file has no {lacking}, since no source was opened",
                hint="limit --instructions, or choose one that has it: see sarto devices",
            )
    for limit, memory, name in (
        (budget.flash_b, device.flash, "flash"),
        (budget.ram_b, device.ram, "ram"),
    ):
        if limit is not None and memory is not None and limit > memory.size_b:
            there = format_quantity(memory.size_b, "B")
            raise SartoError(
                "E112",
                f"--{name} {format_quantity(limit, 'B')} > {there}, all that {device.name} has",
                cause="no image can use more than the device has",
                hint=f"leave --{name} out, or choose another device",
            )


def _check_host(budget: Budget, host: Host) -> None:
    """Refuse limits of what is not measured on a host."""
    for limit, name, cause in (
        (budget.instructions, "instructions", "this computer runs the model itself, and counts none"),
        (budget.energy_j, "energy", "nothing here measures it"),
    ):
        if limit is not None:
            raise SartoError(
                "E112",
                f"--{name} cannot be judged on {host.name}",
                cause=cause,
                hint="limit --latency, which is measured, or choose another device of `sarto devices`",
            )
