"""From the options of an app to the resolved settings of each of its runs."""

from pathlib import Path
from typing import Any

import keras

from keras_sam.experiments.flags.checking import rising_shares
from keras_sam.experiments.flags.training import WITH_MOMENTUM
from keras_sam.experiments.results.workdir import LABELS, WATCH
from keras_sam.experiments.training.entries import PLAIN, Entry

# What a run takes from the command line as it is; an app has only some of the flags.
COPIED = (
    *("preset", "smoke", "model", "normalization"),
    *("model_source", "weights", "model_arguments", "dropout", "freeze_batch_norm"),
    *("dataset", "num_train", "num_test", "holdout", "inputs"),
    *("augment", "mixup_alpha", "label_noise", "noise_kind"),
    *("steps", "batch_size", "optimizer", "learning_rate", "schedule"),
    *("nesterov", "weight_decay", "clipnorm", "label_smoothing"),
    *("mixed_precision", "jit_compile", "steps_per_execution", "distribute"),
)
# Flags that came later, with their defaults. A run has them where they change it: a run from before
# goes on.
LATER = {
    "skip_nonfinite": False,
    "head_epochs": 0,
    "keep_top": False,
    "schedule_factor": None,
    "l2": 0.0,
    "bootstrap": None,
    "padding": "zeros",
    "imbalance": None,
    "image_size": None,
    "sync_perturbation": "none",
    "until_loss": None,
}
PATHS = ("data_dir", "weights")
MOST_WARMUP = 2.0


def settings(options: dict[str, Any], entry: Entry, seed: int) -> dict[str, Any]:
    """The resolved settings of one run: all that its result depends on, as JSON can hold it."""
    is_plain = entry.method == PLAIN
    copied = {key: options[key] for key in COPIED if key in options}
    copied |= {
        key: options[key] for key, default in LATER.items() if options.get(key, default) != default
    }
    if options["bootstrap_from"]:
        earlier = Path(options["bootstrap_from"]).resolve()
        copied["bootstrap_from"] = str(earlier)
        copied[LABELS] = str(earlier / entry.folder / f"seed_{seed}" / "model.keras")
    if options["average"]:
        start = options["average_start"]
        copied |= {"average": options["average"], "average_start": 0.75 if start is None else start}
    if options["schedule_steps"]:
        copied["schedule_steps"] = rising_shares("--schedule_steps", options["schedule_steps"])
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
        "warmup_epochs": _warmup_epochs(options),
    }


def _momentum(options: dict[str, Any], entry: Entry) -> float | None:
    if options["momentum"] is None and options["optimizer"] in WITH_MOMENTUM:
        return 0.0 if entry.updates_itself else 0.9
    return options["momentum"]


def _warmup_epochs(options: dict[str, Any]) -> float:
    if options["warmup_epochs"] is None:
        return min(MOST_WARMUP, options["epochs"] / 4) if options["schedule"] == "cosine" else 0.0
    return options["warmup_epochs"]


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
        word = f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}"
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += f"{word} "
    return "\n".join(f"  {line.rstrip()}" for line in lines)
