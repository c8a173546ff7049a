"""CIFAR from both layouts: the very pixels, and errors that say what is missing."""

import io
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_sam import datasets
from keras_sam.datasets.cifar import CIFAR10, CIFAR100
from keras_sam.datasets.sources import SOURCES

BUNDLE = Path(__file__).parents[3] / "shared" / "data"


def images_and_labels(count, classes, seed=0):
    """Random pictures, the classes taking turns."""
    images = np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype="uint8")
    return images, np.arange(count) % classes


def standardised(images, source):
    """What a network is to see of images of bytes."""
    scaled = images.astype("float32") / np.float32(255)
    mean, deviation = (np.array(values, "float32") for values in SOURCES[source.name].statistics)
    return (scaled - mean) / deviation


def write_bundle(folder, name="cifar10", classes=10):
    """Two archives of mosaics, 3 rows by 4 columns each; the last mosaic is not full."""
    content = {}
    for seed, (part, count) in enumerate({"train": 20, "test": 10}.items()):
        images, labels = images_and_labels(count, classes, seed)
        arrays = {"y": labels.astype("uint8")}
        for tile, start in enumerate(range(0, count, 12)):
            grid = np.zeros((12, 32, 32, 3), "uint8")
            grid[: len(images[start : start + 12])] = images[start : start + 12]
            mosaic = grid.reshape(3, 4, 32, 32, 3).swapaxes(1, 2).reshape(96, 128, 3)
            file = io.BytesIO()
            Image.fromarray(mosaic).save(file, "PNG")
            arrays[f"tile{tile:02d}"] = np.frombuffer(file.getvalue(), "uint8")
        np.savez(folder / f"{name}_{part}.npz", **arrays)
        content[part] = images, labels
    return content


def write_pickle(path, images, labels, key, protocol):
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    content = {b"data": planes, key: [int(label) for label in labels]}
    path.write_bytes(pickle.dumps(content, protocol=protocol))


def write_pickles(folder, protocol=2):
    """CIFAR-10 in five training pickles of four images, and one of ten."""
    folder = folder / "cifar-10-batches-py"
    folder.mkdir()
    train, test = images_and_labels(20, 10), images_and_labels(10, 10, seed=1)
    for number in range(5):
        part = slice(4 * number, 4 * number + 4)
        path = folder / f"data_batch_{number + 1}"
        write_pickle(path, train[0][part], train[1][part], b"labels", protocol)
    write_pickle(folder / "test_batch", *test, b"labels", protocol)
    return {"train": train, "test": test}


def check(data, content, source):
    for part, images, labels in (
        ("train", data.x_train, data.y_train),
        ("test", data.x_test, data.y_test),
    ):
        np.testing.assert_array_equal(images, content[part][0])
        np.testing.assert_array_equal(labels, content[part][1])
        assert images.dtype == "uint8" and labels.dtype == "int32"
        prepared = data.prepare(images)
        np.testing.assert_array_equal(prepared, standardised(images, source))
        assert prepared.dtype == "float32"
    assert (data.name, data.num_classes) == (source.name, len(source.class_names))
    assert data.class_names == source.class_names
    assert data.input_shape == (32, 32, 3) and data.shift == 4 and data.flip


def test_bundle(tmp_path):
    content = write_bundle(tmp_path)
    check(datasets.get("cifar10", tmp_path), content, CIFAR10)


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_pickles(tmp_path, protocol):
    content = write_pickles(tmp_path, protocol)
    check(datasets.get("cifar10", tmp_path), content, CIFAR10)
    check(datasets.cifar10(tmp_path / "cifar-10-batches-py"), content, CIFAR10)


def test_cifar100_takes_the_fine_labels(tmp_path):
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    content = {"train": images_and_labels(6, 100), "test": images_and_labels(3, 100, seed=1)}
    for part, (images, labels) in content.items():
        write_pickle(folder / part, images, labels, b"fine_labels", 2)
    check(datasets.get("cifar100", str(tmp_path)), content, CIFAR100)


def test_subset_is_balanced_and_decodes_no_more_than_it_needs(tmp_path):
    content = write_bundle(tmp_path)
    archive = dict(np.load(tmp_path / "cifar10_train.npz"))
    archive["tile01"] = np.zeros(3, "uint8")  # Not an image: decoding it would fail.
    np.savez(tmp_path / "cifar10_train.npz", **archive)
    data = datasets.cifar10(tmp_path, num_train=10, num_test=5)
    np.testing.assert_array_equal(data.y_train, np.arange(10))
    np.testing.assert_array_equal(data.x_train, content["train"][0][:10])
    assert len(data.x_test) == 5


def test_no_folder_is_explained():
    with pytest.raises(ValueError, match=r"cifar-10-batches-py/.*Received: data_dir=None"):
        datasets.cifar10()


def test_missing_folder_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"cifar100_train\.npz.*which is not a folder"):
        datasets.cifar100(tmp_path / "nowhere")


def test_missing_file_is_explained(tmp_path):
    write_bundle(tmp_path)
    os.remove(tmp_path / "cifar10_test.npz")
    expected = r"both cifar10_train\.npz and cifar10_test\.npz.*which holds cifar10_train\.npz$"
    with pytest.raises(FileNotFoundError, match=expected):
        datasets.cifar10(tmp_path)


def test_incomplete_pickles_are_explained(tmp_path):
    write_pickles(tmp_path)
    os.remove(tmp_path / "cifar-10-batches-py" / "data_batch_3")
    with pytest.raises(FileNotFoundError, match="data_batch_3"):
        datasets.cifar10(tmp_path)


def test_damaged_archive_is_named(tmp_path):
    write_bundle(tmp_path)
    path = tmp_path / "cifar10_test.npz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"cifar10_test\.npz.*copy it again.*Received: "):
        datasets.cifar10(tmp_path)


def test_pickle_that_would_run_code_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    write_pickles(tmp_path)
    (tmp_path / "cifar-10-batches-py" / "test_batch").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match=r"test_batch.*mkdir"):
        datasets.cifar10(tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_missing_pillow_names_the_extra(tmp_path, monkeypatch):
    write_bundle(tmp_path)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r"Pillow.*pip install keras-sam\[apps\]"):
        datasets.cifar10(tmp_path)


@pytest.mark.skipif(not BUNDLE.is_dir(), reason="the CIFAR-10 bundle is not beside the clone")
def test_real_bundle():
    data = datasets.cifar10(BUNDLE, num_train=2000, num_test=1000)
    assert np.bincount(data.y_train).tolist() == [200] * 10
    assert np.bincount(data.y_test).tolist() == [100] * 10
    # Standardised with the statistics of all images, some thousands come close to (0, 1).
    prepared = data.prepare(data.x_train).astype("float64")
    mean, deviation = prepared.mean(), prepared.std()
    assert abs(mean) < 0.05 and abs(deviation - 1) < 0.05
