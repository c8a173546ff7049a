"""Reads what tensorflow-datasets has prepared in a folder; it downloads nothing."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np

from keras_sam.checks import import_extra
from keras_sam.datasets.archives import damage_reported
from keras_sam.datasets.images import Sources


def find(data_dir: str | Path, name: str) -> Path | None:
    """The newest prepared version of a data set.

    Args:
        data_dir: Path of the folder that was given to tensorflow-datasets as `--data_dir`.
        name: String, the name there.

    Returns:
        Path of the folder that holds `dataset_info.json`, or `None`.

    Example:

    >>> from keras_sam.datasets import prepared
    >>> prepared.find(".", "no_data_set") is None
    True
    """
    found = Path(data_dir, name).glob("**/dataset_info.json")
    versions = [path.parent for path in found if _version(path.parent)]
    return max(versions, key=_version, default=None)


def is_own(name: str) -> bool:
    """Whether a folder of this name is tensorflow-datasets' own, whole or not.

    Args:
        name: String.

    Returns:
        Boolean.

    Example:

    >>> from keras_sam.datasets import prepared
    >>> [prepared.is_own(name) for name in ("3.0.2", "incomplete.1A2B3C_3.0.2", "train")]
    [True, True, False]
    """
    return name.startswith("incomplete.") or bool(_version(Path(name)))


def _version(folder: Path) -> tuple[int, ...]:
    numbers = folder.name.split(".")
    return tuple(map(int, numbers)) if all(number.isdecimal() for number in numbers) else ()


class Part:
    """Encoded images and labels of a part of a prepared data set.

    Files of the format array_record are read an image at a time, when it is asked for; of those of
    the format tfrecord all encoded images are kept in memory.

    Args:
        folder: Path that `find` returned.
        split: String such as `"train"` or `"train+validation"`.
    """

    sources: Sources

    def __init__(self, folder: str | Path, split: str):
        tfds = import_extra("tensorflow_datasets", "tensorflow-datasets")
        with damage_reported(folder, "a data set that tensorflow-datasets has prepared"):
            self._read(tfds, folder, split)

    def _read(self, tfds: ModuleType, folder: str | Path, split: str) -> None:
        builder = tfds.builder_from_directory(folder)
        features = builder.info.features
        # Images are decoded when they are asked for, masks and other pictures never.
        decoders = {name: tfds.decode.SkipDecoding() for name in features if name != "label"}
        self.class_names = tuple(features["label"].names)
        if builder.info.file_format == tfds.core.FileFormat.ARRAY_RECORD:
            records = builder.as_data_source(split, decoders=decoders)
            self.sources = _Records(records)
        else:
            records = list(_stream(tfds, builder, split, decoders))
            self.sources = [record["image"] for record in records]
        labels = [record["label"] for record in records]
        self.labels = np.array(labels, "int32")


class _Records:
    """Encoded images that stay in their files."""

    def __init__(self, records: Any):
        self.records = records

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, position: int) -> bytes:
        return self.records[int(position)]["image"]


def _stream(
    tfds: ModuleType, builder: Any, split: str, decoders: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """The records of a part, always in the order of the files."""
    if keras.backend.backend() != "tensorflow":
        # TensorFlow only reads here: it must not take the memory of the device that trains. Where
        # it runs already, it has what it wants.
        with contextlib.suppress(RuntimeError):
            import_extra("tensorflow", "tensorflow").config.set_visible_devices([], "GPU")
    reading = tfds.ReadConfig(interleave_cycle_length=1)
    return tfds.as_numpy(
        builder.as_dataset(split=split, decoders=decoders, read_config=reading, shuffle_files=False)
    )
