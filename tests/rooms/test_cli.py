"""The generic suite of the command line: every verb is one file, says what it is, and answers its help at once."""

import ast
import shlex
from pathlib import Path

import click
import pytest

from sarto.cli._program import PROGRAM
from sarto.cli._verb import Verb
from sarto.core.rooms import load_method, methods

ROOM = "sarto.cli"
VERBS = methods(ROOM)


@pytest.fixture(params=VERBS)
def verb(request: pytest.FixtureRequest) -> Verb:
    """The command of each verb."""
    command = load_method(ROOM, request.param).command
    assert isinstance(command, Verb)
    assert command.name == request.param
    return command


def test_a_verb_says_what_it_is(verb: Verb) -> None:
    assert verb.short_help
    assert verb.short_help.endswith(".")
    assert len(verb.short_help) < 100
    assert verb.help


def test_the_example_of_a_verb_is_a_call_of_it_that_parses(verb: Verb) -> None:
    program, name, *words = shlex.split(verb.example)
    assert (program, name) == ("sarto", verb.name)
    with verb.make_context(name, list(words), parent=click.Context(PROGRAM)) as context:
        if isinstance(verb, click.Group):  # of one of its own verbs, then
            _, own, words = verb.resolve_command(context, words)
            assert isinstance(own, Verb) and own.example
            context = own.make_context(own.name, words, parent=context)
        assert context.params


def test_every_option_says_what_it_does_and_has_one_name(verb: Verb) -> None:
    options = [param for param in verb.params if isinstance(param, click.Option)]
    assert all(
        (option.help and option.help.endswith((".", "%.", "'."))) or (option.help and ":" in option.help)
        for option in options
    )
    names = [name for option in options for name in option.opts]
    assert len(names) == len(set(names))
    assert all(len([name for name in option.opts if name.startswith("--")]) == 1 for option in options)


def test_no_verb_asks_back(verb: Verb) -> None:
    assert all(getattr(param, "prompt", None) is None for param in verb.params)


def test_a_verb_imports_nothing_heavy_at_its_top(verb: Verb) -> None:
    """What is imported outside functions and `if TYPE_CHECKING` must be light."""
    path = Path(str(load_method(ROOM, str(verb.name)).__file__))
    top = [
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    modules = {a.name for n in top if isinstance(n, ast.Import) for a in n.names}
    modules |= {str(n.module) for n in top if isinstance(n, ast.ImportFrom)}
    light = ("sarto.core.errors", "sarto.core.units", "sarto.core.device", "sarto.cli", "click", "rich")
    outside = {
        m for m in modules if m.startswith("sarto.") or m.split(".")[0] in ("numpy", "scipy", "click", "rich")
    }
    assert all(m.startswith(light) for m in outside), outside
