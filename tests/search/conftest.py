"""What tests of whole fits share."""

from collections.abc import Generator

import pytest

from sarto.search import building, loop


@pytest.fixture(scope="module")
def small_search() -> Generator[None]:
    """A search of few trials whose front is built for few points."""
    patch = pytest.MonkeyPatch()
    patch.setattr(loop, "BATCH", 3)
    patch.setattr(building, "SHOWN_FRONT", 1)
    yield
    patch.undo()
