"""The examples in the docstrings of the site's parts."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import docs._parts

MODULES = ["docs._parts", *(f"docs._parts.{m.name}" for m in pkgutil.iter_modules(docs._parts.__path__))]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(name: str) -> None:
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert failed == 0
