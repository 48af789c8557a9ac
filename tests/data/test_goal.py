"""What is to be learned: how it is asked for, and what each reader makes of it."""

from pathlib import Path

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.data.goal import Goal
from sarto.data.load import load
from sarto.data.splits import folds, split

SERIES = "time_s,temp [degC],load\n" + "".join(f"{i},{i * 73 % 211}.5,{i % 13}\n" for i in range(200))


def written(folder: Path, text: str, name: str = "toy.csv") -> Path:
    file = folder / name
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("task", "target", "horizon", "part"),
    [
        ("guessing", None, None, "no task 'guessing'"),
        ("classification", None, 3, "a horizon of 3 steps for classification"),
        ("regression", "y", 3, "a horizon of 3 steps for regression"),
        ("forecasting", None, 3, "nothing says what to forecast"),
        ("forecasting", "y", 0, "a horizon of 0 steps"),
    ],
)
def test_what_cannot_be_asked_for(task: str, target: str | None, horizon: int | None, part: str) -> None:
    with pytest.raises(SartoError) as caught:
        Goal.of(task, target, horizon)
    assert caught.value.code == "E112"
    assert part in caught.value.message
    assert caught.value.hint


def test_a_class_may_have_a_comma_in_its_column() -> None:
    assert Goal.of("classification", "a,b", None).targets == ("a,b",)
    assert Goal.of("regression", "a, b,a", None).targets == ("a", "b")


def test_a_row_per_item(tmp_path: Path) -> None:
    text = "label,x_0,x_1,weight [kg],subject\n1.5,1,2,70,s1\n-2,3,5,80,s2\n0,4,9,75,s3\n"
    data = load(written(tmp_path, text), task="regression")
    assert data.goals is not None
    assert (data.goals.tolist(), data.outputs, data.classes) == ([[1.5], [-2], [0]], ("label",), ())
    assert data.channels == ("x",)
    both = load(written(tmp_path, text), task="regression", target="weight,label")
    assert both.goals is not None
    assert (both.outputs, both.output_units) == (("weight", "label"), ("kg", ""))
    assert both.goals[1].tolist() == [80, -2]
    assert load(written(tmp_path, text), task="regression", where=["label>=0"]).goals is not None


def test_targets_are_no_channels_where_columns_are_not_numbered(tmp_path: Path) -> None:
    data = load(written(tmp_path, "a,b,y\n1,2,3.5\n2,5,4.5\n3,1,5.5\n"), task="regression")
    assert data.channels == ("a", "b")


def test_one_number_for_each_sequence(tmp_path: Path) -> None:
    text = "run,x,y\na,1,2.5\na,2,2.5\nb,3,7\nb,4,7\n"
    data = load(written(tmp_path, text), task="regression")
    assert data.goals is not None
    assert (data.goals.ravel().tolist(), data.lengths.tolist(), data.channels) == ([2.5, 7], [2, 2], ("x",))
    with pytest.raises(SartoError, match=r"changes within a sequence, from 2[.]5 to 3"):
        load(written(tmp_path, text.replace("a,2,2.5", "a,2,3")), task="regression")


def test_a_window_has_the_number_of_its_last_step(tmp_path: Path) -> None:
    text = "run,x,y\n" + "".join(f"{r},{i},{r * 100 + i}\n" for r in (1, 2) for i in range(7))
    data = load(written(tmp_path, text.replace("2,6,206", "2,6,")), task="regression", window=3, hop=2)
    assert data.goals is not None
    assert data.channels == ("x",)
    assert data.goals.ravel().tolist() == [102, 104, 106, 202, 204]  # the last window has no number
    assert data.item(1).ravel().tolist() == [2, 3, 4]
    assert data.group_name == "run"
    assert data.last is None


@pytest.mark.parametrize(("window", "hop", "horizon"), [(10, 1, 1), (10, 4, 5), (24, 24, 3)])
def test_forecasts(tmp_path: Path, window: int, hop: int, horizon: int) -> None:
    data = load(
        written(tmp_path, SERIES), task="forecasting", target="temp", horizon=horizon, window=window, hop=hop
    )
    assert data.goals is not None
    assert data.last is not None
    assert data.split is not None
    assert data.channels == ("temp", "load")
    assert (data.rate_hz, data.output_units) == (1.0, ("degC",))
    assert data.outputs == (f"temp, {horizon} step{'s' * (horizon > 1)} later",)
    series = np.array([i * 73 % 211 + 0.5 for i in range(200)])
    starts = {tuple(series[i : i + window]): i for i in range(200 - window + 1)}
    seen: list[int] = []
    for item in range(len(data)):
        first = starts[tuple(data.item(item)[:, 0])]
        assert data.goals[item, 0] == series[first + window - 1 + horizon]
        assert data.last[item, 0] == series[first + window - 1]
        part = data.split[item]
        assert first >= 150 if part == "test" else first + window - 1 + horizon < 150
        seen.append(first)
    wanted = [
        i for i in range(0, 200 - window - horizon + 1, hop) if i >= 150 or i + window - 1 + horizon < 150
    ]
    assert seen == wanted
    parts = split(data, 0)
    assert parts.how == "by time, the last quarter of each sequence to test"


def test_forecasts_of_several_channels_in_several_sequences(tmp_path: Path) -> None:
    text = "run,a,b\n" + "".join(f"{r},{i * r},{i % 5}\n" for r in (1, 2) for i in range(60))
    data = load(written(tmp_path, text), task="forecasting", target="b,a", window=8, hop=4)
    assert data.goals is not None
    assert data.outputs == ("b, 1 step later", "a, 1 step later")
    assert data.goals[0].tolist() == [8 % 5, 8]
    assert data.split is not None
    assert data.split.tolist().count("test") == 2  # of each run that from step 48 on; 45 is no start
    assert data.group_name is None


@pytest.mark.parametrize(
    ("text", "choice", "code", "part"),
    [
        (SERIES, dict(task="forecasting", target="temp"), "E112", "a forecast needs windows"),
        (SERIES, dict(task="forecasting", target="tmp", window=8), "E112", "there is no column 'tmp'"),
        (
            SERIES,
            dict(task="forecasting", target="temp", window=150, horizon=60),
            "E104",
            "with 60 more after it",
        ),
        (SERIES, dict(task="forecasting", target="temp", window=100), "E109", "no window for test"),
        ("label,x_0,x_1\nu,1,2\nv,3,4\n", dict(task="regression"), "E103", "'label' does not hold numbers"),
        ("label,x_0,x_1\n1,1,2\n,3,4\n", dict(task="regression"), "E105", "item 1 has no value"),
        ("label,x_0,x_1\n1,1,2\n1,3,4\n", dict(task="regression"), "E107", "'label' is the same in all 2"),
        ("a,x_0,x_1\n1,1,2\n1,3,4\n", dict(task="regression"), "E103", "there are no numbers to predict"),
    ],
)
def test_what_cannot_be_learned(
    tmp_path: Path, text: str, choice: dict[str, object], code: str, part: str
) -> None:
    with pytest.raises(SartoError) as caught:
        load(written(tmp_path, text), **choice)  # pyright: ignore[reportArgumentType]
    assert caught.value.code == code
    assert part in f"{caught.value.message} {caught.value.cause}"
    assert caught.value.hint


def test_numbers_in_arrays(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(6, 5, 2))
    np.savez(tmp_path / "toy.npz", x=x, y=np.arange(6) / 4, z=np.arange(6) ** 2, subject=[0, 0, 1, 1, 2, 2])
    data = load(tmp_path / "toy.npz", task="regression", target="z,y")
    assert data.goals is not None
    assert data.goals[3].tolist() == [9, 0.75]
    assert (data.group_name, set(data.metadata)) == ("subject", {"subject"})
    np.savez(tmp_path / "bad.npz", x=x, y=[0, 1, 2, np.nan, 4, 5])
    with pytest.raises(SartoError, match=r"E105(.|\n)*y\[3\] is nan"):
        load(tmp_path / "bad.npz", task="regression")
    np.savez(tmp_path / "bad.npz", x=x, y=list("abcdef"))
    with pytest.raises(SartoError, match=r"E103(.|\n)*'y' does not hold numbers"):
        load(tmp_path / "bad.npz", task="regression")


def test_numbers_in_ts_files(tmp_path: Path) -> None:
    text = "@univariate true\n@targetLabel true\n@data\n1,2:3.5\n4,5:-1e1\n"
    data = load(written(tmp_path, text, "toy.ts"), task="regression")
    assert data.goals is not None
    assert data.goals.ravel().tolist() == [3.5, -10]
    with pytest.raises(SartoError, match=r"E103(.|\n)*choose the task regression"):
        load(tmp_path / "toy.ts")
    for bad in ("x", "?", "inf"):
        with pytest.raises(SartoError, match=r"E108(.|\n)*line 4 does not end in a number"):
            load(written(tmp_path, text.replace("3.5", bad), "bad.ts"), task="regression")
    with pytest.raises(SartoError, match=r"E103(.|\n)*no numbers to predict"):
        load("BasicMotions", task="regression")


def test_splits_of_numbers_are_even(tmp_path: Path) -> None:
    goals = np.random.default_rng(0).exponential(size=200)
    lines = "".join(f"{g!r},{i},{i * 7 % 11}\n" for i, g in enumerate(goals.tolist()))
    data = load(written(tmp_path, f"y,x_0,x_1\n{lines}"), task="regression")
    parts = split(data, 0)
    assert parts.how == "even over the range of 'y'"
    assert len(parts.test) == 50
    inside = np.sort(goals[parts.test])
    tenths = np.quantile(goals, np.arange(0.1, 1, 0.1))
    counts = np.histogram(inside, [0, *tenths, np.inf])[0]
    assert counts.min() >= 4  # of 5 in each tenth
    held = [fold.held for fold in folds(data, parts.train, 5, 0, shuffle=False)]
    assert sorted(np.concatenate(held).tolist()) == parts.train.tolist()
    assert all((np.diff(np.searchsorted(parts.train, h)) == 1).all() for h in held)  # runs of neighbours
    shuffled = folds(data, parts.train, 5, 0, shuffle=True)
    assert all(np.histogram(goals[f.held], [0, *tenths, np.inf])[0].min() >= 1 for f in shuffled)


def test_a_split_of_the_users_own_stands(tmp_path: Path) -> None:
    for part in ("TRAIN", "TEST"):
        written(tmp_path, SERIES, f"toy_{part}.csv")
    choice = dict(task="forecasting", target="temp", window=20, hop=20)
    pair = load(tmp_path / "toy_TRAIN.csv", **choice)  # pyright: ignore[reportArgumentType]
    assert pair.split is not None
    assert pair.split.tolist() == ["train"] * 9 + ["test"] * 9
    assert split(pair, 0).how == "as in the data"
    rows = "".join(f"{r},{'train' if r < 3 else 'test'},{i * r % 17}\n" for r in (1, 2, 3) for i in range(40))
    own = load(written(tmp_path, f"run,split,temp\n{rows}"), **choice)  # pyright: ignore[reportArgumentType]
    assert own.split is not None
    assert own.split.tolist() == ["train", "train", "test"]
    changing = "".join(f"1,{'train' if i < 30 else 'test'},{i % 17}\n" for i in range(60))
    with pytest.raises(SartoError, match="the split changes within a sequence, from train to test"):
        load(written(tmp_path, f"run,split,temp\n{changing}"), **choice)  # pyright: ignore[reportArgumentType]


def test_a_target_named_as_a_sequence_is_a_target(tmp_path: Path) -> None:
    data = load(written(tmp_path, "window,x_0,x_1\n1.5,1,2\n2.5,3,5\n"), task="regression", target="window")
    assert data.goals is not None
    assert data.goals.ravel().tolist() == [1.5, 2.5]


def test_numbers_that_are_too_large(tmp_path: Path) -> None:
    with pytest.raises(SartoError, match=r"E103(.|\n)*such as 1e\+300"):
        load(written(tmp_path, "y,x_0,x_1\n1e300,1,2\n2,3,5\n"), task="regression")


def test_a_condition_names_what_is_forecast(tmp_path: Path) -> None:
    choice = dict(task="forecasting", target="temp", window=20, where=["temp>50"])
    data = load(written(tmp_path, SERIES), **choice)  # pyright: ignore[reportArgumentType]
    assert data.goals is not None
    assert (data.goals > 50).all()


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    rows = "".join(f"{r},u{r % 2},{i},w{i}\n" for r, n in ((1, 9), (2, 9), (3, 2)) for i in range(n))
    data = load(written(tmp_path, f"run,label,x,note\n{rows}"), window=4)
    assert data.remarks == (
        "column 'note' holds texts that change within a sequence, such as 'w0': it is not used",
        "1 of 3 sequences have no window: they are too short, or lack what is to be learned",
    )
