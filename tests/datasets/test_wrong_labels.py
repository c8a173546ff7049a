"""Labels and images are checked where they are read; so is what says how many to read."""

import pickle

import numpy as np
import pytest

from keras_sam import datasets

from .broken import changed, png, refusal
from .test_cifar import write_bundle, write_pickles

LABELS = {
    "of no class": lambda y: np.full(len(y), 255),
    "negative": lambda y: y.astype(int) - 1,
    "too large for 32 bits": lambda y: y.astype(int) + 2**40,
    "not a number": lambda y: y * np.nan,
    "infinite": lambda y: y + np.inf,
    "not whole": lambda y: y + 0.5,
    "two-dimensional": lambda y: np.eye(10)[y],
    "a scalar": lambda y: y[0],
    "none": lambda y: y[:0],
    "more than images": lambda y: np.tile(y, 2),
    "words": lambda y: y.astype(str),
    "complex": lambda y: y + 1j,
    "dates": lambda y: y.astype("datetime64[s]"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_wrong_labels_of_an_archive(tmp_path, kind):
    write_bundle(tmp_path)
    changed(y=LABELS[kind])(tmp_path / "cifar10_train.npz")
    assert "cifar10_train.npz" in refusal(lambda: datasets.get("cifar10", tmp_path))


@pytest.mark.parametrize("kind", ["good", *LABELS])
def test_wrong_labels_of_flowers(tmp_path, kind):
    one = png(8, 8)
    part = {"bytes": np.frombuffer(one * 12, "uint8"), "offsets": np.arange(13) * len(one)}
    parts = {f"{name}_{key}": part[key] for name in ("train", "test") for key in part}
    good = {"train_y": np.arange(12) % 10, "test_y": np.arange(12) % 10}
    np.savez(tmp_path / "flowers12.npz", classes=list("abcdefghij"), **parts, **good)
    if kind == "good":
        assert datasets.get("flowers12", tmp_path, image_size=4).y_train.tolist() == [
            *range(10),
            0,
            1,
        ]
        return
    changed(train_y=LABELS[kind])(tmp_path / "flowers12.npz")
    refusal(lambda: datasets.get("flowers12", tmp_path, image_size=4))


@pytest.mark.parametrize("kind", LABELS)
def test_wrong_labels_of_ones_own(kind):
    y = np.arange(20) % 10
    x = np.zeros((20, 8, 8, 1), "float32")
    for labels in ((LABELS[kind](y), y), (y, LABELS[kind](y))):
        message = refusal(
            lambda labels=labels: datasets.Dataset(x, labels[0], x, labels[1], 10, "mine")
        )
        assert "The labels of mine (y_" in message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_images_that_are_not_finite(value):
    x, y = np.zeros((2000, 2, 2, 1), "float32"), np.zeros(2000, int)
    strange = x.copy()
    strange[1500, 1, 1] = value
    message = refusal(lambda: datasets.Dataset(x, y, strange, y, 10, "mine"))
    assert "The images of mine (x_test)" in message and "Received: 1 pixels" in message


@pytest.mark.parametrize("kind", ["object", "complex64", "U3", "datetime64[s]"])
def test_images_that_are_of_no_numbers(kind):
    x, y = np.zeros((3, 2, 2, 1)), np.zeros(3, int)
    message = refusal(lambda: datasets.Dataset(x.astype(int).astype(kind), y, x, y, 10, "mine"))
    assert "The images of mine (x_train)" in message and "Received: an array of" in message


@pytest.mark.parametrize(
    "labels", [[255], [-1], ["cat"], [[1], [1, 2]], 3, None, [10**400], [0] * 9]
)
def test_wrong_labels_of_a_pickle(tmp_path, labels):
    write_pickles(tmp_path)
    content = {b"data": np.zeros((1, 3072), "uint8"), b"labels": labels}
    path = tmp_path / "cifar-10-batches-py" / "test_batch"
    path.write_bytes(pickle.dumps(content))
    assert f"The labels of {path} must be" in refusal(lambda: datasets.get("cifar10", tmp_path))


@pytest.mark.parametrize("option", ["num_train", "num_test", "image_size"])
@pytest.mark.parametrize(
    "value",
    ["many", 2.5, True, np.nan, 10**400, -1, [], {}, np.eye(2)],
    ids=lambda value: str(value)[:9],
)
def test_wrong_numbers_of_a_data_set(option, value):
    refusal(lambda: datasets.get("digits", **{option: value}))


def test_a_path_that_is_none():
    assert refusal(lambda: datasets.get("cifar10", 3)).endswith("data_dir=3")
