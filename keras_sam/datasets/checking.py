"""What must be true of images, labels and sizes, wherever they come from."""

import numpy as np
from numpy.typing import ArrayLike

from keras_sam import checks
from keras_sam.checks import shown
from keras_sam.datasets.images import Images

AT_ONCE = 1024  # Images whose numbers are looked at together.


def checked_labels(
    what: object, labels: ArrayLike, classes: int, images: int | None = None
) -> np.ndarray:
    """Labels as integers, if they are labels: a backend may train on others in silence.

    Args:
        what: What they were read from, for the error: a path, or words.
        labels: Expected to be an array (examples,) of whole numbers from 0 to `classes - 1`.
        classes: Integer.
        images: Integer, how many images there are. Defaults to `None`, not known yet.

    Returns:
        Int32 array (examples,).

    Raises:
        ValueError: If they are something else, or not as many as the images.

    Example:

    >>> from keras_sam.datasets.checking import checked_labels
    >>> checked_labels("my data", [0.0, 2.0, 1.0], classes=3)
    array([0, 2, 1], dtype=int32)
    """
    found = _array(labels)
    wrong = shown(labels) if found is None else _fault(found, classes, images)
    if wrong:
        raise ValueError(
            f"The labels of {what} must be whole numbers from 0 to {classes - 1}, one for each "
            f"image: mend or remove the others. Received: {wrong}"
        )
    return np.asarray(found, "int32")


def _array(labels: ArrayLike) -> np.ndarray | None:
    """Labels as an array of one axis of numbers, if they are that."""
    try:
        found = np.asarray(labels)
    except ValueError:  # Rows of different lengths.
        return None
    return found if found.ndim == 1 and found.dtype.kind in "biuf" else None


def _fault(labels: np.ndarray, classes: int, images: int | None) -> str:
    """What is wrong with some numbers as labels; empty where nothing is."""
    if not len(labels):
        return "no labels"
    if images is not None and len(labels) != images:
        return f"{len(labels)} labels for {images} images"
    is_label = (labels >= 0) & (labels < classes) & (labels == np.floor(labels))
    strange = labels[~is_label]  # NaN is among them.
    return f"{strange[0]}, the first of {len(strange)} other labels" if len(strange) else ""


def check_images(what: object, images: Images) -> None:
    """Refuses images that are not of finite numbers; photographs in files are of bytes anyway.

    Args:
        what: What they were read from, for the error: a path, or words.
        images: Expected to be an array of numbers, or `LazyImages`.

    Raises:
        ValueError: If they are something else.

    Example:

    >>> from keras_sam.datasets.checking import check_images
    >>> check_images("my data", np.zeros((2, 8, 8, 1), "float32"))
    """
    if not isinstance(images, np.ndarray) or images.dtype.kind in "bu":
        return
    if images.dtype.kind in "if":
        parts = (images[i : i + AT_ONCE] for i in range(0, len(images), AT_ONCE))
        strange = sum(int(np.sum(~np.isfinite(part))) for part in parts)
        wrong = strange and f"{strange} pixels that are infinite or not a number"
    else:
        wrong = f"an array of {images.dtype}"
    if wrong:
        raise ValueError(
            f"The images of {what} must be arrays of finite numbers: mend or remove the others. "
            f"Received: {wrong}"
        )


def size_of(image_size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """The size in pixels that an option means.

    Args:
        image_size: Expected to be a positive integer, a tuple (height, width) of these or `None`.

    Returns:
        Tuple (height, width); `None` for `None`.

    Raises:
        ValueError: If it is something else.

    Example:

    >>> from keras_sam.datasets.checking import size_of
    >>> size_of(32)
    (32, 32)
    """
    if image_size is None:
        return None
    sides = image_size if isinstance(image_size, list | tuple) else (image_size, image_size)
    if len(sides) != 2:
        checks.refuse("image_size", "an integer or (height, width)", image_size)
    height, width = (checks.positive_integer("image_size", side) for side in sides)
    return height, width
