"""Runs the generated C on this host: the second of the three interpreters, fast enough for all samples.

>>> header = '''
... #include <stdint.h>
... #define MODEL_CHANNELS 1
... #define MODEL_OUTPUTS 2
... typedef int8_t model_sample;
... typedef struct { int32_t scores[2]; } model_arena;
... void model_init(model_arena *arena);
... int model_step(model_arena *arena, const model_sample *sample);
... int model_predict(model_arena *arena);
... const int32_t *model_scores(const model_arena *arena);
... '''
>>> source = '''
... #include "model.h"
... void model_init(model_arena *a) { a->scores[0] = a->scores[1] = 0; }
... int model_step(model_arena *a, const model_sample *s) { a->scores[*s > 0] += *s; return -1; }
... int model_predict(model_arena *a) { return a->scores[1] > -a->scores[0]; }
... const int32_t *model_scores(const model_arena *a) { return a->scores; }
... '''
>>> import numpy as np
>>> outputs = run_on_host({"model.h": header, "model.c": source}, [np.array([[3], [-1]])])
>>> outputs.classes.tolist(), outputs.scores.tolist()
([1], [[-1, 3]])
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from importlib.resources import files

import numpy as np
from jaxtyping import Integer

from sarto.core.errors import SartoError
from sarto.measure.image import constants
from sarto.measure.outputs import Outputs
from sarto.measure.probe import compile_library
from sarto.measure.words import raw_words

_SANITIZE = ("-O1", "-fsanitize=undefined", "-fsanitize-minimal-runtime", "-fno-sanitize=function")


def run_on_host(
    sources: Mapping[str, str], sequences: Sequence[Integer[np.ndarray, "_ _"]], *, sanitize: bool = False
) -> Outputs:
    """Compile the model for this host, feed it the raw sensor words of `sequences`, and return what it said.

    Args:
        sources: file name -> text: `model.c`, `model.h`.
        sequences: one array of (step, channel) each, of integers.
        sanitize: look for undefined behaviour (overflow, shifts, indices) on the way; about half as fast.

    Raises:
        SartoError: E301 without a compiler; E401 when it refuses the sources; E402 when `sanitize` finds undefined
            behaviour.
    """
    model = {name: text for name, text in sources.items() if name in ("model.c", "model.h")}
    driver = {"batch.c": (files("sarto.measure") / "batch.c").read_text(encoding="utf-8")}
    library = compile_library({**model, **driver}, *(_SANITIZE if sanitize else ("-O2", "-fno-sanitize=all")))
    return run_batch(library, sources["model.h"], sequences)


def run_batch(library: ctypes.CDLL, header: str, sequences: Sequence[Integer[np.ndarray, "_ _"]]) -> Outputs:
    """Return what the model in `library`, which has `batch.c` and the model of `header`, says of `sequences`.

    Raises:
        SartoError: E402, when it was compiled to find undefined behaviour, and there is some.
    """
    fixed = constants(header)
    channels, classes = fixed["MODEL_CHANNELS"], fixed["MODEL_OUTPUTS"]
    words, steps = raw_words(sequences, channels)
    results = np.zeros((len(words) + len(sequences), 3 + classes), np.int32)
    library.batch.restype = ctypes.c_int64
    library.batch_undefined.restype = ctypes.c_char_p
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (words, steps, results)]
    room = ctypes.c_int64(len(results))
    rows = library.batch(pointers[0], pointers[1], ctypes.c_int64(len(steps)), pointers[2], room)
    if undefined := library.batch_undefined():
        raise SartoError(
            "E402",
            "the program has undefined behaviour",
            cause=f"{undefined.decode().replace('_', ' ')} on this host",
            hint="this is a fault of sarto: please report it with the output folder",
        )
    return Outputs.from_rows(results[:rows])
