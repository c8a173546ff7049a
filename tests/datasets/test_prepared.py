"""What tensorflow-datasets has prepared: read as it is, image by image where the files allow it."""

import re

import numpy as np
import pytest

from keras_sam import datasets
from keras_sam.datasets import prepared
from keras_sam.datasets.images import LazyImages

from .broken import refusal
from .prepared_data import picture, prepare

ALL = ("train", "validation", "test")


def numbers(images):
    """Which of `picture` each image is."""
    arrays = images[:]
    assert (arrays == arrays[:, :1, :1, :1]).all()
    return (arrays[:, 0, 0, 0] - 10).tolist()


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_official_parts_labels_and_names(tmp_path, file_format):
    if file_format == "array_record":
        pytest.importorskip("array_record", reason="array_record is not installed")
    prepare(tmp_path, "oxford_flowers102", splits=ALL, file_format=file_format)
    data = datasets.get("oxford_flowers102", tmp_path, image_size=16)
    assert isinstance(data.x_train, LazyImages) and data.x_train.shape == (10, 16, 16, 3)
    # Training and validation images, in the order of the files.
    assert sorted(numbers(data.x_train)) == list(range(10))
    assert sorted(numbers(data.x_test)) == list(range(10, 15))
    for images, labels in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        assert (np.array(numbers(images)) % 3 == labels).all() and labels.dtype == "int32"
    assert data.class_names == ("a", "b", "c") and data.num_classes == 3
    assert data.name == "oxford_flowers102" and data.shift == 2 and data.flip
    # At full size each image still has its own.
    sizes = [image.shape[:2] for image in data.x_train.full_size(slice(None))]
    assert sizes == [(8 + number, 8 + number) for number in numbers(data.x_train)]
    again = datasets.get("oxford_flowers102", tmp_path, image_size=16)
    np.testing.assert_array_equal(again.y_train, data.y_train)


def test_small_images_are_kept_decoded(tmp_path):
    prepare(tmp_path, "fashion_mnist", size=(28, 28), channels=1)
    data = datasets.get("fashion_mnist", tmp_path, num_train=3, num_test=3)
    assert isinstance(data.x_train, np.ndarray) and data.x_train.shape == (3, 28, 28, 1)
    assert sorted(data.y_train) == sorted(data.y_test) == [0, 1, 2]
    assert data.shift == 4 and len(data.mean) == 1
    batches = data.training_batches(3, augment=("basic", "autoaugment", "cutout"))
    assert batches[0][0].shape == (3, 28, 28, 1)


@pytest.mark.parametrize(
    "name, builder, splits",
    [
        ("cifar10", "cifar10", ("train", "test")),
        ("svhn", "svhn_cropped", ("train", "extra", "test")),
        ("stanford_cars", "cars196", ("train", "test")),
        ("food101", "food101", ("train", "validation")),
        ("imagenet", "imagenet2012", ("train", "validation")),
    ],
)
def test_names_and_parts_of_other_data_sets(tmp_path, name, builder, splits):
    small = name in ("cifar10", "svhn")
    prepare(tmp_path, builder, size=(32, 32) if small else (None, None), splits=splits)
    data = datasets.get(name, tmp_path)
    side = 32 if small else 224
    assert data.input_shape == (side, side, 3) and data.shift == side // 8
    assert sorted(numbers(data.x_train)) == list(range(9 if "extra" in splits else 6))
    assert len(data.x_test) == (4 if "validation" in splits else 5)
    assert data.flip == (name != "svhn")


def test_newest_version_counts_and_unfinished_ones_do_not(tmp_path):
    for version in ("2.9.0", "2.10.0", "incomplete.1A2B3C_3.0.0"):
        folder = tmp_path / "food101" / version
        folder.mkdir(parents=True)
        (folder / "dataset_info.json").touch()
    (tmp_path / "food101" / "4.0.0").mkdir()
    assert prepared.find(tmp_path, "food101") == tmp_path / "food101" / "2.10.0"
    assert prepared.find(tmp_path, "cars196") is None


@pytest.mark.parametrize("name", ["stanford_cars", "svhn", "imagenet", "fgvc_aircraft", "cifar10"])
def test_what_is_missing_is_explained(tmp_path, name):
    commands = {
        "stanford_cars": "`tfds build cars196 --data_dir=<data_dir>` prepares",
        "svhn": "`tfds build svhn_cropped --data_dir=<data_dir>` prepares",
        "imagenet": "`tfds build imagenet2012 --data_dir=<data_dir> --file_format=array_record`",
        "fgvc_aircraft": "<image> and fgvc_aircraft/test/…; nothing is downloaded",
        "cifar10": "`tfds build cifar10 --data_dir=<data_dir>` prepares",
    }
    with pytest.raises(FileNotFoundError, match=re.escape(commands[name])) as caught:
        datasets.get(name, tmp_path)
    assert f"{name}/train/<class>/<image>" in str(caught.value)
    assert f"Received: data_dir={str(tmp_path)!r}" in str(caught.value)
    with pytest.raises(ValueError, match="Received: data_dir=None"):
        datasets.get(name)


def test_picture_of_the_tests_is_what_is_read(tmp_path):
    prepare(tmp_path, "svhn_cropped", size=(32, 32), splits=("train", "extra", "test"))
    data = datasets.get("svhn", tmp_path)
    expected = [picture(number, (32, 32)) for number in numbers(data.x_test)]
    np.testing.assert_array_equal(data.x_test, expected)


@pytest.mark.parametrize("content", ["", "{", "[]", "\0"])
def test_damaged_folder_is_named(tmp_path, content):
    folder = tmp_path / "food101" / "2.0.0"
    folder.mkdir(parents=True)
    for name in ("dataset_info.json", "features.json"):
        (folder / name).write_text(content)
    assert refusal(lambda: datasets.get("food101", tmp_path)).startswith(f"{folder} must be")


def test_damaged_records_are_named(tmp_path):
    prepare(tmp_path, "svhn_cropped", size=(32, 32))
    (path,) = tmp_path.rglob("*test.tfrecord*")
    path.write_bytes(path.read_bytes()[:-40])
    assert f"{path.parent} must be" in refusal(lambda: datasets.get("svhn", tmp_path))
