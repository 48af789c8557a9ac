"""Windows of streams: where they lie, what class they have, and how much of them has it."""

from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sarto.core.errors import SartoError
from sarto.core.seed import generator
from sarto.data.load import load
from sarto.data.splits import split
from sarto.data.windows import Cutting, windows

STREAM = "run,activity,time_s,x,age\n" + "".join(
    f"{run},{'sit' if t < 4 else 'walk'},{t / 10},{t + 10 * index},{30 + index}\n"
    for index, run in enumerate("abcd")
    for t in range(10 - index)
)


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=5),
    st.integers(1, 6),
    st.integers(1, 6),
    st.booleans(),
)
def test_every_window_is_found_and_its_class_is_the_most_frequent(
    lengths: list[int], length: int, hop: int, gaps: bool
) -> None:
    """Against a loop over all windows."""
    draw = generator(sum(lengths), "codes", length)
    ends = list(accumulate(lengths, initial=0))
    codes: list[int] = draw.integers(0, 3, ends[-1]).tolist()
    hop, unlabelled = min(hop, length), 0 if gaps else -1
    wanted: list[tuple[int, int, int, float]] = []
    for sequence, (a, b) in enumerate(pairwise(ends)):
        for start in range(a, b - length + 1, hop):
            inside = [c for c in codes[start : start + length] if c != unlabelled]
            if inside:
                most = max(sorted(set(inside)), key=inside.count)
                wanted.append((start, sequence, most, inside.count(most) / length))
    cut = windows(np.array(ends), np.array(codes, np.int32), Cutting(length, hop), unlabelled)
    found = zip(
        cut.first.tolist(), cut.sequence.tolist(), cut.label.tolist(), cut.purity.tolist(), strict=True
    )
    assert list(found) == wanted


def test_a_stream_is_cut(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(STREAM)
    data = load(tmp_path / "s.csv", window=4, hop=2)
    assert data.lengths.tolist() == [4] * len(data)
    assert len(data) == 4 + 3 + 3 + 2
    assert data.item(1).ravel().tolist() == [2, 3, 4, 5]
    assert [data.classes[i] for i in data.target[:4]] == ["sit", "sit", "walk", "walk"]
    assert data.metadata["purity"][:4].tolist() == [1.0, 0.5, 1.0, 1.0]
    assert data.metadata["age"].tolist() == [30] * 4 + [31] * 3 + [32] * 3 + [33] * 2
    assert (data.rate_hz, data.group_name) == (10.0, "run")
    assert not set(data.metadata["run"][split(data, 0).train]) & set(
        data.metadata["run"][split(data, 0).test]
    )
    assert len(load(tmp_path / "s.csv", window=4, hop=2, where=["purity>0.6"])) == 8
    assert load(tmp_path / "s.csv", window=4, hop=2, group="none").group_name is None


def test_steps_without_a_label_count_against_the_purity(tmp_path: Path) -> None:
    text = "run,label,x\na,,1\na,u,2\na,,3\na,,4\na,v,5\na,v,6\n"
    (tmp_path / "s.csv").write_text(text)
    data = load(tmp_path / "s.csv", window=2)
    assert (data.item(0).ravel().tolist(), data.item(1).ravel().tolist()) == ([1, 2], [5, 6])
    assert data.metadata["purity"].tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("text", "window", "hop", "code"),
    [
        (STREAM, 11, None, "E104"),
        (STREAM, 4, 5, "E112"),
        (STREAM, 0, None, "E112"),
        ("label,x_0,x_1\nu,1,2\nv,2,3\n", 2, None, "E112"),
        (STREAM, None, None, "E108"),
    ],
)
def test_what_cannot_be_cut(
    tmp_path: Path, text: str, window: int | None, hop: int | None, code: str
) -> None:
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(SartoError) as caught:
        load(tmp_path / "s.csv", window=window, hop=hop)
    assert caught.value.code == code
    assert caught.value.hint


def test_data_of_items_are_not_cut() -> None:
    with pytest.raises(SartoError, match="cannot be cut"):
        load("BasicMotions", window=10)


def test_streams_of_a_watch_give_the_windows_that_their_authors_cut(real_data: Path, tmp_path: Path) -> None:
    """Written as CSV: 223 runs at 50 Hz become the 2,182 windows of 2 s, each with its class and purity."""
    names = ("subject", "watch_ax", "watch_gz")
    with np.load(real_data / "sp_sw_har" / "streams_50hz.npz") as file:
        lengths = np.diff(file["offsets"])
        run = np.repeat(np.arange(len(lengths)), lengths)
        label = file["label_names"][file["y"]]
        columns = (file["subject_names"][file["subject"]][run], file["x"][:, 6], file["x"][:, 11])
    with (tmp_path / "s.csv").open("w") as text:
        text.write(",".join(("run", "activity", *names)) + "\n")
        for row in zip(run.tolist(), label.tolist(), *(c.tolist() for c in columns), strict=True):
            text.write("{},{},{},{:.7g},{:.7g}\n".format(*row))
    data = load(tmp_path / "s.csv", window=100, hop=50)
    with np.load(real_data / "sp_sw_har" / "windows_2s_50hz.npz") as file:
        assert np.array(data.classes)[data.target].tolist() == file["label_names"][file["y"]].tolist()
        np.testing.assert_allclose(data.metadata["purity"], file["purity"], rtol=1e-6)
        np.testing.assert_allclose(data.values[:, 0], file["x"][:, :, 6].ravel(), rtol=2e-3, atol=2e-3)
    assert data.group_name == "subject"
