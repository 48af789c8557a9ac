"""`--no-skips` refuses what CI must not skip, and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIXTURE = "@pytest.fixture\ndef board():\n    pytest.skip('no board')\n\n\ndef test_it(board):\n    pass\n"
SKIPS = {
    "by call, by mark, by fixture": (
        "def test_call():\n    pytest.skip('no board')\n\n\n"
        "@pytest.mark.skip(reason='no board')\ndef test_mark():\n    pass\n\n\n" + FIXTURE,
        1,
        3,
    ),
    "whole file": ("pytest.importorskip('no_such_module', reason='no board')\n", 2, 1),
    "allowed, nothing": (
        "@pytest.mark.may_skip(reason='rare')\ndef test_rare():\n    pytest.skip('no board')\n\n\n"
        "def test_nothing():\n    pass\n",
        0,
        0,
    ),
}


def run_pytest(folder: Path, source: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest with this project's settings and conftest on one file elsewhere."""
    (folder / "test_sample.py").write_text("import pytest\n\n" + source)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", *options]
    settings = ["-c", str(ROOT / "pyproject.toml"), f"--rootdir={folder}", "-o", "pythonpath="]
    return subprocess.run(
        [*command, *settings, str(folder)], cwd=ROOT, check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize("kind", SKIPS)
def test_no_skips_refuses_a_skip(tmp_path: Path, kind: str) -> None:
    source, status, refused = SKIPS[kind]
    result = run_pytest(tmp_path, source, "--no-skips", "--tb=short")
    assert result.returncode == status, result.stdout + result.stderr
    found = re.findall(
        r"^(?:E +)?\S*test_sample\.py\S*: skipped, which --no-skips refuses: .*no board", result.stdout, re.M
    )
    assert len(found) == refused, result.stdout


def test_without_the_option_a_skip_passes(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, FIXTURE).returncode == 0
