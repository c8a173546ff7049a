"""What is known of each data set of photographs: its other name, its parts, its colours."""

from dataclasses import dataclass
from typing import TypeAlias

Statistics: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]  # Mean and deviation.

IMAGENET_COLOURS = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Source:
    """A data set that tensorflow-datasets prepares, or that lies in a folder of images.

    Args:
        name: String, its name here.
        prepared: String, its name in tensorflow-datasets; that has no builder of its own for
            `fgvc_aircraft` and `birdsnap`, but a prepared folder of this name is read.
        num_classes: Integer.
        train: String, the official part to train on. Defaults to `"train"`.
        test: String, the official part to test on. Defaults to `"test"`.
        statistics: Tuple of mean and deviation of the channels, for pixels in [0, 1]. Defaults to
            ImageNet's, as is the custom for photographs.
        size: Integer, the side in pixels to which to bring photographs. Defaults to `224`; `None`
            for images that all have one small size, which are kept decoded.
        flip: Boolean, whether a mirrored image is still one of its class. Defaults to `True`.

    Example:

    >>> from keras_sam.datasets.sources import SOURCES
    >>> SOURCES["oxford_flowers102"].train, SOURCES["fashion_mnist"].channels
    ('train+validation', 1)
    """

    name: str
    prepared: str
    num_classes: int
    train: str = "train"
    test: str = "test"
    statistics: Statistics = IMAGENET_COLOURS
    size: int | None = 224
    flip: bool = True

    @property
    def channels(self) -> int:
        """Integer, `1` for grey images and `3` for colours."""
        return len(self.statistics[0])


SOURCES = {
    source.name: source
    for source in (
        Source(
            "cifar10",
            "cifar10",
            10,
            statistics=((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
            size=None,
        ),
        Source(
            "cifar100",
            "cifar100",
            100,
            statistics=((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
            size=None,
        ),
        Source(
            "svhn",
            "svhn_cropped",
            10,
            train="train+extra",  # As the SAM paper's code has it, and its mean and deviation.
            statistics=((0.4309, 0.4302, 0.4463), (0.1976, 0.2003, 0.1981)),
            size=None,
            flip=False,  # Mirrored digits are not digits.
        ),
        Source("fashion_mnist", "fashion_mnist", 10, statistics=((0.2860,), (0.3530,)), size=None),
        Source("imagenet", "imagenet2012", 1000, test="validation"),
        Source("oxford_flowers102", "oxford_flowers102", 102, train="train+validation"),
        Source("oxford_iiit_pets", "oxford_iiit_pet", 37),
        Source("stanford_cars", "cars196", 196),
        Source("fgvc_aircraft", "fgvc_aircraft", 100, train="train+validation"),
        Source("food101", "food101", 101, test="validation"),
        Source("birdsnap", "birdsnap", 500),
    )
}
# Of no builder of tensorflow-datasets; and of one that wants archives which a user has fetched.
NOT_BUILT = ("fgvc_aircraft", "birdsnap")
BY_HAND = ("imagenet",)
