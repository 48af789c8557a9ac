"""`--no-skips` refuses what CI must not skip, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SKIPS = {
    "by call": ("def test_it():\n    pytest.skip('no board')\n", 1),
    "by mark": ("@pytest.mark.skip(reason='no board')\ndef test_it():\n    pass\n", 1),
    "by fixture": (
        "@pytest.fixture\ndef board():\n    pytest.skip('no board')\n\ndef test_it(board):\n    pass\n",
        1,
    ),
    "whole file": ("pytest.importorskip('no_such_module', reason='no board')\n", 2),
    "allowed": ("@pytest.mark.may_skip(reason='rare')\ndef test_it():\n    pytest.skip('no board')\n", 0),
    "nothing": ("def test_it():\n    pass\n", 0),
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
    source, status = SKIPS[kind]
    result = run_pytest(tmp_path, source, "--no-skips")
    assert result.returncode == status, result.stdout + result.stderr
    assert ("which --no-skips refuses: " in result.stdout) == bool(status)
    if status:
        assert "no board" in result.stdout


def test_without_the_option_a_skip_passes(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, SKIPS["by fixture"][0]).returncode == 0
