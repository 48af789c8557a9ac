"""A policy with what the command line says of it: `tail_risk` keeps the share of late jobs that `--late` allows.

Other policies leave that share to the manager, and are named.

>>> policy_of("min_energy", 0.05), policy_of("tail_risk", 0.05).target
('min_energy', 0.05)
"""

from __future__ import annotations

from sarto.runtime.policies import tail_risk
from sarto.runtime.policies._choice import Policy


def policy_of(name: str, late: float) -> str | Policy:
    """Return the policy `name` for a share of late jobs."""
    return tail_risk.Policy(target=late) if name == tail_risk.__name__.rpartition(".")[2] else name
