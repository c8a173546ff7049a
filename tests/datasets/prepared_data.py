"""Small data sets in the folders and files that tensorflow-datasets makes."""

from types import MappingProxyType

import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets", reason="tensorflow-datasets is not installed")

COUNTS = {"train": 6, "extra": 3, "validation": 4, "test": 5}


def picture(number, size, channels=3):
    """An image whose values tell which one it is."""
    return np.full((*size, channels), 10 + number, "uint8")


def builder_class(name, size, splits, classes=3, channels=3, extra=None):
    """A builder like the one of the name, of tiny images; the class names are letters."""

    class Tiny(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("2.1.0")
        url_infos = MappingProxyType({})  # Nothing is downloaded: there are no checksums.

        def _info(self):
            features = {
                "image": tfds.features.Image(shape=(*size, channels), encoding_format="png"),
                "label": tfds.features.ClassLabel(names=list("abcdefghij"[:classes])),
                "file_name": tfds.features.Text(),
            }
            return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in splits}

        def _generate_examples(self, split):
            first = sum(COUNTS[name] for name in splits[: splits.index(split)])
            for number in range(first, first + COUNTS[split]):
                shape = [side or 8 + number for side in size]
                yield (
                    number,
                    {
                        "image": picture(number, shape, channels),
                        "label": number % classes,
                        "file_name": f"{number}.png",
                    },
                )

    Tiny.name = name
    return Tiny


def prepare(
    folder, name, size=(None, None), splits=("train", "test"), file_format="tfrecord", **kwargs
):
    """Prepares a data set as `tfds build` would."""
    with tfds.core.registered.skip_registration():
        builder = builder_class(name, size, splits, **kwargs)(
            data_dir=str(folder), file_format=file_format
        )
    builder.download_and_prepare()
