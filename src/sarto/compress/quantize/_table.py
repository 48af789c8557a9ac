"""What codebooks and ternary weights share: values out of a small table, and how such a weight is stored.

>>> stored_values(torch.tensor([[0.5, 0.0], [-2.0, 0.5]])).floats.tolist()
[0.0, -2.0, 0.5]
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sarto.compress.stored import Stored, rising


def stored_values(weight: Tensor) -> Stored:
    """Return float16 values as a table that rises behind its 0, without entries that no weight has."""
    values = weight.detach().cpu().numpy()
    table, symbols = rising(values)
    short = table.astype(np.float16)
    assert np.array_equal(short.astype(np.float32), table), "the values are float16 numbers"
    return Stored.of_table(values.shape, symbols, short)


def looked_up(table: Tensor, symbols: Tensor) -> Tensor:
    """Return `table[symbols - 1]`, and 0 at symbol 0; the gradient of an entry is the sum of those of its weights."""
    whole = torch.cat([table.new_zeros(1), table])
    return whole.index_select(0, symbols.reshape(-1)).reshape(symbols.shape)
