"""Measures whether training waits for its data: images a second, and `fit` with and without.

    KERAS_BACKEND=jax python benchmarks/input_pipeline.py --output=input_pipeline.json

makes augmented batches of random 32x32 images alone, in one thread, and then trains a ResNet-20 on
them by real `fit` calls, which take turns with `fit` on the same kind of batches made before. It
prints for each augmentation

- images a second of data and augmentation alone, and these over what the training step takes in the
  same run: above 1 one thread keeps up;
- the time of `fit` over that on ready batches: 1 where training never waits. On a CPU the threads
  that make batches share its cores with the step, so a part of this is work and not waiting;
- the share of the time of `fit` that was spent to get batches which were not ready.

Expect all shares below a hundredth, after five minutes on two cores.
"""

import os
import sys
import time
from typing import Any

import _text
from absl import app, flags

FLAGS = flags.FLAGS

flags.DEFINE_string("model", "resnet20", "resnet8 … resnet56, of depth 6n + 2.")
flags.DEFINE_integer("batch_size", 128, "Images a step.", lower_bound=1)
flags.DEFINE_integer("blocks", 5, "Turns that each case gets.", lower_bound=1)
flags.DEFINE_integer("steps_per_block", 10, "Steps a turn.", lower_bound=1)
flags.DEFINE_integer("workers", 2, "Threads that make batches.", lower_bound=0)
flags.DEFINE_string("output", None, "JSON file to write.")

ALONE = {
    "none": ("none",),
    "basic": ("basic",),
    "basic, cutout": ("basic", "cutout"),
    "basic, autoaugment, cutout": ("basic", "autoaugment", "cutout"),
    "basic, randaugment, cutout": ("basic", "randaugment", "cutout"),
    "basic, mixup": ("basic", "mixup"),
    "basic, cutmix": ("basic", "cutmix"),
    "crop": ("crop",),
}
TRAINED = ("none", "basic", "basic, cutout", "basic, autoaugment, cutout")
HEADER = ("augmentation", "images/s alone", "÷ step's", "fit ÷ ready data", "share waited")
MOST = 1.05  # What `fit` may take over that on ready data.


def main(argv: list[str]) -> None:
    """Measures what the flags ask for."""
    if len(argv) > 1:
        raise app.UsageError(f"Options start with two dashes. Received: {' '.join(argv[1:])}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # As in step_time.py.
    import _probing

    names = ("model", "batch_size", "blocks", "steps_per_block", "workers")
    setting = {**_probing.surroundings(), **{name: FLAGS[name].value for name in names}}
    dataset = _random_dataset(FLAGS.batch_size * FLAGS.steps_per_block)
    alone = {name: _speed(dataset, augment) for name, augment in ALONE.items()}
    result = {"setting": setting, "alone": alone, **_trained(dataset)}
    result["targets"] = _targets(result)
    print(_table(result))
    _text.save(result, FLAGS.output)


def _random_dataset(examples):
    import _cases
    import numpy as np

    from keras_sam.datasets import Dataset

    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (examples, *_cases.IMAGE_SHAPE), dtype="uint8")
    labels = generator.integers(0, _cases.NUM_CLASSES, examples).astype("int32")
    half = (0.5,) * 3
    # The name chooses AutoAugment's policy.
    parts = (images, labels, images[:1], labels[:1], _cases.NUM_CLASSES, "cifar10")
    return Dataset(*parts, mean=half, deviation=half)


def _speed(dataset, augment):
    """Images a second that one thread makes."""
    batches = dataset.training_batches(FLAGS.batch_size, 0, augment, one_hot=True, workers=0)
    started = time.perf_counter()
    for _ in batches:
        pass
    return len(dataset.y_train) / (time.perf_counter() - started)


def _trained(dataset):
    import _cases
    import _timing
    import numpy as np

    model = _cases.compiled("plain", FLAGS.model)
    cases: dict[str, Any] = {}
    waits: dict[str, list[float]] = {}
    for name in TRAINED:
        batches = dataset.training_batches(
            FLAGS.batch_size, augment=ALONE[name], workers=FLAGS.workers
        )
        waits[name] = _watched(batches)
        cases[name] = lambda _, batches=batches: model.fit(batches, shuffle=False, verbose=0)
        ready = _ready(list(batches))
        cases[f"{name}, ready"] = lambda _, ready=ready: model.fit(ready, shuffle=False, verbose=0)
    _say(f"{FLAGS.blocks} turns of {FLAGS.steps_per_block} steps: {', '.join(cases)}")
    turns = _timing.take_turns(cases, FLAGS.blocks, FLAGS.steps_per_block)
    images = FLAGS.batch_size * FLAGS.steps_per_block
    found = {}
    for name in TRAINED:
        ratios = turns[name][:, 0] / turns[f"{name}, ready"][:, 0]
        waited = sum(waits[name][-FLAGS.steps_per_block * FLAGS.blocks :])
        share = waited / turns[name][:, 0].sum()
        found[name] = {"ratio": _timing.spread(ratios), "share_waited": float(share)}
    return {"step": float(images / np.median(turns["none, ready"][:, 0])), "cases": found}


def _watched(batches):
    """The seconds that each batch was waited for, a list that grows.

    On TensorFlow a thread of its input pipeline waits instead of the step: a share is then the most
    that the step can have waited.
    """
    seconds = []

    kind: Any = type(batches)

    class Watched(kind):
        def __getitem__(self, index):
            started = time.perf_counter()
            batch = super().__getitem__(index)
            seconds.append(time.perf_counter() - started)
            return batch

    batches.__class__ = Watched
    return seconds


def _ready(batches):
    import keras

    class Ready(keras.utils.PyDataset):
        num_batches = len(batches)

        def __getitem__(self, index):
            return batches[index]

    return Ready()


def _targets(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "case": name,
            "quantity": "fit over fit on ready data",
            "at_most": MOST,
            "measured": case["ratio"]["median"],
            "verdict": _text.verdict(case["ratio"], MOST),
        }
        for name, case in result["cases"].items()
    ]


def _table(result: dict[str, Any]) -> str:
    rows = [HEADER]
    for name, speed in result["alone"].items():
        case = result["cases"].get(name)
        trained = (
            (_text.ratio_text(case["ratio"]), f"{case['share_waited']:.4f}") if case else ("", "")
        )
        rows.append((name, f"{speed:.0f}", f"{speed / result['step']:.1f}", *trained))
    lines = [
        _text.surroundings_text(result["setting"]),
        f"training step: {result['step']:.0f} images/s",
    ]
    verdicts = [f"{target['case']}: {target['verdict']}" for target in result["targets"]]
    return "\n".join([*lines, _text.aligned(rows), f"at most {MOST}: {'; '.join(verdicts)}"])


def _say(line):
    print(f"... {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    app.run(main)
