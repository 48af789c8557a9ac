from __future__ import annotations

import pickle

from sarto.core.errors import SartoError
from sarto.models.input_error import InputError


def test_it_is_both_and_survives_a_process_border() -> None:
    error = InputError("E116", "leak = 2", cause="too large", hint="use 1")
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, InputError)
    assert isinstance(copy, ValueError)
    assert isinstance(copy, SartoError)
    assert (str(copy), copy.exit_code) == (str(error), 2)
