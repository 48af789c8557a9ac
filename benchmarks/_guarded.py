"""Containers read in a process of their own, under a limit of memory and of time, and what came of each.

`python -m benchmarks._guarded COUNT FIRST` reads `COUNT` cases of each family, from the one at place `FIRST` of all on,
and writes one line of JSON for each; `judged` starts it, and goes on after a case that ends or outstays the process.

>>> verdict = tried("a bit flipped", 0)
>>> verdict["what"], verdict["code"]
('refused', 'E131')
"""

from __future__ import annotations

import json
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._containers import NAMES, Whole, whole
from benchmarks._hostile import ATTACKS, DAMAGE
from sarto.compress.container import Contents, from_bytes, read, to_bytes
from sarto.core.errors import SartoError

MOST_B = 1 << 18
"""Largest network that the cases may declare: 65,536 parameters."""
CASE_S, DEAD_S = 20, 600
"""A case that takes longer is interrupted (seconds of the processor), and then the process is ended (of the clock)."""
ROOM_B = 512 << 20
"""Address space that the process may take beyond what it has after its imports."""
DECLARED, FILE, FREE_B = 24, 200, 2 << 20
"""Memory that reading may take: times what is declared, times the file, and in any case."""
GOOD = ("E131", "E132")
READY = "ready\n"


def tried(family: str, number: int) -> dict[str, Any]:
    """Return what came of one case: `refused`, `exact`, `a network` (of an attack), or a fault."""
    good, data = case(family, number)
    with tempfile.TemporaryDirectory(prefix="sarto-") as folder:
        path = Path(folder, "net.sarto")
        path.write_bytes(data)
        begun = time.process_time()
        tracemalloc.start()
        try:
            what, code, contents = _read(path)
            peak_b = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        seconds = time.process_time() - begun
        declared_b = 0
        if contents is not None:
            declared_b = 4 * contents.architecture.size
            what = _compared(contents, good, family in DAMAGE)
    if peak_b > DECLARED * (declared_b or MOST_B * (code == "E131")) + FILE * len(data) + FREE_B:
        what = "too much memory"
    return {"what": what, "code": code, "peak_b": peak_b, "declared_b": declared_b, "seconds": seconds}


def case(family: str, number: int) -> tuple[Whole, bytes]:
    """Return the container that a case is made of, and its bytes."""
    families = [*DAMAGE, *ATTACKS]
    random = np.random.default_rng([families.index(family), number, 11])
    good = whole(NAMES[int(random.integers(len(NAMES)))])
    return good, {**DAMAGE, **ATTACKS}[family](good, random)


def _read(path: Path) -> tuple[str, str, Contents | None]:
    """Read a file and every tensor in it."""
    try:
        contents = read(path, MOST_B)
        for name in contents.architecture.parameters:
            contents.tensors[name].restore()
    except SartoError as error:
        worded = error.code in GOOD and error.message and (error.cause or error.hint)
        return ("refused" if worded else f"another error, {error.code}"), error.code, None
    return "read", "", contents


def _compared(contents: Contents, good: Whole, damaged: bool) -> str:
    """Return whether a network that was read is the one that was written or, of an attack, whole in itself."""
    arrays = contents.arrays()
    if damaged:
        wanted = {name: stored.restore() for name, stored in good.tensors.items()}
        same = contents.architecture == good.architecture and list(arrays) == list(wanted)
        same = same and contents.activations == good.activations
        return "exact" if same and _alike(arrays, wanted) else "another network"
    data, _ = to_bytes(contents.architecture, dict(contents.tensors), "rans", True, contents.activations)
    again = from_bytes(data, MOST_B)
    same = (again.architecture, again.activations) == (contents.architecture, contents.activations)
    if not same or not _alike(arrays, again.arrays()):
        return "not whole in itself"
    from sarto.models.network.module import Network

    try:
        Network(contents.architecture).load_arrays(arrays)
    except SartoError as error:
        return "a network" if error.code == "E122" else f"another error, {error.code}"
    return "a network"


def _alike(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return all(first[name].tobytes() == second[name].tobytes() for name in second)


def judged(count: int) -> Iterator[dict[str, Any]]:
    """Yield what came of `count` cases of each family, tried in a process that is begun again if it ends early."""
    cases, first = _cases(count), 0
    while first < len(cases):
        command = [sys.executable, "-m", "benchmarks._guarded", str(count), str(first)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == READY, "the process has started"
        while first < len(cases):
            ready, _, _ = select.select([process.stdout], [], [], DEAD_S)
            line = process.stdout.readline() if ready else ""
            said = json.loads(line) if line else {"what": "crash" if ready else "hang"}
            family, number = cases[first]
            yield {**said, "family": family, "number": number}
            first += 1
            if not line:
                break
        process.kill()
        process.wait()


def _cases(count: int) -> list[tuple[str, int]]:
    return [(family, number) for family in (*DAMAGE, *ATTACKS) for number in range(count)]


def _interrupted(*_: object) -> None:
    raise TimeoutError


def main(count: int, first: int) -> None:
    """Try cases under the limits, and write a line for each."""
    import torch

    from sarto.models.network.module import Network

    torch.set_num_threads(1)
    for name in NAMES:
        Network(whole(name).architecture)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + ROOM_B, size + ROOM_B))
    warnings.simplefilter("error")
    signal.signal(signal.SIGPROF, _interrupted)
    print(READY, end="", flush=True)
    for family, number in _cases(count)[first:]:
        signal.setitimer(signal.ITIMER_PROF, CASE_S)
        try:
            said = tried(family, number)
        except TimeoutError:
            said = {"what": "hang"}
        except MemoryError:
            said = {"what": "too much memory"}
        except Exception as error:  # whatever it is: an exception without words is what is looked for
            said = {"what": f"exception, {type(error).__name__}: {str(error)[:120]}"}
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
