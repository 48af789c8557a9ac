"""What floating point takes of the flash of a core without a unit for it: the functions that a float32 learner calls.

>>> "__aeabi_fadd" in CALLED and "__aeabi_lmul" in ANYWAY
True
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from sarto.core.device import Device
from sarto.deploy.c.program import COMPILE, SECTIONS
from sarto.measure import zig
from sarto.measure.elf import read

CALLED = ("__aeabi_fadd", "__aeabi_fsub", "__aeabi_fmul", "__aeabi_fdiv", "__aeabi_i2f", "__aeabi_f2iz")
ANYWAY = (
    "__aeabi_lmul",
    "__clzsi2",
    "compiler_rt.mulXi3.__aeabi_lmul",
    "compiler_rt.count0bits.__clzsi2_thumb1",
)
"""What an integer learner calls too, or a division of the model."""
SOURCE = """\
volatile float a, b;
volatile int n;
void reset(void)
{
    for (;;) {
        a = a + b;
        a = a - b;
        a = a * b;
        a = a / b;
        a = (float)n;
        n = (int)b;
    }
}
"""


def library_b(core: Device) -> int:
    """Return the bytes of the compiler's functions for + - * / and conversions of float32 on `core`."""
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        folder = Path(name)
        (folder / "float.c").write_text(SOURCE, encoding="utf-8")
        place = ["-target", core.target, f"-mcpu={core.cpu}", "-Os", "-gline-tables-only"]
        link = ["-Wl,--gc-sections", "-Wl,--entry=reset", "float.c", "-o", "float.elf"]
        status, said = zig.run(["cc", *place, *COMPILE, *SECTIONS, *link], folder)
        assert status == 0, said
        symbols = read((folder / "float.elf").read_bytes()).symbols
    names = {s.name for s in symbols}
    assert names >= set(CALLED), "every operation is a function"
    sizes = {s.address: s.size_b for s in symbols if s.is_code and s.name not in (*ANYWAY, "reset")}
    return sum(sizes.values())
