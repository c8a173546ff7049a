"""The images or texts, labels and facts that training needs, whatever they were read from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_sam import checks
from keras_sam.datasets import recipe
from keras_sam.datasets.batches import WHOLE, Batches, OrderedBatches
from keras_sam.datasets.checking import check_images, checked_labels
from keras_sam.datasets.cropping import centre_crops
from keras_sam.datasets.images import FullSize, Images, Photographs
from keras_sam.datasets.sources import Statistics

PARTS = {"y_train": "x_train", "y_train_clean": "x_train", "y_test": "x_test"}


@dataclass(frozen=True, repr=False)
class Dataset:
    """Images or texts and integer labels, split into a training and a test part.

    Args:
        x_train: Uint8 array (examples, height, width, channels) of photographs, `LazyImages` that
            are decoded at each access, or float32 array; int32 array (examples, words) of texts, as
            `keras_sam.datasets.encode` makes them.
        y_train: Int32 array (examples,), the labels to train on; possibly noisy.
        x_test: As `x_train`.
        y_test: Int32 array (examples,), always clean.
        num_classes: Integer, labels lie in [0, num_classes).
        name: String, what the data set is called in tables.
        shift: Integer, by how many pixels augmentation may move an image. Defaults to `4`.
        flip: Boolean, whether a mirrored image is still one of its class. Defaults to `True`.
        y_train_clean: Int32 array (examples,), the training labels before any noise. Defaults to
            `y_train`.
        mean: Tuple of a float per channel, to subtract from pixels in [0, 1]. Defaults to `None`,
            as they are.
        deviation: Tuple of a float per channel, to divide them by then. Defaults to `None`.
        class_names: Tuple of strings. Defaults to the numbers of the classes.
        statistics: Tuple of the data set's own mean and deviation. Defaults to `mean` and
            `deviation` where these are given.

    Raises:
        ValueError: If there is not one label for each image, a label is none of the classes, or
            an image is not of finite numbers.

    Example:

    >>> from keras_sam.datasets import Dataset
    >>> images, labels = np.zeros((4, 8, 8, 1), "uint8"), np.array([0, 1, 0, 1], "int32")
    >>> data = Dataset(images, labels, images, labels, num_classes=2, name="blank")
    >>> data
    Dataset('blank', 4 training and 4 test images of shape (8, 8, 1), 2 classes)
    >>> data.input_shape
    (8, 8, 1)
    >>> data.prepare(data.x_test).dtype
    dtype('float32')
    """

    x_train: Images
    y_train: np.ndarray
    x_test: Images
    y_test: np.ndarray
    num_classes: int
    name: str
    shift: int = 4
    flip: bool = True
    y_train_clean: np.ndarray | None = None
    mean: tuple[float, ...] | None = None
    deviation: tuple[float, ...] | None = None
    class_names: tuple[str, ...] | None = None
    statistics: Statistics | None = None

    def __post_init__(self) -> None:
        defaults = {
            "y_train_clean": self.y_train,
            "class_names": tuple(map(str, range(self.num_classes))),
            "statistics": None if self.mean is None else (self.mean, self.deviation),
        }
        for name, default in defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)
        for name, images in PARTS.items():
            labels, examples = getattr(self, name), len(getattr(self, images))
            checked = checked_labels(f"{self.name} ({name})", labels, self.num_classes, examples)
            object.__setattr__(self, name, checked)
            check_images(f"{self.name} ({images})", getattr(self, images))

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}, {len(self.y_train)} training and {len(self.y_test)} test "
            f"{self.kind}s of shape {tuple(self.input_shape)}, {self.num_classes} classes)"
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Tuple (height, width, channels) of one image, or (words,) of one text."""
        return self.x_train.shape[1:]

    @property
    def kind(self) -> str:
        """String, `"text"` or `"image"`."""
        return "text" if len(self.input_shape) == 1 else "image"

    def prepare(self, images: np.ndarray) -> np.ndarray:
        """Turns images as they are kept into what a network takes.

        Args:
            images: Array (batch, height, width, channels): uint8, or floats in [0, 1]. Texts stay
                as they are.

        Returns:
            New float32 array of the same shape.
        """
        if self.kind == "text":  # Half precision would not tell all words apart.
            return images
        prepared = np.array(images, "float32")
        if images.dtype == np.uint8:
            prepared /= 255.0
        if self.mean is not None:
            prepared -= np.array(self.mean, "float32")
            prepared /= np.array(self.deviation, "float32")
        return prepared

    def training_batches(
        self,
        batch_size: int,
        seed: int = 0,
        augment: str | Sequence[str] = ("basic",),
        one_hot: bool = False,
        mixup_alpha: float = 1.0,
        workers: int = 2,
        padding: str = "zeros",
        share: tuple[int, int] = WHOLE,
    ) -> Batches:
        """Shuffled, augmented and prepared batches for `fit`.

        Args:
            batch_size: Integer of at least 1.
            seed: Integer of at least 0. Defaults to `0`.
            augment: Names from `keras_sam.datasets.AUGMENTATIONS`. Defaults to `("basic",)`.
            one_hot: Boolean, whether labels are float32 rows (batch, classes) instead of
                integers. Defaults to `False`.
            mixup_alpha: Float above 0, how evenly `"mixup"` and `"cutmix"` mix. Defaults to `1.0`.
            workers: Integer of at least 0, threads that make batches ahead. Defaults to `2`.
            padding: What `"basic"` moves in at the edges: `"zeros"`, which is the mean colour of
                standardised images, or `"reflect"`, the image mirrored. Defaults to `"zeros"`.
            share: Tuple of integers, which part of each batch to give, and of how many; see
                `Batches`. Defaults to `(0, 1)`.

        Returns:
            `Batches`.

        Raises:
            ValueError: If a name or the padding is unknown, names do not fit together, mixing is
                to make integer labels, or a batch has no such parts.
        """
        names = recipe.check_names(augment, one_hot)
        if names and self.kind == "text":
            raise ValueError(f"Texts take no augmentation but none. Received: augment={augment}")
        return Batches(
            FullSize(self.x_train) if "crop" in names else self.x_train,
            self._labels(self.y_train, one_hot),
            batch_size,
            seed,
            recipe.augmentation(names, self, padding),
            recipe.mixing(names, mixup_alpha),
            workers,
            share,
        )

    def test_batches(
        self,
        batch_size: int,
        one_hot: bool = False,
        augment: str | Sequence[str] = (),
        workers: int = 2,
    ) -> OrderedBatches:
        """All test images in their order, prepared.

        Args:
            batch_size: Integer of at least 1.
            one_hot: Boolean, as in `training_batches`. Defaults to `False`.
            augment: The names that are trained with. Only `"crop"` matters: test images are then
                centre crops of full-size photographs. Defaults to `()`.
            workers: Integer of at least 0, threads that make batches ahead. Defaults to `2`.

        Returns:
            A `keras.utils.PyDataset`, whose last batch may be smaller.

        Raises:
            ValueError: If `batch_size` is not a positive integer.
        """
        images: Images | FullSize = self.x_test
        prepare = self.prepare
        if "crop" in augment:
            images, prepare = FullSize(self.x_test), self._prepared_centres
        return OrderedBatches(
            images, self._labels(self.y_test, one_hot), batch_size, prepare, workers
        )

    def _prepared_centres(self, images: Photographs) -> np.ndarray:
        height, width = self.input_shape[:2]
        return self.prepare(centre_crops(images, (height, width)))

    def _labels(self, labels: np.ndarray, one_hot: bool) -> np.ndarray:
        is_one_hot = checks.boolean("one_hot", one_hot)
        return np.eye(self.num_classes, dtype="float32")[labels] if is_one_hot else labels
