"""Evidence of what a network takes as a file: the bytes of its container, and how many times less than in float32.

>>> [(e.what, e.value) for e in storage_evidence(1000, 6666, command="sarto compress", subject="ab")]
[('flash', 1000.0), ('compression', 26.664)]
"""

from __future__ import annotations

from sarto.core.evidence import Evidence

FLOAT_B = 4
TOOL = "size of the container file: storage only, no code that runs it"


def storage_evidence(size_b: int, parameters: int, *, command: str, subject: str) -> list[Evidence]:
    """Return `flash`, the bytes of the file, and `compression`, how often it goes into the parameters in float32.

    Args:
        size_b: of the whole file.
        parameters: of the network as it was given, running means and variances among them.
        command: that shows it again.
        subject: hash of the file.
    """
    ratio = FLOAT_B * parameters / size_b
    return [
        Evidence("flash", float(size_b), "B", "measured", TOOL, command=command, subject_sha256=subject),
        Evidence("compression", ratio, "1", "measured", TOOL, command=command, subject_sha256=subject),
    ]
