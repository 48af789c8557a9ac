"""Items of one shape with a class each: from arrays, files and sequences; parts that keep groups together."""

from pathlib import Path

import numpy as np
import pytest

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.examples import of_arrays, of_dataset, padded, read_arrays, read_examples, shaped
from sarto.data.load import load


def test_bytes_are_scaled_and_other_numbers_are_not() -> None:
    assert of_arrays(np.full((2, 3), 255, np.uint8), np.array([0, 1])).x.max() == 1
    assert of_arrays(np.full((2, 3), 255, np.int16), np.array([0, 1])).x.max() == 255


def test_sequences_become_channel_and_step() -> None:
    data = load("BasicMotions")
    found = of_dataset(data)
    assert np.array_equal(found.x[3], data.item(3).T.astype(np.float32))
    assert found.classes == data.classes


def test_files_with_and_without_a_test_part(tmp_path: Path) -> None:
    rng, file = np.random.default_rng(0), tmp_path / "digits.npz"
    x = rng.integers(0, 255, (6, 4, 4), np.uint8)
    np.savez(file, x=x, y=np.array(["b", "a", "b", "a", "b", "a"]))
    found, test = read_arrays(file)
    assert test is None
    assert (found.shape, found.classes, found.y.tolist()) == ((1, 4, 4), ("a", "b"), [1, 0, 1, 0, 1, 0])
    np.savez(file, x_train=x, y_train=np.array([3, 5] * 3), x_test=x[:2], y_test=np.array([9, 3]))
    train, test = read_arrays(file)
    assert test is not None
    assert train.classes == test.classes == ("3", "5", "9")
    assert (train.y.tolist()[:2], test.y.tolist()) == ([0, 1], [2, 0])
    np.savez(file, images=x)
    with pytest.raises(SartoError, match=r"digits\.npz has the arrays images"):
        read_arrays(file)


def test_parts_are_even_over_the_classes_or_whole_groups() -> None:
    y = np.repeat([0, 1], [40, 10])
    data = of_arrays(np.arange(50.0)[:, None] + np.zeros((1, 2)), y)
    fit, held = data.parts(0.2, seed=0)
    assert np.bincount(held.y).tolist() == [8, 2]
    assert sorted([*fit.x[:, 0], *held.x[:, 0]]) == list(range(50))
    assert np.array_equal(held.x, data.parts(0.2, seed=0)[1].x)
    assert not np.array_equal(held.x, data.parts(0.2, seed=1)[1].x)
    grouped = type(data)(data.x, data.y, data.classes, np.arange(50) // 10)
    fit, held = grouped.parts(0.2, seed=0)
    assert fit.groups is not None
    assert held.groups is not None
    assert len(held) == 10
    assert not set(fit.groups) & set(held.groups)


def test_what_cannot_be_cut_or_used() -> None:
    with pytest.raises(SartoError, match="E109"):
        of_arrays(np.zeros((2, 3)), np.array([0, 1])).parts(0.1, seed=0)
    with pytest.raises(SartoError, match="2 items of shape"):
        of_arrays(np.zeros((2, 3)), np.array([0]))
    with pytest.raises(SartoError, match="not finite"):
        of_arrays(np.array([[1.0, np.nan]]), np.array([0]))
    with pytest.raises(SartoError, match=r"7 to 29 steps|steps"):
        of_dataset(load("JapaneseVowels"))


def test_images_are_read_here_and_all_else_as_fit_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "digits.npz"
    x, y = np.arange(16 * 9, dtype=np.uint8).reshape(16, 3, 3), np.arange(16) % 2
    np.savez(file, x=x, y=y)
    images = read_examples(str(file))
    assert (images.rest.shape, len(images.rest), len(images.test)) == ((1, 3, 3), 12, 4)
    np.savez(file, x=x.astype(np.int16), y=y)
    assert read_examples(str(file)).rest.shape == (3, 3)
    motions = read_examples("BasicMotions")
    assert (motions.rest.shape, len(motions.rest), len(motions.test)) == ((6, 100), 40, 40)


def test_arrays_of_objects_are_refused_and_never_unpickled(tmp_path: Path) -> None:
    file = tmp_path / "items.npz"
    np.savez(file, x=np.zeros((4, 1, 2, 2)), y=np.array([{}] * 4, object))
    with pytest.raises(SartoError, match=r"items.npz cannot be read as arrays") as caught:
        read_examples(str(file))
    assert caught.value.code == "E104"
    assert "pickle" in caught.value.hint


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "items.npz"
    np.savez(file, x=np.zeros((40, 1, 8, 8), np.uint8), y=np.arange(40) % 2)
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(SartoError, match=r"items.npz' cannot be read as data") as caught:
        read_examples(str(file))
    assert caught.value.code == "E103"


def test_items_that_are_no_real_numbers_are_refused() -> None:
    with pytest.raises(SartoError, match=r"E104.*complex64 are no real numbers"):
        of_arrays(np.zeros((4, 2), np.complex64), np.array([0, 1, 0, 1]))


def test_examples_are_turned_into_the_shape_that_a_network_takes() -> None:
    data = of_arrays(np.arange(24.0).reshape(2, 1, 4, 3), np.array([0, 1]))
    assert np.array_equal(shaped(data, (3, 4)).x[1], data.x[1, 0].T)
    assert np.array_equal(shaped(data, (12,)).x[1], data.x[1].ravel())
    assert np.array_equal(shaped(shaped(data, (4, 3)), (1, 4, 3)).x, data.x)
    with pytest.raises(SartoError, match=r"items of shape \(1, 4, 3\) for a network that takes \(2, 6\)"):
        shaped(data, (2, 6))


def test_unequal_sequences_are_padded_and_say_so() -> None:
    values = np.arange(10, dtype=np.float32).reshape(5, 2) + 1
    data = Dataset("toy", values, np.array([0, 2, 5]), np.array([1, 0]), ("a", "b"), ("x", "y"))
    found = padded(data, 4)
    assert found.x[0].tolist() == [[1, 3, 0, 0], [2, 4, 0, 0], [1, 1, 0, 0]]
    assert found.x[1].tolist() == [[5, 7, 9, 0], [6, 8, 10, 0], [1, 1, 1, 0]]
    assert found.y.tolist() == [1, 0] and found.classes == ("a", "b")
    assert padded(data).shape == (3, 3)
    with pytest.raises(SartoError, match=r"E104.*up to 3 steps padded to 2"):
        padded(data, 2)
