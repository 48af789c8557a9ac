"""Gates as JUnit XML, which every CI service reads: one test case for each gate.

Source: the schema that Jenkins publishes for its xUnit plugin (`junit-10.xsd`).

>>> from sarto.report.audited import GateRow
>>> print(junit("net", (GateRow("gain >= 0pp", False, "worst -3 points", (("sex=f", "-3 points"),)),), 1.5).decode())
<?xml version='1.0' encoding='utf-8'?>
<testsuites tests="1" failures="1" time="1.500"><testsuite name="sarto audit net" tests="1" failures="1" errors="0" \
skipped="0" time="1.500"><testcase classname="sarto audit net" name="gain &gt;= 0pp"><failure \
message="worst -3 points" type="gate">sex=f: -3 points</failure></testcase></testsuite></testsuites>
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from sarto.report.audited import GateRow

_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, escaped or not."""


def junit(name: str, gates: Sequence[GateRow], seconds: float) -> bytes:
    """Return the gates as one test suite.

    Args:
        name: of what was audited.
        gates: that were judged.
        seconds: that the audit took.
    """
    failed = sum(not gate.passed for gate in gates)
    counts = {"tests": str(len(gates)), "failures": str(failed)}
    time = {"time": f"{seconds:.3f}"}
    suites = ET.Element("testsuites", counts | time)
    title = _clean(f"sarto audit {name}")
    suite = ET.SubElement(
        suites, "testsuite", {"name": title, **counts, "errors": "0", "skipped": "0", **time}
    )
    for gate in gates:
        case = ET.SubElement(suite, "testcase", {"classname": title, "name": _clean(gate.text)})
        if not gate.passed:
            failure = ET.SubElement(case, "failure", {"message": _clean(gate.found), "type": "gate"})
            failure.text = "\n".join(_clean(f"{what}: {found}") for what, found in gate.failing) or None
        else:
            ET.SubElement(case, "system-out").text = _clean(gate.found)
    return ET.tostring(suites, encoding="utf-8", xml_declaration=True)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text.replace("\u00a0", " "))
