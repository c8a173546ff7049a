"""Folders of images and the file of flowers: what is read, and what is refused."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_sam import datasets
from keras_sam.datasets.images import LazyImages

BUNDLE = Path(__file__).parents[3] / "shared" / "data"


def write_images(folder, of_each=3, classes=("bee", "cat"), first=0):
    """Images of different sizes for each class; their grey value tells which one it is."""
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(of_each):
            grey = first + 10 * (label * of_each + number)
            picture = Image.new("RGB", (20 + number, 16), (grey, grey, grey))
            picture.save(folder / name / f"{number}.png")


def greys(images):
    return images[:][:, 0, 0, 0].tolist()


@pytest.mark.parametrize("test_name", ["test", "val", "validation"])
def test_training_and_test_folders(tmp_path, test_name):
    write_images(tmp_path / "train")
    write_images(tmp_path / test_name, of_each=1, first=5)
    (tmp_path / "train" / "bee" / "notes.txt").write_text("Not an image.")
    (tmp_path / "train" / ".cache").mkdir()
    data = datasets.get("image_folder", tmp_path, image_size=(12, 8))
    assert data.x_train.shape == (6, 12, 8, 3) and data.x_train.dtype == "uint8"
    assert greys(data.x_train) == [0, 10, 20, 30, 40, 50] and greys(data.x_test) == [5, 15]
    assert data.y_train.tolist() == [0, 0, 0, 1, 1, 1] and data.y_test.tolist() == [0, 1]
    assert data.class_names == ("bee", "cat") and data.input_shape == (12, 8, 3)
    assert greys(data.x_train.subset([4, 0])) == [40, 0] and data.x_train[5].shape == (12, 8, 3)


def test_folder_of_classes_is_split_once_and_for_all(tmp_path):
    write_images(tmp_path, of_each=10)
    data, again = (datasets.get("image_folder", tmp_path, image_size=8) for _ in range(2))
    assert np.bincount(data.y_test).tolist() == [2, 2] and len(data.y_train) == 16
    assert sorted(greys(data.x_train) + greys(data.x_test)) == list(range(0, 200, 10))
    assert greys(data.x_test) == greys(again.x_test)


def test_named_data_set_from_a_folder(tmp_path):
    digits = [str(digit) for digit in range(10)]
    write_images(tmp_path / "svhn" / "train", classes=digits, of_each=2)
    write_images(tmp_path / "svhn" / "test", classes=digits, of_each=1)
    data = datasets.get("svhn", tmp_path, num_train=10, image_size=8)
    assert data.name == "svhn" and data.x_train.shape == (10, 8, 8, 3)
    assert data.y_train.tolist() == list(range(10)) and not data.flip


def test_named_data_set_has_its_number_of_classes(tmp_path):
    write_images(tmp_path / "fgvc_aircraft")
    with pytest.raises(ValueError, match=r"100 classes of fgvc_aircraft.*Received: 2 classes"):
        datasets.get("fgvc_aircraft", tmp_path)


def test_crop_sees_the_full_size(tmp_path):
    write_images(tmp_path / "train")
    write_images(tmp_path / "test", of_each=1)
    data = datasets.get("image_folder", tmp_path, image_size=8)
    images, _ = data.training_batches(6, augment=("crop", "randaugment"))[0]
    assert images.shape == (6, 8, 8, 3) and images.dtype == "float32"
    images, labels = data.test_batches(2, augment="crop")[0]
    np.testing.assert_array_equal(images, data.prepare(data.x_test[:]))  # All of one colour.
    assert labels.tolist() == [0, 1]


def test_one_class_is_refused(tmp_path):
    write_images(tmp_path / "train", classes=("bee",))
    with pytest.raises(ValueError, match=r"two classes or more. Received: bee"):
        datasets.get("image_folder", tmp_path)


def test_class_without_an_image_is_named(tmp_path):
    write_images(tmp_path)
    (tmp_path / "ant").mkdir()
    (tmp_path / "ant" / "notes.txt").write_text("Not an image.")
    with pytest.raises(ValueError, match=r"ant must hold at least one image.*1 other files"):
        datasets.get("image_folder", tmp_path)


def test_class_without_training_images_is_named(tmp_path):
    write_images(tmp_path / "train")
    write_images(tmp_path / "val", classes=("bee", "dog"))
    with pytest.raises(ValueError, match="Received: dog in"):
        datasets.get("image_folder", tmp_path)


def test_missing_parts_are_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="which is not a folder"):
        datasets.get("image_folder", tmp_path / "nowhere")
    with pytest.raises(ValueError, match="Received: data_dir=None"):
        datasets.get("image_folder")
    write_images(tmp_path / "train")
    with pytest.raises(FileNotFoundError, match="one of test, val, validation is needed"):
        datasets.get("image_folder", tmp_path)


def test_unreadable_image_is_named_at_once(tmp_path):
    write_images(tmp_path)
    (tmp_path / "cat" / "1.png").write_bytes(b"Not a picture.")
    with pytest.raises(ValueError, match=r"cat.1\.png is not an image.*Received: "):
        datasets.get("image_folder", tmp_path)


def test_damaged_image_is_named_when_it_is_read(tmp_path):
    write_images(tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype="uint8")
    path = tmp_path / "bee" / "0.png"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    data = datasets.get("image_folder", tmp_path)
    with pytest.raises(ValueError, match=r"bee.0\.png is not an image.*Received: "):
        np.concatenate([data.x_train[:], data.x_test[:]])


def test_broken_and_enormous_images_are_named(tmp_path, monkeypatch):
    write_images(tmp_path)
    path = tmp_path / "bee" / "0.png"
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype="uint8")
    Image.fromarray(noise).save(path)
    head, _, tail = path.read_bytes().rpartition(b"IDAT")
    path.write_bytes(head + b"ID\0T" + tail)  # Pillow raises SyntaxError when it decodes.
    data = datasets.get("image_folder", tmp_path)
    with pytest.raises(ValueError, match=r"bee.0\.png is not an image.*Received: broken PNG"):
        np.concatenate([data.x_train[:], data.x_test[:]])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match=r"bee.0\.png is not an image.*decompression bomb"):
        datasets.get("image_folder", tmp_path)


def test_16_bits_are_scaled_to_8():
    levels = np.array([[0, 255, 256], [32768, 65280, 65535]], "uint16")
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    for channels in (1, 3):
        found = LazyImages([file.getvalue()], (2, 3), channels)[0]
        np.testing.assert_array_equal(found[..., 0], levels // 256)


@pytest.mark.parametrize("image_size", [0, -8, (8, 0), 2.5])
def test_impossible_size_is_refused(tmp_path, image_size):
    write_images(tmp_path)
    with pytest.raises(ValueError, match="image_size must be an integer of at least 1"):
        datasets.get("image_folder", tmp_path, image_size=image_size)


@pytest.mark.parametrize("content", [b"PK not an archive", b"version https://git-lfs"])
def test_damaged_flowers_are_named(tmp_path, content):
    (tmp_path / "flowers12.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"flowers12\.npz.*copy it again. Received: BadZip"):
        datasets.get("flowers12", tmp_path)
    np.savez(tmp_path / "flowers12.npz", classes=["rose"])
    with pytest.raises(ValueError, match=r"flowers12\.npz.*copy it again. Received: KeyError"):
        datasets.get("flowers12", tmp_path)


def test_missing_flowers_are_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"flowers12\.npz. Received: data_dir="):
        datasets.get("flowers12", tmp_path)


@pytest.mark.skipif(
    not (BUNDLE / "flowers12.npz").is_file(), reason="the file of flowers is not beside the clone"
)
def test_real_flowers():
    data = datasets.get("flowers12", BUNDLE, num_train=24, num_test=12)
    assert data.x_train.shape == (24, 128, 128, 3) and data.num_classes == 12
    assert np.bincount(data.y_train).tolist() == [2] * 12
    smaller = datasets.get("flowers12", BUNDLE, image_size=32, num_train=24)
    assert smaller.x_train.shape == (24, 32, 32, 3) and len(smaller.x_test) == 240
    means = [images[:].mean((1, 2)) for images in (data.x_train, smaller.x_train)]
    np.testing.assert_allclose(*means, atol=8)
