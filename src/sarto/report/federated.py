"""What a federation came to, as the page and the JSON document show it.

Returns `Federated`, a plain value of tables, evidence and findings that whoever ran the federation fills in.

| table | a row for each |
|---|---|
| methods | method (a chain of stages): accuracy, rounds, bytes both ways, computations, what the first accuracy took |
| rounds | method and round: who was asked, answered, was late, heard twice, refused; bytes; drift |
| accuracy | method and look at the model: round, bytes on the air until then, accuracy |
| clients | client: items, test items, and the accuracy of each method on them |
| classes | client: its items of each class |
| drift | level of unevenness and method: cosine and ratio of what clients changed, accuracy |
| device | figure of the image, where one is made: its value, unit and how it was come by |
| leaks of clients | client: what its upload reveals, see `sarto.audit.leaks` |

>>> found = Federated("demo", "8 clients", "sarto federate simulate demo.toml", (), (), {}, {})
>>> Federated.from_json(found.to_json()) == found
True
"""

from __future__ import annotations

from sarto.report.told import Told


class Federated(Told):
    """A federation that was simulated; `evidence` are figures of the first method."""

    FORMAT = "sarto-federation/1"
