"""Tests that pass a wrong type on purpose."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import jaxtyping
import pytest


@pytest.fixture
def unchecked_types() -> Generator[None]:
    """What a user meets who passes a wrong type: outside of the tests nothing checks types but our own errors."""
    settings: Any = jaxtyping.config
    settings.update("jaxtyping_disable", True)
    yield
    settings.update("jaxtyping_disable", False)
