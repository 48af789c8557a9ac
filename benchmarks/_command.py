r"""Runs commands as a user would, in a folder of their own and without the user's settings, and weighs them.

>>> with tempfile.TemporaryDirectory() as folder:
...     done = run([sys.executable, "-c", "print(6 * 7)"], Path(folder))
>>> done.status, done.stdout, 0 < done.cpu_s < done.wall_s + 1
(0, '42\n', True)
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sarto.core.errors import SartoError
from sarto.search.candidates import searched_together

SARTO = (sys.executable, "-m", "sarto")
README = Path(__file__).resolve().parent.parent / "README.md"


@dataclass(frozen=True)
class Finished:
    """A command that ended: exit status, what it wrote, wall and processor time (with its children) in seconds.

    `peak_b` is the most memory that it held, in bytes, with the pages of files that it had mapped; never less than this
    process held when it started the command.
    """

    status: int
    stdout: str
    stderr: str
    wall_s: float
    cpu_s: float
    peak_b: int


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment as a new user has it, without settings of sarto or of BLAS threads, plus `more`."""
    kept = {k: v for k, v in os.environ.items() if not (k.startswith("SARTO_") or k.endswith("_NUM_THREADS"))}
    return {**kept, **(more or {})}


def run(words: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Finished:
    """Run the command `words` in `folder` and return how it ended."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as talk:
        start = time.perf_counter()
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=clean_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=talk,
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        talk.seek(0)
        said, told = (file.read().decode(errors="replace") for file in (out, talk))
    return Finished(
        process.returncode, said, told, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
    )


def check(done: Finished, what: str) -> Finished:
    """Return `done` if it ended well.

    Raises:
        SartoError: E402, with the last line that it wrote.
    """
    if done.status != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing was written").splitlines()
        cause = f"exit status {done.status}; {next((s for s in said if 'error[' in s), said[-1])}"
        raise SartoError("E402", f"{what} failed", cause=cause, hint="run the command by hand")
    return done


def readme_fit(out: str, *more: str) -> list[str]:
    """Return the words of the `sarto fit` in the README's first command, with `-o out` and `more` words.

    It tries the families that there are after the README's installation, which brings no torch.
    """
    found = re.search(r"bin/sarto (fit .+)", README.read_text(encoding="utf-8"))
    assert found, "the README's first command runs `sarto fit`"
    words = shlex.split(found[1])
    words[words.index("-o") + 1] = out
    return [*SARTO, *words, *more, "--families", ",".join(searched_together())]
