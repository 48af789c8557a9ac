"""What a user typed leads to files, and what does not is answered in words, without numpy."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from sarto.core.errors import SartoError
from sarto.data.source import bundled_data, find_source, source_sha256

BUNDLED = ["ArrowHead", "BasicMotions", "GunPoint", "ItalyPowerDemand", "JapaneseVowels", "OSULeaf"]


def test_either_half_of_a_pair_brings_the_other(tmp_path: Path) -> None:
    for name in ("Toy_TRAIN.ts", "Toy_TEST.ts", "Alone_TRAIN.ts", "plain.ts"):
        (tmp_path / name).write_text("")
    pair = (tmp_path / "Toy_TRAIN.ts", tmp_path / "Toy_TEST.ts")
    for given in pair:
        found = find_source(given)
        assert (found.kind, found.files, found.name) == ("ts", pair, "Toy")
    assert find_source(str(tmp_path / "Alone_TRAIN.ts")).files == (tmp_path / "Alone_TRAIN.ts",)
    assert find_source(tmp_path / "plain.ts").files == (tmp_path / "plain.ts",)
    assert find_source(tmp_path).files == pair  # the one pair in the folder
    other = [tmp_path / f"{pair[0].stem.removesuffix('_TRAIN')}_{part}.csv" for part in ("TRAIN", "TEST")]
    for file in other:
        file.write_text("label,x\n")
    with pytest.raises(SartoError, match="is not one data set"):
        find_source(tmp_path)
    assert find_source(other[1]).files == tuple(other)
    for file in other:
        file.unlink()


def test_part_of_an_npz(tmp_path: Path) -> None:
    (tmp_path / "many.npz").write_bytes(b"")
    (tmp_path / "odd#name.npz").write_bytes(b"")
    found = find_source(f"{tmp_path}/many.npz#ecg200")
    assert (found.files, found.part, found.name) == ((tmp_path / "many.npz",), "ecg200", "ecg200")
    assert found.title == "many.npz#ecg200"
    assert find_source(tmp_path / "odd#name.npz").part == ""  # a file of that name comes first


def test_the_title_never_names_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"")
    assert find_source(tmp_path / "a.npz").title == "a.npz"
    assert find_source("BasicMotions").title == "BasicMotions, bundled with aeon"


def test_bundled_names_are_labelled_pairs() -> None:
    known = bundled_data()
    assert set(BUNDLED) <= set(known)
    assert "Covid3Month" in known  # a number to predict
    assert "UnitTestTimeStamps" not in known  # half a pair
    assert all(train.is_file() and test.is_file() for train, test in known.values())


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ("{tmp}/nothere.npz", "E101", "there is no file"),
        ("{tmp}/Toy_TRIAN.ts", "E101", "did you mean Toy_TRAIN.ts?"),
        ("{tmp}/no/such/folder.npz", "E101", "its folder does not exist either"),
        ("nowhere.npz#part", "E101", "there is no file 'nowhere.npz#part'"),
        ("", "E101", "there is no file ''"),
        ("BasicMotion", "E102", "did you mean BasicMotions? Nothing is ever downloaded"),
        ("basicmotions", "E102", "did you mean BasicMotions?"),
        ("HandMovementDirection", "E102", "known are ACSF1, ArrowHead, BasicMotions"),
        ("{tmp}/two", "E102", "it holds A, B"),
        ("{tmp}/empty", "E102", "no NAME_TRAIN.ts beside a NAME_TEST.ts"),
        ("{tmp}/table.xlsx", "E103", "its name ends in '.xlsx', not in .npz, .csv, .tsv, .parquet or .ts"),
        ("{tmp}/Toy_TRAIN.ts#part", "E103", "only an .npz has parts"),
    ],
)
def test_what_leads_nowhere(tmp_path: Path, given: str, code: str, words: str) -> None:
    (tmp_path / "Toy_TRAIN.ts").write_text("")
    (tmp_path / "table.xlsx").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "two").mkdir()
    for name in ("A_TRAIN.ts", "A_TEST.ts", "B_TRAIN.ts", "B_TEST.ts", "C_TEST.ts"):
        (tmp_path / "two" / name).write_text("")
    with pytest.raises(SartoError) as caught:
        find_source(given.format(tmp=tmp_path))
    assert caught.value.code == code
    assert words in str(caught.value)


def test_without_aeon_a_name_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        assert name == "aeon"

    monkeypatch.setattr("importlib.util.find_spec", nothing)
    with pytest.raises(SartoError, match="E302") as caught:
        find_source("BasicMotions")
    assert "pip install 'sarto[data]'" in caught.value.hint
    assert caught.value.exit_code == 4


def test_hash_follows_every_byte_and_the_part(tmp_path: Path) -> None:
    train, test = tmp_path / "Toy_TRAIN.ts", tmp_path / "Toy_TEST.ts"
    train.write_bytes(b"one")
    test.write_bytes(b"two")
    both = source_sha256(train)
    hashes = [hashlib.sha256(content).hexdigest() for content in (b"one", b"two")]
    text = f"ts#\nToy_TRAIN.ts {hashes[0]}\nToy_TEST.ts {hashes[1]}\n"
    assert both == source_sha256(test) == hashlib.sha256(text.encode()).hexdigest()
    test.write_bytes(b"twp")
    assert source_sha256(train) != both
    (tmp_path / "a.npz").write_bytes(b"x")
    assert source_sha256(tmp_path / "a.npz") != source_sha256(f"{tmp_path}/a.npz#b")


def test_finding_and_hashing_import_neither_numpy_nor_aeon() -> None:
    code = """
import sys
from sarto.core.errors import SartoError
from sarto.data.source import find_source, source_sha256
source_sha256("BasicMotions")
try:
    find_source("BasicMotion")
except SartoError:
    pass
assert not {"numpy", "aeon", "sklearn", "jaxtyping"} & set(sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
