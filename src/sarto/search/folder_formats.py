"""Number formats of the network in a finished folder of `sarto compress`, judged on the test items of its data.

The network is the one that its file gives back; its weights are rounded to each format once more, and put under errors
in their stored bits (`sarto.audit.formats`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sarto.core.artifact import read_manifest
from sarto.core.errors import SartoError
from sarto.core.progress import Talk
from sarto.search.predicted_rows import check_source
from sarto.search.shrink_folder import FILE

if TYPE_CHECKING:
    from sarto.audit.formats import FormatAudit


def folder_formats(out: Path, data: str | None, command: str, talk: Talk) -> FormatAudit:
    """Return what number formats cost the network in `out`.

    Args:
        out: the folder.
        data: what the network was shrunk on.
        command: that shows the figures again.
        talk: hears each judgement.

    Raises:
        SartoError: E112, when there is no network in a file, or no data; E162, when `data` are others.
    """
    manifest = read_manifest(out)
    if FILE not in manifest["files"]:
        cause = "it computes in integers only, whose bits --faults looks at"
        hint = "sarto audit OUT --faults; formats are asked of what sarto compress wrote"
        raise SartoError("E112", f"{out} holds no network in floats", cause=cause, hint=hint)
    if data is None:
        raise SartoError(
            "E112",
            "--formats needs --data",
            cause="a network is judged on its test items",
            hint="--data DATA",
        )
    request = check_source(out, data)
    if request.get("front_end"):
        cause = "its network takes what an integer front end makes of sound"
        raise SartoError(
            "E112", f"{out} hears through a front end", cause=cause, hint="audit it with --faults"
        )
    from sarto.audit.format_network import of_network
    from sarto.audit.formats import formats
    from sarto.compress.container import MOST_B
    from sarto.compress.state import restored
    from sarto.data.examples import read_examples, shaped

    network: Any = restored((out / FILE).read_bytes(), MOST_B).eval()
    test = shaped(read_examples(data, int(request["seed"])).test, network.architecture.input_shape)
    arrays, accuracy = of_network(network, test.x, test.y)
    return formats(arrays, accuracy, command=command, subject_sha256=str(manifest["sha256"]), talk=talk)
