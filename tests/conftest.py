"""What every test stands on: one BLAS thread, types checked at run time, no silent skips."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

# Libraries that load later, and every process that a test starts, read these.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[_name] = "1"
# A user's own settings must not reach the tests; SARTO_DATA says where real data lie.
for _name in [name for name in os.environ if name.startswith("SARTO_") and name != "SARTO_DATA"]:
    del os.environ[_name]
os.environ["MPLBACKEND"] = "agg"

import hypothesis  # noqa: E402
import jaxtyping  # noqa: E402
import pytest  # noqa: E402
from jaxtyping import install_import_hook  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

import tests.typecheck  # noqa: E402

assert "sarto" not in sys.modules, "sarto was imported before its types could be checked"
tests.typecheck.sample_calls()
install_import_hook("sarto", f"{tests.typecheck.__name__}.{tests.typecheck.check.__name__}")
threadpool_limits(1)  # the BLAS that has loaded already
hypothesis.settings.register_profile("sarto", deadline=None, derandomize=True)
hypothesis.settings.load_profile("sarto")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that CI runs with."""
    parser.addoption("--no-skips", action="store_true", help="a skip fails, unless it is marked may_skip")


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid}: skipped, which --no-skips refuses: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Refuse a skipped test."""
    report = yield
    if item.config.getoption("--no-skips") and report.skipped and item.get_closest_marker("may_skip") is None:
        _refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse a skipped file."""
    report = yield
    if collector.config.getoption("--no-skips") and report.skipped:
        _refuse(report)
    return report


def pytest_runtest_setup() -> None:
    """Check types of every function's first calls in every test, and give each the same random numbers."""
    tests.typecheck.begin_test()
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data that SARTO_DATA names."""
    if not (folder := os.environ.get("SARTO_DATA")):
        pytest.skip("needs real data: set SARTO_DATA to their folder")
    return Path(folder)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """`once(name, make)`: the folder `name`, which `make` fills in one of the run's processes for all of them.

    Marks of pytest-xdist that keep tests in one process have no effect with pytest 9.2, so nothing relies on them.
    """
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder = base / name
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                unfinished = base / f"{name}.unfinished"
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir()
                make(unfinished)
                unfinished.rename(folder)
        return folder

    return made


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium browser, for looking at what a person would see."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("needs the program chromium")
    return found


@pytest.fixture
def unchecked_types() -> Generator[None]:
    """What a user meets who passes a wrong type: outside of the tests nothing checks types but our own errors."""
    settings: Any = jaxtyping.config
    settings.update("jaxtyping_disable", True)
    yield
    settings.update("jaxtyping_disable", False)
