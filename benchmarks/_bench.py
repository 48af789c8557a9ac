"""What the runner hands to a benchmark: how much to do, and a store that makes a stopped benchmark resume.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     bench = Bench("example", False, 1, Path(folder), "0" * 64, lambda text: None)
...     bench.once({"seed": 0}, dict, [("value", 1)]), bench.once({"seed": 0}, dict, [("value", 2)])
({'value': 1}, {'value': 1})
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sarto.core.errors import SartoError
from sarto.core.store import Store, content_hash, file_sha256, package_sha256

SEEDS = 5
"""Seeds of a claim that is a mean or a median over seeds, as the claims themselves say."""

T = TypeVar("T")


@dataclass(frozen=True)
class Bench:
    """One run of a benchmark.

    Attributes:
        name: of the benchmark.
        quick: show that it works, with less of everything and no bar.
        workers: processes, and cores, to use.
        folder: kept between runs.
        code_sha256: of the benchmark's own file and of all that it imports from `benchmarks`, see `code_sha256`.
        say: takes a line for whoever waits.
    """

    name: str
    quick: bool
    workers: int
    folder: Path
    code_sha256: str
    say: Callable[[str], None]

    @property
    def seeds(self) -> range:
        """Seeds to run: all of the claim, or one."""
        return range(1 if self.quick else SEEDS)

    def once(self, settings: Mapping[str, Any], work: Callable[..., T], *arguments: Any) -> T:
        """Return what `work(*arguments)` returned for these `settings`, now or in a run of the same code before.

        Args:
            settings: JSON-able values; together with the code they decide the result.
            work: returns plain JSON values.
            arguments: of `work`.
        """
        key = content_hash(self.name, package_sha256(), self.code_sha256, dict(settings))
        store = Store(self.folder / "kept")
        if (kept := store.get(key)) is None:
            kept = work(*arguments)
            store.put(key, kept)
        return kept


def code_sha256(path: Path) -> str:
    """Return the SHA-256 over the file of a benchmark and the files beside it that it imports, and these import.

    What is kept of a run is never taken for that of other code. The package itself counts by `package_sha256`.
    """
    found, waiting = set[Path](), [path.resolve()]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imported(file)
    return content_hash(*((file.name, file_sha256(file)) for file in sorted(found)))


def _imported(file: Path) -> list[Path]:
    """Return the files beside `file` that any line of it imports."""
    names = list[str]()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{each.name}" for each in node.names] + [str(node.module)]
        elif isinstance(node, ast.Import):
            names += [each.name for each in node.names]
    parts = [name.split(".") for name in names if name.startswith("benchmarks.")]
    beside = {file.parent / f"{part[1]}.py" for part in parts}
    return [path for path in beside if path.exists()]


def real_data(path: str) -> str:
    """Return where `path` lies in the folder of real data, which the environment variable SARTO_DATA names.

    Raises:
        SartoError: E101, when it is not set, or there is no such folder.
    """
    folder = os.environ.get("SARTO_DATA", "")
    if not Path(folder).is_dir() or not folder:
        cause = f"SARTO_DATA is '{folder}', which is no folder" if folder else "SARTO_DATA is not set"
        raise SartoError(
            "E101",
            f"this benchmark needs {path}",
            cause=cause,
            hint="set SARTO_DATA to the folder of real data",
        )
    return str(Path(folder) / path)
