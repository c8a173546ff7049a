"""Readers of files give data or one line, whatever the bytes."""

import functools
import io
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from keras_sam.datasets.checking import checked_labels
from keras_sam.datasets.cifar_files import read_bundle, read_pickles
from keras_sam.datasets.images import LazyImages
from keras_sam.experiments.flags import command_line, train_resnet
from tests.datasets.test_cifar import write_bundle, write_pickles

from .fuzzing import VALUES, fuzzed, refused

pytestmark = pytest.mark.once
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF")
CHANGES = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=4), st.integers(0, 4)),
    max_size=4,
)


@functools.cache
def good_files():
    """Dict from a name to the bytes of a file of CIFAR."""
    with tempfile.TemporaryDirectory() as name:
        write_bundle(Path(name))
        write_pickles(Path(name))
        paths = ("cifar10_test.npz", "cifar-10-batches-py/test_batch")
        return {Path(path).name: Path(name, path).read_bytes() for path in paths}


@functools.cache
def picture(form):
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype="uint8")
    Image.fromarray(noise).save(file, form)
    return file.getvalue()


def damaged(content, changes):
    """A file in which some bytes are lost and others come in, each at a share of its length."""
    for place, new, lost in changes:
        start = int(place * len(content))
        content = content[:start] + new + content[start + lost :]
    return content


def with_file(content, read):
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "file")
        path.write_bytes(content)
        return read(path)


@fuzzed(form=st.sampled_from(FORMATS), changes=CHANGES)
def test_a_damaged_image_is_read_or_named(form, changes):
    def read():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of some.
            assert LazyImages([damaged(picture(form), changes)], (8, 8))[0].shape == (8, 8, 3)

    assert not refused(read) or changes


@fuzzed(changes=CHANGES)
def test_a_damaged_archive_is_read_or_named(changes):
    def read(path):
        images, labels = read_bundle(path)
        assert images.shape == (len(labels), 32, 32, 3)

    content = damaged(good_files()["cifar10_test.npz"], changes)
    assert not with_file(content, lambda path: refused(lambda: read(path))) or changes


@fuzzed(changes=CHANGES)
def test_a_damaged_pickle_is_read_or_named(changes):
    def read(path):
        images, labels = read_pickles([path], "labels")
        assert images.shape == (len(labels), 32, 32, 3)

    content = damaged(good_files()["test_batch"], changes)
    assert not with_file(content, lambda path: refused(lambda: read(path))) or changes


@fuzzed(content=st.binary(max_size=200))
def test_bytes_are_no_data(content):
    assert with_file(content, lambda path: refused(lambda: read_bundle(path)))
    assert with_file(content, lambda path: refused(lambda: read_pickles([path], "labels")))
    assert refused(lambda: LazyImages([content], (8, 8))[0])


@fuzzed(labels=VALUES, classes=st.integers(1, 12))
def test_labels_are_of_the_classes_or_refused(labels, classes):
    if not refused(lambda: checked_labels("mine", labels, classes)):
        found = checked_labels("mine", labels, classes)
        assert found.dtype == "int32" and 0 <= found.min() and found.max() < classes


@fuzzed(
    lines=st.lists(
        st.one_of(
            st.binary(max_size=20),
            st.tuples(st.sampled_from(list(train_resnet.FLAGS)), st.text(max_size=9)).map(
                lambda pair: f"--{pair[0]}={pair[1]}".encode("utf-8", "replace")
            ),
        )
    )
)
def test_a_file_of_flags_is_read_or_refused(lines):
    content = b"\n".join(lines)
    argv = ["train_resnet.py"]
    with_file(
        content,
        lambda path: refused(
            lambda: command_line.read(train_resnet.FLAGS, [*argv, f"--flagfile={path}"])
        ),
    )
