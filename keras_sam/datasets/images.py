"""Collections of photographs that are decoded when they are asked for."""

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from keras_sam.checks import import_extra, shortened

if TYPE_CHECKING:
    from PIL.Image import Image

Index: TypeAlias = slice | np.ndarray
Photographs: TypeAlias = np.ndarray | Sequence[np.ndarray]  # Of one size, or of any.


class Sources(Protocol):
    """Photographs one by one: paths, encoded bytes or arrays (height, width, channels)."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, position: int, /) -> str | Path | bytes | np.ndarray:
        """One of them."""


class LazyImages:
    """Photographs as files, encoded bytes or arrays, read and resized at each access.

    Indexing with integers, slices or arrays of integers gives uint8 arrays; the whole photograph
    is stretched to the size.

    Args:
        sources: Sequence of paths, of bytes of encoded images, or of uint8 arrays (height, width,
            channels).
        size: Tuple (height, width) of the arrays to give, in pixels.
        channels: Integer, `3` for colour or `1` for grey. Defaults to `3`.
        positions: Integer array, which of the sources to use. Defaults to all of them.

    Example:

    >>> from keras_sam.datasets.images import LazyImages
    >>> photographs = LazyImages(np.zeros((5, 20, 30, 3), "uint8"), size=(8, 8))
    >>> photographs.shape, photographs[1:3].shape
    ((5, 8, 8, 3), (2, 8, 8, 3))
    """

    dtype = np.dtype("uint8")

    def __init__(
        self,
        sources: Sources,
        size: tuple[int, int],
        channels: int = 3,
        positions: np.ndarray | None = None,
    ):
        self.sources = sources
        self.size = (size[0], size[1])
        self.channels = channels
        self.positions = np.arange(len(sources)) if positions is None else np.asarray(positions)

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Tuple (examples, height, width, channels)."""
        return len(self), *self.size, self.channels

    def __getitem__(self, index: int | Index) -> np.ndarray:
        positions = self.positions[index]
        if np.ndim(positions) == 0:
            return self._resized(int(positions))
        resized = [self._resized(position) for position in positions]
        return np.stack(resized) if resized else np.zeros((0, *self.shape[1:]), "uint8")

    def subset(self, index: Index) -> "LazyImages":
        """Some of the photographs, still undecoded.

        Args:
            index: Integer array or slice.

        Returns:
            `LazyImages`.
        """
        return LazyImages(self.sources, self.size, self.channels, self.positions[index])

    def full_size(self, index: Index) -> list[np.ndarray]:
        """Photographs at the size at which they are kept.

        Args:
            index: Integer array or slice.

        Returns:
            List of uint8 arrays (height, width, channels).
        """
        return [self._opened(position) for position in self.positions[index]]

    def _resized(self, position: int) -> np.ndarray:
        return resized(self._opened(position, self.size), self.size)

    def _opened(self, position: int, size: tuple[int, int] | None = None) -> np.ndarray:
        """The pixels of a photograph; half as many or fewer a side if the size allows."""
        source = self.sources[position]
        if isinstance(source, np.ndarray):
            return source
        with opened(source, f"encoded image {position}") as image:
            if size is not None:
                image.draft(None, size[::-1])  # A JPEG then decodes faster.
            of_bytes = _of_bytes(image)
            decoded = np.asarray(of_bytes.convert("RGB" if self.channels == 3 else "L"))
        return decoded.reshape(*decoded.shape[:2], self.channels)


@contextlib.contextmanager
def opened(source: str | Path | bytes, name: str | None = None) -> Iterator["Image"]:
    """An image of Pillow; what is wrong with it names the file.

    Args:
        source: Path, or bytes of an encoded image.
        name: String, what to call bytes. Defaults to `None`, for a path.

    Returns:
        A context manager that gives a `PIL.Image.Image`.

    Raises:
        ValueError: If the image cannot be read.
    """
    pillow = import_extra("PIL.Image", "Pillow")
    file, what = (io.BytesIO(source), name) if isinstance(source, bytes) else (source, source)
    try:
        if file is source and not Path(source).is_file():  # A pipe would never end.
            raise FileNotFoundError("no such file, or no regular one")
        with pillow.open(file) as image:
            yield image
    except Exception as error:  # Each format has errors of its own.
        raise ValueError(
            f"{what} is not an image that Pillow can read: replace or remove it. "
            f"Received: {shortened(str(error))}"
        ) from error


def _of_bytes(image: "Image") -> "Image":
    """The image with 8 bits a channel: of 16 bits Pillow would make white all above 255."""
    return image.convert("I").point(lambda value: value / 256) if image.mode[0] == "I" else image


Images: TypeAlias = np.ndarray | LazyImages


class FullSize:
    """The same photographs at the size at which they are kept, for a random crop to choose from.

    Args:
        images: Uint8 array (examples, height, width, channels), or `LazyImages`.

    Example:

    >>> from keras_sam.datasets.images import FullSize
    >>> FullSize(np.zeros((5, 20, 30, 3), "uint8"))[:2][0].shape
    (20, 30, 3)
    """

    def __init__(self, images: Images):
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Index) -> Photographs:
        images = self.images
        return images.full_size(index) if isinstance(images, LazyImages) else images[index]


def selected(images: Images, index: Index) -> Images:
    """Some of the images, without decoding any.

    Args:
        images: Array (examples, …) or `LazyImages`.
        index: Integer array or slice.

    Returns:
        Of the same kind.
    """
    return images.subset(index) if isinstance(images, LazyImages) else images[index]


def resized(
    image: np.ndarray, size: tuple[int, int], box: tuple[float, float, float, float] | None = None
) -> np.ndarray:
    """An image, or a part of it, at another size, with bilinear filtering.

    Args:
        image: Uint8 array (height, width, channels).
        size: Tuple (height, width) in pixels.
        box: Tuple (left, top, right, bottom) in pixels, the part. Defaults to the whole.

    Returns:
        Uint8 array (height, width, channels) of the new size.
    """
    if image.shape[:2] == tuple(size) and box is None:
        return image
    pillow = import_extra("PIL.Image", "Pillow")
    channels = image.shape[-1]
    kept = pillow.fromarray(image if channels == 3 else image[:, :, 0])
    changed = kept.resize(size[::-1], pillow.Resampling.BILINEAR, box)
    return np.asarray(changed).reshape(*size, channels)
