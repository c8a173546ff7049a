"""What is fetched where a user asks for it; stand-ins take the place of the network."""

import errno
import os
import pickle
import re

import keras
import numpy as np
import pytest

from keras_sam import datasets
from keras_sam.datasets import sources

from .broken import refusal
from .prepared_data import builder_class, tfds
from .test_cifar import images_and_labels


def keras_data(classes=10):
    """What `load_data` of `keras.datasets` gives: labels in a column."""
    parts = images_and_labels(20, classes), images_and_labels(10, classes, seed=1)
    return tuple((images, labels[:, None].astype("uint8")) for images, labels in parts)


@pytest.fixture
def fetched(monkeypatch):
    """A list of what was asked for from the network, which has tiny data sets."""
    asked = []

    def load(name, classes):
        return lambda: asked.append(name) or keras_data(classes)

    def builder(name, data_dir):
        asked.append(name)
        with tfds.core.registered.skip_registration():
            return builder_class(name, (32, 32), ("train", "test", "extra"))(data_dir=data_dir)

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", load("cifar10", 10))
    monkeypatch.setattr(keras.datasets.cifar100, "load_data", load("cifar100", 100))
    monkeypatch.setattr(tfds, "builder", builder)
    return asked


@pytest.mark.parametrize("name, classes", [("cifar10", 10), ("cifar100", 100)])
def test_cifar_comes_through_keras(tmp_path, fetched, name, classes):
    folder = tmp_path / "data"  # It is made.
    assert datasets.download(name, folder)
    data = datasets.get(name, folder)
    (images, labels), (test_images, test_labels) = keras_data(classes)
    np.testing.assert_array_equal(data.x_train, images)
    np.testing.assert_array_equal(data.y_train, labels.ravel())
    np.testing.assert_array_equal(data.x_test, test_images)
    np.testing.assert_array_equal(data.y_test, test_labels.ravel())
    assert not datasets.download(name, folder) and fetched == [name]  # Once is enough.


def test_channels_may_come_first(tmp_path, fetched, monkeypatch):
    planes = [(images.transpose(0, 3, 1, 2), labels) for images, labels in keras_data()]
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: planes)
    datasets.download("cifar10", tmp_path)
    np.testing.assert_array_equal(datasets.get("cifar10", tmp_path).x_test, keras_data()[1][0])


def test_others_come_through_tensorflow_datasets(tmp_path, fetched):
    assert datasets.download("svhn", tmp_path) and fetched == ["svhn_cropped"]
    assert len(datasets.get("svhn", tmp_path).x_train) == 9  # With the extra ones.
    assert not datasets.download("svhn", tmp_path) and len(fetched) == 1


@pytest.mark.parametrize("name, place", [("cifar10", "cifar10"), ("food101", "food101/train")])
def test_what_is_there_is_left_alone(tmp_path, fetched, name, place):
    (tmp_path / place / "a").mkdir(parents=True)
    assert not datasets.download(name, tmp_path) and not fetched


TROUBLES = [
    Exception("URL fetch failure on https://example.org: None -- no route"),
    OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    KeyboardInterrupt(),
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("name", ["cifar10", "svhn"])
def test_trouble_leaves_nothing_to_be_taken_for_whole(
    tmp_path, fetched, monkeypatch, name, trouble
):
    """It comes when half of the files are written."""
    answers = iter([b"", b"", trouble])

    def half_of_the_pickles(_):
        answer = next(answers)
        if answer is trouble:
            raise trouble
        return answer

    def half_of_the_preparation(*_, **__):
        (tmp_path / "svhn_cropped" / "incomplete.AB12_1.0.0").mkdir(parents=True)
        raise trouble

    with monkeypatch.context() as patch:
        patch.setattr(pickle, "dumps", half_of_the_pickles)
        patch.setattr(tfds, "builder", half_of_the_preparation)
        expected = KeyboardInterrupt if isinstance(trouble, KeyboardInterrupt) else OSError
        with pytest.raises(expected) as caught:
            datasets.download(name, tmp_path)
    if expected is OSError:
        message = str(caught.value)
        assert message.startswith(f"{name} could not be downloaded to {tmp_path}: look whether")
        assert "\n" not in message and "Received: " in message and str(trouble.args[-1]) in message
    with pytest.raises(FileNotFoundError):
        datasets.get(name, tmp_path)
    assert datasets.download(name, tmp_path)
    datasets.get(name, tmp_path)


def test_what_a_killed_process_left_is_removed(tmp_path, fetched):
    for name in ("unfinished_cifar10_ab12", "unfinished_cifar100_cd34"):
        folder = tmp_path / name / "cifar-10-batches-py"
        folder.mkdir(parents=True)
        (folder / "data_batch_1").write_bytes(b"half")
    datasets.download("cifar10", tmp_path)
    left = {path.name for path in tmp_path.iterdir() if path.name[0] != "."}
    assert left == {"cifar-10-batches-py", "unfinished_cifar100_cd34"}  # That is another's.


@pytest.mark.parametrize(
    "name, message",
    [
        ("flowers12", "did you mean oxford_flowers102.*download of flowers12"),
        ("image_folder", "cannot be downloaded.*Received: a download of image_folder"),
        ("birdsnap", "cannot be downloaded.*Received: a download of birdsnap"),
        ("imagenet", "by hand.*tfds build imagenet2012.*Received: a download of imagenet"),
        ("cifar11", "did you mean cifar100? or cifar100?.*Received: a download of cifar11"),
    ],
)
def test_what_cannot_be_downloaded_is_refused(tmp_path, fetched, name, message):
    found = refusal(lambda: datasets.download(name, tmp_path))
    assert re.search(message, found)
    assert not fetched and not list(tmp_path.iterdir())


def test_digits_need_no_download(tmp_path, fetched):
    assert not datasets.download("digits", tmp_path / "none")
    assert not (tmp_path / "none").exists() and not fetched


def test_errors_of_missing_data_name_the_download(tmp_path):
    for name in datasets.DOWNLOADED:
        with pytest.raises(FileNotFoundError, match=r"--download or keras_sam.datasets.download"):
            datasets.get(name, tmp_path)
    for name in (*sources.NOT_BUILT, *sources.BY_HAND):
        with pytest.raises(FileNotFoundError, match="nothing is downloaded"):
            datasets.get(name, tmp_path)
