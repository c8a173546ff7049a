"""A broken image, or what is no file, ends in one line that names it."""

import io
import os
import pickle
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_sam import datasets

from .broken import Trap, refusal
from .test_folders import write_images

NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype="uint8")


def encoded(form):
    file = io.BytesIO()
    Image.fromarray(NOISE).save(file, form)
    return file.getvalue()


def chunk(kind, content):
    crc = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + crc


def png_of(width, height):
    """A PNG that promises pixels and has none."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


IMAGES = {
    "empty": b"",
    "zeros": bytes(1000),
    "text": b"Not a picture.",
    "pickle": pickle.dumps(Trap()),
    "without pixels": png_of(8, 8),
    "without a side": png_of(0, 8),
    "bomb": png_of(60_000, 60_000),
    **{f"cut {form}": encoded(form)[:900] for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "PPM")},
    "cut WEBP": encoded("WEBP")[:700],
    "cut AVIF": encoded("AVIF")[:700],
}


@pytest.mark.parametrize("kind", IMAGES)
def test_broken_image(tmp_path, kind):
    write_images(tmp_path)
    path = tmp_path / "bee" / "0.png"
    path.write_bytes(IMAGES[kind])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of some.
        message = refusal(lambda: read(datasets.get("image_folder", tmp_path, image_size=8)))
    assert message.startswith(f"{path} is not an image that Pillow can read: ")


def read(data):
    return data.x_train[:], data.x_test[:]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "LAB", "I", "F"])
def test_every_kind_of_pixels_is_read_as_colours(tmp_path, mode):
    write_images(tmp_path)
    form = {"CMYK": "JPEG", "YCbCr": "JPEG", "LAB": "TIFF", "I": "TIFF", "F": "TIFF"}.get(mode)
    Image.new(mode, (20, 16)).save(tmp_path / "bee" / "0.png", form or "PNG")
    assert read(datasets.get("image_folder", tmp_path, image_size=8))[0].shape[1:] == (8, 8, 3)


@pytest.mark.parametrize("kind", ["pipe", "device", "dangling link", "link to itself"])
def test_what_is_no_file_is_named_and_not_waited_for(tmp_path, kind):
    write_images(tmp_path)
    path = tmp_path / "bee" / "9.png"
    targets = {"device": "/dev/zero", "dangling link": "nowhere", "link to itself": "9.png"}
    os.mkfifo(path) if kind == "pipe" else path.symlink_to(targets[kind])
    message = refusal(lambda: datasets.get("image_folder", tmp_path))
    assert message.startswith(f"{path} is not an image") and message.endswith("regular one")


def test_what_a_system_hides_is_left_out(tmp_path):
    write_images(tmp_path)
    bee = tmp_path / "bee"
    (bee / ".thumbnails").mkdir()
    (bee / "folder.png").mkdir()
    for path in (bee / ".hidden.png", bee / "._0.png", bee / ".thumbnails" / "0.png"):
        path.write_bytes(b"Not a picture.")
    data = datasets.get("image_folder", tmp_path, image_size=8)
    assert len(data.y_train) + len(data.y_test) == 6
