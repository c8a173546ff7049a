"""From the options of an app to the resolved settings of each of its runs."""

from pathlib import Path
from typing import Any

import keras

from keras_sam.experiments.flags.training import WITH_MOMENTUM
from keras_sam.experiments.results.workdir import WATCH
from keras_sam.experiments.training.entries import PLAIN, Entry

# What a run takes from the command line as it is; an app has only some of the flags.
COPIED = (
    *("preset", "smoke", "model", "normalization"),
    *("model_source", "weights", "model_arguments", "dropout", "freeze_batch_norm"),
    *("dataset", "num_train", "num_test", "holdout", "image_size", "inputs"),
    *("augment", "mixup_alpha", "label_noise", "noise_kind"),
    *("steps", "batch_size", "optimizer", "learning_rate", "schedule", "warmup_epochs"),
    *("nesterov", "weight_decay", "clipnorm", "label_smoothing"),
    *("mixed_precision", "jit_compile", "steps_per_execution", "distribute"),
)
# Flags that came later, with their defaults. A run has them where they change it: a run from before
# goes on.
LATER = {"skip_nonfinite": False, "imbalance": None}
PATHS = ("data_dir", "weights")


def settings(options: dict[str, Any], entry: Entry, seed: int) -> dict[str, Any]:
    """The resolved settings of one run: all that its result depends on, as JSON can hold it."""
    is_plain = entry.method == PLAIN
    copied = {key: options[key] for key in COPIED if key in options}
    copied |= {key: options[key] for key, default in LATER.items() if options[key] != default}
    if options["watch"]:
        copied |= {key: options[key] for key in WATCH}
    return copied | {
        **{key: _resolved_path(options[key]) for key in PATHS if key in options},
        "backend": keras.backend.backend(),
        "epochs": (is_plain and options["plain_epochs"]) or options["epochs"],
        "method": entry.method,
        "method_arguments": entry.arguments,
        "momentum": _momentum(options, entry),
        "num_batch_splits": None if is_plain else options["num_batch_splits"],
        "rho": entry.rho,
        "seed": seed,
    }


def _momentum(options: dict[str, Any], entry: Entry) -> float | None:
    if options["momentum"] is None and options["optimizer"] in WITH_MOMENTUM:
        return 0.0 if entry.updates_itself else 0.9
    return options["momentum"]


def _resolved_path(path: str | None) -> str | None:
    """An absolute path where there is one: `imagenet` names weights as well."""
    if path is None or not Path(path).exists() or path == "imagenet":
        return path
    return str(Path(path).resolve())


def described(resolved: dict[str, Any], width: int = 88) -> str:
    """Settings in lines of name=value, to print before training."""
    lines = [""]
    for name, value in sorted(resolved.items()):
        if name in ("method", "method_arguments", "rho", "seed") or value in (None, [], {}):
            continue
        word = f"{name}={','.join(value) if isinstance(value, list) else value}"
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += f"{word} "
    return "\n".join(f"  {line.rstrip()}" for line in lines)
