"""FedAvg: clients train, the server averages.

Source: McMahan et al., "Communication-efficient learning of deep networks from decentralized data", AISTATS 2017,
algorithm 1.

>>> Method(rate=0.5).plan()[0].who
'sample'
"""

from __future__ import annotations

from sarto.learn.federated._gradient import Averaging


class Method(Averaging):
    """Plain averaging, weighted by the clients' numbers of items."""
