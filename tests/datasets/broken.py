"""Makes what is broken, and reads the line with which it is refused."""

import io
import os

import numpy as np
import pytest
from PIL import Image


class Trap:
    """What makes a folder when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("sprung",)


def refusal(read):
    """The one line with which reading is refused."""
    with pytest.raises(ValueError) as caught:
        read()
    message = str(caught.value)
    before, _, after = message.rpartition("Received: ")
    assert before and after and "\n" not in message and len(message) < 1000
    return message


def png(width, height):
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, "PNG")
    return file.getvalue()


def changed(**arrays):
    """A function of an archive that changes its arrays: each a function of the old one."""

    def change(path):
        old = dict(np.load(path))
        np.savez(path, **old | {name: np.asarray(new(old[name])) for name, new in arrays.items()})

    return change
