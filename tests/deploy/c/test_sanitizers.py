"""The generated C under AddressSanitizer and UndefinedBehaviorSanitizer, as a program of this host's own compiler.

It is the harness of a board, with a board that is this host. Nothing is read or written outside of its array, and
nothing undefined happens, with inputs at the ends of their words among the others; answers are the interpreter's.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from sarto.core.graph import Graph, Window
from sarto.deploy.c.emit import emit
from sarto.deploy.c.program import harness_sources
from sarto.measure.board import Heard
from sarto.measure.model import RawSequences, outputs
from sarto.measure.outputs import check_equal
from sarto.measure.zig import write_sources
from tests.core.graph.companions import STATISTICS, companion
from tests.core.graph.graphs import raw_words, small_graph
from tests.core.graph.layers import PARTS, layered

GRAPHS = {
    "dense, 16 bits": small_graph(1, units=11, channels=6, segments=2, segment_steps=3, steep=True),
    "dense, 8 bits": small_graph(2, units=10, channels=3, bits=8, kind="last", word="int8"),
    "ring": small_graph(3, units=5, ring=True, kind="mean_square", word="int32", forecast=True),
    "generated, 16 bits": small_graph(1, units=9, channels=6, start=2463534242, steep=True),
    "generated, 8 bits": small_graph(
        2, units=8, channels=3, start=2**32 - 1, bits=8, kind="last", word="int8"
    ),
    "windows": small_graph(4, units=7, window=Window(6, 2), kind="mean_square_last"),
    "statistics": companion(STATISTICS, "readout", 1, segments=3, segment_steps=4, wide=True),
    "forest": companion(STATISTICS, "forest", 2, window=Window(6, 4), channels=3),
    "random features": companion(("mean", "least"), "random_features", 3, channels=3, cosine=True),
    "convolution": companion("convolution", "readout", 4, segments=2, segment_steps=5, channels=3),
    "convolution, vector": companion("convolution", "random_features", 5, window=Window(9, 3)),
    **{
        f"layers: {name}, {bits} bits": layered(
            parts, 6, bits=bits, window=window, steep=bits == 16, channels=3
        )
        for name, parts in PARTS.items()
        for bits, window in ((16, None), (8, Window(6, 2)))
        if name in ("memory and rotation", "memories", "three cells", "generated twice", "fine layers")
    },
}
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]


def built(graph: Graph, sequences: RawSequences, folder: Path) -> Path:
    program = shutil.which("gcc")
    if program is None or platform.system() != "Linux":
        pytest.skip("needs the program gcc, on Linux")
    board = (Path(__file__).parent / "host_board.c").read_text(encoding="utf-8")
    sources = {**emit(graph), **harness_sources(sequences.listed(), graph.sha256)}
    del sources["say.c"], sources["counter.c"]
    inputs = write_sources({**sources, "host_board.c": board}, folder)
    command = [program, "-std=c99", "-O1", "-g", *SANITIZERS, *inputs, "-o", "model"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "model"


@pytest.mark.parametrize("kind", GRAPHS)
def test_nothing_is_touched_outside_and_nothing_is_undefined(kind: str, tmp_path: Path) -> None:
    graph = GRAPHS[kind]
    window = graph.window
    lengths = [6, 1, 9, 13, 40, 2] if window is None else [window.length] * 5
    raw, offsets = raw_words(7, lengths, len(graph.channels), graph.by_name["raw"].dtype)
    sequences = RawSequences(raw, offsets)
    done = subprocess.run(
        [built(graph, sequences, tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    heard = Heard.read(done.stdout)
    check_equal(outputs(graph, sequences), heard.outputs, "the NumPy interpreter", "the sanitized program")
    assert heard.model == graph.sha256


def test_a_read_beyond_an_array_would_be_seen(tmp_path: Path) -> None:
    graph = companion(STATISTICS, "forest", 6, channels=3)
    raw, offsets = raw_words(7, [6], 3)
    graph.const("tree_child")[:2] = len(graph.const("tree_feature"))
    program = built(graph, RawSequences(raw, offsets), tmp_path)
    done = subprocess.run([program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "AddressSanitizer" in done.stderr or "runtime error" in done.stderr
