"""Does on a machine with a GPU what two cores cannot: `make gpu` in an environment of its own.

    make gpu DATA_DIR=data MINUTES=60

Four parts, one after the other, each in a process of its own; --parts names some of them:
- methods: one step of every method on JAX and on PyTorch, with the exact numbers of the fixture.
- step_time: what a step costs, beside peers, on each (`step_time.py`).
- e6: SAM after 50 epochs against SGD after 100, in full, of CIFAR-10 (--data_dir).
- wrn: WideResNet-28-10 (preset e1_wrn28_10) in bfloat16, for --minutes; the same command goes on
  where it was stopped.
It prints a line for each part and writes gpu.json, and the results of each, into --workdir; last
comes a report of what was trained. Without a GPU it ends in one line; --device=cpu --smoke tries
every part in a few minutes on two cores and measures nothing.

This script has been run with --device=cpu --smoke alone: no GPU was at hand.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from _text import save
from absl import app, flags, logging

FLAGS = flags.FLAGS
PARTS = ("methods", "step_time", "e6", "wrn")
TRAININGS = ("e6", "wrn")
HERE = Path(__file__).parent
APPS = HERE.parent / "apps"
SHORT = ("--model=resnet8", "--batch_size=8", "--blocks=2", "--probes=1")
STOPPED = 130  # The exit code of a training after Ctrl-C.
GRACE = 300  # Seconds for a training to end by itself after it was asked to.

flags.DEFINE_list("backends", ["jax", "torch"], "The first one trains.")
flags.DEFINE_list("parts", list(PARTS), f"Several of: {', '.join(PARTS)}.")
flags.DEFINE_enum("device", "gpu", ["gpu", "cpu"], "cpu: to try the script.")
flags.DEFINE_string("data_dir", None, "Folder that holds CIFAR-10, for e6 and wrn.")
flags.DEFINE_float("minutes", 60.0, "Of the part wrn.", lower_bound=0.0)
flags.DEFINE_bool("smoke", False, "Shrink every part, to see whether it works.")
flags.DEFINE_string("workdir", "runs/gpu", "Folder of the results.")
flags.DEFINE_string("child", None, "Internal: do this in this process.")


def main(argv: list[str]) -> None:
    """Runs the parts that the flags ask for."""
    if len(argv) > 1:
        raise app.UsageError(f"Options start with two dashes. Received: {' '.join(argv[1:])}")
    if FLAGS.child:
        print(json.dumps(_child(FLAGS.child)))
        return
    _check_flags()
    found = {"devices": {backend: _device(backend) for backend in FLAGS.backends}, "parts": {}}
    ended = [_run(part, found) for part in FLAGS.parts]
    if any(_trained()):
        ended.append(_timed("report", _report_command(), found, FLAGS.backends[0]))
    print(f"written  {_workdir() / 'gpu.json'}")
    sys.exit(any(ended))


def _check_flags() -> None:
    for part in FLAGS.parts:
        if part not in PARTS:
            _fail(f"The parts must be of {', '.join(PARTS)}. Received: --parts={part}")
    wants_data = set(FLAGS.parts) & set(TRAININGS) and not FLAGS.smoke
    if wants_data and FLAGS.data_dir is None:
        _fail("e6 and wrn need the folder of CIFAR-10. Received: no --data_dir")


def _fail(message: str) -> None:
    sys.exit(f"gpu.py: {message}")


def _child(name: str) -> Any:
    # Imported here: the parent stays without a backend, which would take the GPU's memory.
    import _gpu_methods
    import _probing

    logging.set_verbosity("warning")  # JAX says at length which devices there are not.
    return _probing.device_name() if name == "device" else _gpu_methods.check()


def _device(backend: str) -> str:
    """The GPU's name; without one the script ends, unless it is only to be tried."""
    if FLAGS.device == "cpu":
        return "cpu"
    name = json.loads(_lines(_own_command("device"), backend)[-1])
    if name is None:
        _fail(f"{backend} finds no GPU; --device=cpu --smoke tries the script without one.")
    return name


def _run(part: str, found: dict) -> int:
    """Runs a part, on each backend where it is not a training; whether it failed."""
    if part == "wrn":
        return _timed(part, _training_command("e1_wrn28_10", part), found, FLAGS.backends[0], True)
    if part == "e6":
        return _timed(part, _training_command("e6", part), found, FLAGS.backends[0])
    ended = []
    for backend in FLAGS.backends:
        name = f"{part}_{backend}"
        if part == "step_time":
            ended.append(_timed(name, _step_time_command(name), found, backend))
        else:
            ended.append(_methods(name, backend, found))
    return any(ended)


def _own_command(child: str) -> list[str]:
    return [sys.executable, str(HERE / "gpu.py"), f"--child={child}"]


def _step_time_command(name: str) -> list[str]:
    output = f"--output={_workdir() / name}.json"
    return [sys.executable, str(HERE / "step_time.py"), output, *(SHORT if FLAGS.smoke else ())]


def _training_command(preset: str, part: str) -> list[str]:
    command = [sys.executable, str(APPS / "train_resnet.py"), f"--preset={preset}", "--resume"]
    command += [f"--workdir={_workdir() / part}"]
    command += ["--mixed_precision=bfloat16"] if part == "wrn" else []
    command += ["--smoke"] if FLAGS.smoke else []
    return command + ([f"--data_dir={FLAGS.data_dir}"] if FLAGS.data_dir else [])


def _report_command() -> list[str]:
    output = f"--output={_workdir() / 'report'}"
    return [sys.executable, str(APPS / "report.py"), f"--runs={','.join(_trained())}", output]


def _trained() -> list[str]:
    """The folders with runs, which a training that was stopped early may not have."""
    return [str(_workdir() / part) for part in TRAININGS if any(_workdir().glob(f"{part}/*/*/"))]


def _methods(name: str, backend: str, found: dict) -> int:
    began = time.perf_counter()
    steps = json.loads(_lines(_own_command("methods"), backend)[-1])
    for line in steps["failed"]:
        print(f"FAILED  {backend}: {line}", flush=True)
    _note(found, name, began, len(steps["failed"]), steps)
    return len(steps["failed"])


def _timed(name: str, command: list[str], found: dict, backend: str, stops: bool = False) -> int:
    """Runs a command; one that stops is asked to end after --minutes, which is no failure."""
    print(f"... {name}: {' '.join(command)}", file=sys.stderr, flush=True)
    began = time.perf_counter()
    process = subprocess.Popen(command, env=_environment(backend))
    try:
        code = process.wait(60 * FLAGS.minutes if stops else None)
    except subprocess.TimeoutExpired:
        code = _stopped(process)
    _note(found, name, began, code)
    return code


def _stopped(process: subprocess.Popen) -> int:
    """Asks a training to end; whether it did so otherwise than a training that is stopped."""
    process.send_signal(signal.SIGINT)
    try:
        code = process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
    return 0 if code in (0, STOPPED) else code


def _note(found: dict, name: str, began: float, code: int, more: dict | None = None) -> None:
    seconds = round(time.perf_counter() - began, 1)
    found["parts"][name] = {"seconds": seconds, "failed": code, **(more or {})}
    print(f"{'FAILED' if code else 'done  '}  {name}: {seconds:.0f} s", flush=True)
    save(found, _workdir() / "gpu.json")


def _lines(command: list[str], backend: str) -> list[str]:
    ended = subprocess.run(command, env=_environment(backend), stdout=subprocess.PIPE, text=True)
    if ended.returncode:
        _fail(f"{backend} could not run; see above. Received: exit code {ended.returncode}")
    return ended.stdout.splitlines()


def _environment(backend: str) -> dict[str, str]:
    hidden = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"} if FLAGS.device == "cpu" else {}
    return os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"} | hidden


def _workdir() -> Path:
    return Path(FLAGS.workdir)


if __name__ == "__main__":
    app.run(main)
