"""Comparisons on texts; no paper has them."""

from keras_sam.experiments.presets import Preset

PRESETS = {
    "docstrings": Preset(
        "Docstrings by library, AdamW and SAM on it, five seeds; no published table.",
        {
            "dataset": "docstrings",
            "compare": ["sgd", "sam"],
            "seeds": ["0", "1", "2", "3", "4"],
        },
    ),
}
