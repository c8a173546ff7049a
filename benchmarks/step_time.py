"""Measures what a step of SAM costs, against plain `fit` and against other implementations.

    KERAS_BACKEND=jax python benchmarks/step_time.py --output=step_time.json

trains a ResNet-20 on random 32x32 images, batch 128: plainly, with SAM, with SAM on every fifth
step, and with five ascent steps, by real `fit` calls that take turns, on the backend of
KERAS_BACKEND. It prints a table and whether the targets hold (README.md has them). Expect three to
eight minutes on two cores.

With --peers (the default) other implementations take turns too, where they are installed:
optax.contrib.sam with a Flax ResNet-20 on JAX, pytorch_optimizer's SAM with one in torch.nn, and
on TensorFlow Keras 2's class and a step by hand. --jit_compile=on measures XLA on TensorFlow, and
torch.compile.

    KERAS_BACKEND=jax python benchmarks/step_time.py --methods=all --output=methods.json

measures the step of every named method instead, over the plain step of a ResNet-8, batch 32, in
about six minutes on two cores; --methods=sam,asam that of some.
README.md in this folder says what each number is.
"""

import json
import os
import subprocess
import sys
from typing import Any

import _report
import _text
from absl import app, flags

FLAGS = flags.FLAGS
JIT_COMPILE: dict[str, bool | str] = {"auto": "auto", "on": True, "off": False}

flags.DEFINE_string("model", "resnet20", "resnet8 … resnet56, of depth 6n + 2.")
flags.DEFINE_integer("batch_size", 128, "Images a step.", lower_bound=1)
flags.DEFINE_integer("blocks", 8, "Turns that each case gets.", lower_bound=1)
flags.DEFINE_integer("steps_per_block", 5, "Steps a turn, a multiple of 5.", lower_bound=5)
flags.DEFINE_integer("probes", 3, "Fresh processes a case, for first call and memory.", 1)
flags.DEFINE_bool("peers", True, "Whether to measure other implementations too.")
flags.DEFINE_enum("jit_compile", "auto", list(JIT_COMPILE), "Of compile; peers stay as they are.")
flags.DEFINE_list("methods", [], "Measure the steps of these methods instead, or of all.")
flags.DEFINE_integer("max_seconds", 330, "With --methods: begin no round that ends later.", 1)
flags.DEFINE_string("output", None, "JSON file to write.")
flags.DEFINE_string("probe", None, "Internal: measure this one case in this process.")

# Each fifth step is a SAM step: other lengths would hold too few or too many of them.
flags.register_validator("steps_per_block", lambda steps: steps % 5 == 0, "must divide by 5")

KERAS_CASES = ("plain", "sam", "every=5", "multistep=5")
SMALL = {"model": "resnet8", "batch_size": 32}  # Defaults where every method is measured.


def main(argv: list[str]) -> None:
    """Measures what the flags ask for."""
    if len(argv) > 1:
        raise app.UsageError(f"Options start with two dashes. Received: {' '.join(argv[1:])}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # PyTorch's threads spin while they wait: beside other processes that costs several times the
    # work itself, at random.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if FLAGS.probe:
        print(json.dumps(_probe()))
        return
    if FLAGS.methods:
        result, text = _measure_methods()
    else:
        # Before this process loads a backend: a new one's peak starts at that of its parent.
        result = _measure(_probe_all())
        text = _report.text(result)
    print(text)
    _text.save(result, FLAGS.output)


def _measure_methods():
    import _cases
    import _method_cases
    import _method_report
    import _method_turns
    import _probing

    for name, value in SMALL.items():
        FLAGS.set_default(name, value)
    setting = {name: FLAGS[name].value for name in ("model", "batch_size", "blocks", "max_seconds")}
    chosen = _method_cases.cases(FLAGS.methods)
    data = _cases.random_data(FLAGS.batch_size, 1 + max(case.steps for case in chosen))
    cases, rounds = _method_turns.measure(chosen, data, setting, _say)
    setting = {**_probing.surroundings(), **setting, "rounds": rounds}
    result: dict[str, Any] = {"setting": setting, "cases": cases}
    result["targets"] = _method_report.targets(cases)
    return result, _method_report.text(result)


def _probe():
    # Imported here, as below: a parent of probes stays small, and --help need not wait.
    import _probing

    compiled = JIT_COMPILE[FLAGS.jit_compile]
    return _probing.probe(FLAGS.probe, FLAGS.model, FLAGS.batch_size, compiled)


def _probe_all():
    """The probes of each Keras case, which take turns as well."""
    probes: dict[str, list] = {name: [] for name in KERAS_CASES}
    for turn in range(FLAGS.probes):
        for name in KERAS_CASES:
            _say(f"fresh process {turn + 1} of {FLAGS.probes}: {name}")
            probes[name].append(_fresh_process(name))
    return probes


def _fresh_process(name: str) -> dict[str, Any]:
    command = [sys.executable, __file__, f"--probe={name}"]
    command += [f"--{key}={FLAGS[key].value}" for key in ("model", "batch_size", "jit_compile")]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1])


def _measure(probes):
    import _cases
    import _probing
    import _timing
    import peers

    data = _cases.random_data(FLAGS.batch_size, FLAGS.steps_per_block)
    options = (FLAGS.model, FLAGS.batch_size, data, JIT_COMPILE[FLAGS.jit_compile])
    cases = {name: _cases.build(name, *options) for name in KERAS_CASES}
    notes: list[str] = []
    if FLAGS.peers:
        others, notes = peers.build(FLAGS.model, FLAGS.batch_size, data)
        cases.update(others)
    _say(f"{FLAGS.blocks} turns of {FLAGS.steps_per_block} steps: {', '.join(cases)}")
    turns = _timing.take_turns(cases, FLAGS.blocks, FLAGS.steps_per_block)
    images = FLAGS.batch_size * FLAGS.steps_per_block
    names = ("model", "batch_size", "blocks", "steps_per_block", "probes", "jit_compile")
    setting = {**_probing.surroundings(), **{name: FLAGS[name].value for name in names}}
    result = {"setting": setting, **_timing.relate(turns, images, probes), "notes": notes}
    return {**result, "targets": _report.targets(result)}


def _say(line):
    print(f"... {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    app.run(main)
