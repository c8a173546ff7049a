"""Comparisons on texts; no paper has them."""

from typing import Any

from keras_sam.experiments.presets import Preset

DOCSTRINGS: dict[str, Any] = {
    "dataset": "docstrings",
    "compare": ["sgd", "sam"],
    "seeds": ["0", "1", "2", "3", "4"],
}
PRESETS = {
    "docstrings": Preset(
        "Docstrings by library, AdamW and SAM on it, five seeds; no published table.",
        DOCSTRINGS,
    ),
    "compressed": Preset(
        "The same networks, then quantised, pruned, or fine-tuned on a second task.",
        DOCSTRINGS | {"evaluate_on": ["compressed", "second_task"]},
    ),
}
