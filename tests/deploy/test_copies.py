"""Tables that lie in the flash twice: the model says the same, and a wrong bit in any of them is corrected."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest

from sarto.core.bits import Places
from sarto.core.errors import SartoError
from sarto.core.graph import Graph
from sarto.deploy.c.emit import emit
from sarto.deploy.copies import TOTAL, copied, copy_b, sealed, table_sizes, words
from sarto.deploy.guard import Copies, Guards, guarded
from sarto.deploy.sums import rotating_sum
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.guard import build_guarded
from sarto.measure.host import run_on_host
from sarto.measure.injection import Answers, Injector
from sarto.measure.model import RawSequences, of_items, outputs
from sarto.measure.outputs import check_equal
from tests.core.graph.companions import STATISTICS, companion
from tests.core.graph.graphs import raw_words, small_graph
from tests.core.graph.layers import PARTS, layered
from tests.deploy.c.chains import chain, items

HEADS = ("readout", "forest", "random_features")
GRAPH = chain(3, 2)
NETWORK = emit(GRAPH)
GIVEN = of_items(items(GRAPH, 3))


def reservoir() -> tuple[Graph, RawSequences]:
    return small_graph(1, units=5, channels=2, word="int16"), RawSequences(*raw_words(3, [6, 9], 2, "int16"))


@cache
def machine(of: str, guards: str) -> Injector:
    graph, given = (GRAPH, GIVEN) if of == "network" else reservoir()
    return Injector(build_guarded(emit(graph), device("cortex_m4"), Guards.of(guards))[0], given.listed())


def at(injector: Injector, name: str) -> tuple[int, int]:
    """Where a table or a variable begins in its memory, and its bytes."""
    (symbol,) = (s for s in injector.image.contents.symbols if s.name == name)
    for memory in (injector.image.device.ram, injector.image.device.flash):
        if symbol.address >= memory.origin:
            return symbol.address - memory.origin, symbol.size_b
    raise AssertionError(name)


def right(injector: Injector, said: Answers) -> bool:
    return bool(said.answered.all()) and np.array_equal(said.scores, injector.golden.scores)


def test_a_copy_adds_up_to_the_total_and_one_wrong_bit_does_not() -> None:
    table = sealed(words("int16_t", list(range(-7, 8))))
    assert len(table) == 12 and copy_b([30 + 2]) == table.nbytes
    assert rotating_sum(table) == TOTAL and rotating_sum(np.zeros(8, np.uint32)) != TOTAL
    for bit in range(32 * len(table)):
        wrong = table.copy()
        wrong[bit // 32] ^= np.uint32(1 << bit % 32)
        assert rotating_sum(wrong) != TOTAL


def test_a_model_with_copies_says_the_same_on_this_host() -> None:
    for graph, given in ((GRAPH, GIVEN), reservoir()):
        sources = emit(graph)
        few = tuple(table_sizes(sources["model.c"]))[1::2]
        made = run_on_host(copied(sources, few), given.listed(), sanitize=True)
        check_equal(outputs(graph, given), made, "NumPy", "C with copies")


@pytest.mark.parametrize("name", ["cortex_m4", "rv32imc"])
def test_a_model_with_copies_says_the_same_on_a_device(name: str) -> None:
    made = build(copied(NETWORK, ()), device(name))
    assert not made.diagnostics
    check_equal(outputs(GRAPH, GIVEN), emulate(made, GIVEN.listed()).outputs, "NumPy", name)
    (kept,) = (s for s in made.contents.symbols if s.name == "kept")
    assert kept.size_b == 2 * copy_b(list(table_sizes(NETWORK["model.c"]).values()))


def test_a_wrong_bit_of_a_network_s_tables_is_corrected_whenever_it_comes() -> None:
    of, rng = machine("network", "flash,copy"), np.random.default_rng(0)
    first, size_b = at(of, "kept")
    for byte in range(0, size_b, 23):
        place = Places([first + byte], [byte % 8])
        assert right(of, of.flash(place)), byte
        assert right(of, of.flash(place, moment=int(rng.integers(of.total)))), byte


def test_a_wrong_bit_of_a_reservoir_s_tables_is_corrected_from_the_next_start_on() -> None:
    of = machine("reservoir", "copy")
    first, size_b = at(of, "kept")
    for byte in range(0, size_b // 2, 13):
        place = Places([first + byte], [byte % 8])
        assert right(of, of.flash(place)), byte
        late = of.flash(place, moment=of.total - 10)
        assert not late.answered[-1] or late.scores[-1].tolist() == of.golden.scores[-1].tolist()
        during = of.flash(place, moment=of.total // 3)
        np.testing.assert_array_equal(
            during.scores[during.answered], of.golden.scores[during.answered], str(byte)
        )
    assert not of.flash(Places([first], [0]), moment=of.total // 3).answered.all()


@pytest.mark.parametrize("of", ["network", "reservoir"])
def test_there_is_no_answer_when_both_copies_are_wrong(of: str) -> None:
    injector = machine(of, "copy")
    first, size_b = at(injector, "kept")
    assert not injector.flash(Places([first, first + size_b // 2], [0, 0])).answered.any()


def test_a_wrong_bit_of_the_choice_is_harmless() -> None:
    of = machine("network", "copy")
    first, _ = at(of, "second")
    for bit in range(32):
        assert right(of, of.ram(Places([first + bit // 8], [bit % 8]), moment=of.total // 2)), bit


def test_what_a_sum_over_the_flash_finds_elsewhere_still_stops_the_answers() -> None:
    of = machine("network", "flash,copy")
    handler, _ = at(of, "fault")
    assert not of.flash(Places([handler], [0])).answered.any()


def test_descriptors_lie_twice_with_what_they_name() -> None:
    (scale, *_) = (name for name in table_sizes(NETWORK["model.c"]) if name.startswith("scale_"))
    made = copied(NETWORK, (scale,))["model.c"]
    number = scale.removeprefix("scale_")
    assert f"_{number}_of[2]" in made or f"layer_{number}_of[2]" in made
    assert f"static const int32_t {scale}[" not in made and made.count("weights_0[") == 1


def test_no_parameter_or_member_is_called_like_a_table() -> None:
    bodies = [companion(body, head, 1) for body in (STATISTICS, "convolution") for head in HEADS]
    graphs = [GRAPH, small_graph(1), *bodies, *(layered(PARTS[name], 5) for name in PARTS)]
    for source in (emit(graph)["model.c"] for graph in graphs):
        for name in table_sizes(source):
            rest = re.sub(rf"^.*static const \w+ {name}\[", "", source, flags=re.MULTILINE)
            assert not re.search(rf"(\.|->|_t \*?|int \*?){name}\b", rest), name


def test_what_cannot_be_copied_is_refused() -> None:
    twice = copied(NETWORK, ())
    for made, names, said in (
        (twice, (), "copies already"),
        (NETWORK, ("bias_77",), "bias_77"),
        ({**NETWORK, "model.c": ""}, (), "no table"),
    ):
        with pytest.raises(SartoError, match=said) as caught:
            copied(made, names)
        assert caught.value.code == "E150"
    with pytest.raises(SartoError) as caught:
        guarded(twice, Guards(copy=Copies()))
    assert caught.value.code == "E150"
    for text, code in (("copy:", "E110"), ("copy:2", "E110"), ("copy,copy:2kB", "E150"), ("copied", "E150")):
        with pytest.raises(SartoError) as caught:
            Guards.of(text)
        assert caught.value.code == code
