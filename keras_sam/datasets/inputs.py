"""In which range a network sees the pixels."""

import dataclasses

import numpy as np

from keras_sam import checks
from keras_sam.datasets.dataset import Dataset
from keras_sam.datasets.images import Images

# Mean and deviation for pixels in [0, 1].
FIXED = {"unit": (0.0, 1.0), "centred": (0.5, 0.5), "pixels": (0.0, 1 / 255)}
INPUTS = ("standardised", *FIXED)
SAMPLE = 2000  # As many images tell a channel's statistics to about one percent.


def with_inputs(dataset: Dataset, inputs: str) -> Dataset:
    """Chooses how `prepare` scales the images of a data set.

    Args:
        dataset: A `Dataset`.
        inputs: String: `"standardised"` with the channels' own mean and deviation, `"unit"` for
            [0, 1], `"centred"` for [-1, 1], or `"pixels"` for [0, 255], for pre-trained networks
            that scale for themselves.

    Returns:
        A `Dataset` with another `mean` and `deviation`.

    Raises:
        ValueError: If `inputs` is none of these.

    Example:

    >>> from keras_sam import datasets
    >>> data = datasets.with_inputs(datasets.digits(), "pixels")
    >>> float(data.prepare(data.x_test).max().round())
    255.0
    """
    checks.one_of("inputs", inputs, INPUTS)
    if inputs == "standardised":
        mean, deviation = dataset.statistics or _measured(dataset.x_train)
    else:
        mean, deviation = ((value,) * dataset.input_shape[-1] for value in FIXED[inputs])
    return dataclasses.replace(dataset, mean=mean, deviation=deviation)


def _measured(images: Images) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each channel over some of the images."""
    some = np.asarray(images[:: -(-len(images) // SAMPLE)])
    scale = 255.0 if some.dtype == np.uint8 else 1.0
    channels = some.reshape(-1, some.shape[-1]) / scale
    # A channel without any contrast would otherwise divide by zero.
    return tuple(channels.mean(0).tolist()), tuple(np.maximum(channels.std(0), 1e-3).tolist())
