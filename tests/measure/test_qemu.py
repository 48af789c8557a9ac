"""The second emulator and the second compiler: the same answers, and counts within five instructions per call."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.deploy.c.emit import emit
from sarto.devices import device
from sarto.measure import qemu
from sarto.measure.build import build
from sarto.measure.compilers import Name
from sarto.measure.emulate import emulate
from sarto.measure.model import RawSequences, outputs
from sarto.measure.outputs import check_equal
from tests.core.graph.companions import STATISTICS, companion
from tests.core.graph.graphs import raw_words, small_graph
from tests.measure.example import SEQUENCES, SOURCES, changed, expected, needs_program, needs_qemu

DEVICES = ["cortex_m0plus", "cortex_m33", "cortex_m4", "cortex_m7"]
GRAPHS = {
    "reservoir": small_graph(1, units=9, channels=5, classes=3, segments=2, segment_steps=3),
    "narrow reservoir": small_graph(2, units=10, channels=6, bits=8, kind="last"),
    "seeded reservoir": small_graph(3, units=9, channels=5, start=2463534242),
    "narrow seeded reservoir": small_graph(4, units=8, channels=6, bits=8, kind="last", start=99),
    "forest": companion(STATISTICS, "forest", 1),
    "random features": companion(STATISTICS, "random_features", 1),
    "convolution": companion("convolution", "readout", 1),
}
CLOSE = 5


@pytest.mark.parametrize("compiler", ["zig", "gcc"])
@pytest.mark.parametrize("name", DEVICES)
def test_qemu_says_and_counts_what_unicorn_does(name: str, compiler: Name) -> None:
    core = device(name)
    needs_qemu()
    needs_program(compiler, core)
    sequences = [s for s in SEQUENCES if len(s)]
    run = qemu.run(SOURCES, core, sequences, model="5eed", compiler=compiler)
    emulation = emulate(build(SOURCES, core, compiler=compiler), sequences)
    check_equal(run.heard.outputs, emulation.outputs, "QEMU", "Unicorn")
    assert np.abs(run.instructions_per_step - emulation.step_instructions.astype(float)).max() <= CLOSE
    assert np.abs(run.instructions_per_predict - emulation.predict_instructions.astype(float)).max() <= CLOSE
    assert (run.heard.model, run.heard.counter, run.heard.core) == ("5eed", "systick", run.machine.core)


@pytest.mark.parametrize("compiler", ["zig", "gcc"])
@pytest.mark.parametrize("kind", GRAPHS)
def test_models_of_every_kind_agree_on_both_emulators(kind: str, compiler: Name) -> None:
    graph, core = GRAPHS[kind], device("cortex_m4")
    needs_qemu()
    needs_program(compiler, core)
    raw, offsets = raw_words(5, [6, 1, 9, 13], len(graph.channels))
    sequences = RawSequences(raw, offsets)
    run = qemu.run(emit(graph), core, sequences.listed(), compiler=compiler)
    emulation = emulate(build(emit(graph), core, compiler=compiler), sequences.listed())
    check_equal(outputs(graph, sequences), run.heard.outputs, "NumPy", "QEMU")
    check_equal(outputs(graph, sequences), emulation.outputs, "NumPy", "Unicorn")
    assert np.abs(run.instructions_per_step - emulation.step_instructions.astype(float)).max() <= CLOSE


def test_qemu_tells_a_core_without_an_instruction_from_one_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image is built for a Cortex-M4 and uses its DSP instructions; a Cortex-M0 faults on it, and stays there."""
    needs_qemu()
    dsp = changed(new='__asm__ volatile("smlad r0, r1, r2, r3" ::: "r0");')
    m4 = device("cortex_m4")
    assert qemu.run(dsp, m4, SEQUENCES[:1]).heard.outputs.equals(expected(SEQUENCES[:1]))
    monkeypatch.setattr(qemu, "TIMEOUT_S", 3)
    with pytest.raises(SartoError, match=r"E402.*did not end within 3 s"):
        qemu.run(dsp, replace(m4, emulator_cpu="cortex-m0"), SEQUENCES[:1])


def test_a_core_without_a_board_is_named() -> None:
    with pytest.raises(SartoError, match=r"E112.*QEMU has no board for rv32imc"):
        qemu.run(SOURCES, device("rv32imc"), SEQUENCES)


def test_without_qemu_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def which(_: str) -> None:
        return None

    monkeypatch.setattr("sarto.measure.qemu.shutil.which", which)
    with pytest.raises(SartoError, match=r"E301[\s\S]*apt-get install qemu-system-arm"):
        qemu.run(SOURCES, device("cortex_m4"), SEQUENCES[:1])


def test_a_program_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_qemu()
    monkeypatch.setattr(qemu, "TIMEOUT_S", 2)
    with pytest.raises(SartoError, match=r"E402.*did not end within 2 s"):
        qemu.run(changed(new="for (;;) { }"), device("cortex_m4"), SEQUENCES[:1])


def test_only_a_cortex_m0_stands_in_for_another() -> None:
    assert {core for core, machine in qemu.MACHINES.items() if machine.stands_in} == {"cortex-m0"}
