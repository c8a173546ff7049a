"""Attacks runs, trainings, arguments and files at random, and counts what does not hold.

    KERAS_BACKEND=jax python benchmarks/faults.py --kills=100 --nans=100 --inputs=1000 --files=1000

on the backend of KERAS_BACKEND. It prints how many cases of each kind survived, were refused as
they should be, or failed, and for each failure the command that repeats it:

- kills: a tiny training, of any method, gets a SIGKILL at a random moment (half of them at one of
  its file operations), is resumed, maybe killed again, and must end with the weights, the metrics
  and the files of a run that was never stopped, bit for bit;
- nans: a NaN, an infinity or a spike in labels, inputs, one micro-batch, a weight or the sample
  weights; a guarded step changes nothing, an unguarded one nothing that plain Keras would not;
- inputs: constructors and flags with random arguments make a finite step or refuse them;
- files: settings, metrics, checkpoints, models, data and flag files, damaged, are read as if they
  were not or end an app in one line that names them.

Each case depends on its number and on --seed alone. Its result is a line of --output: stopped in
any way, the same command goes on where it was. --only=kills:1234 repeats a case. Beside the lines
(faults_torch.jsonl) it leaves a table (faults_torch.txt) with all failures.
"""

import importlib
import os
import sys
import time
from pathlib import Path
from typing import Any

# One thread a case, and no time on good machine code; set before any backend is imported.
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_cpu_multi_thread_eigen=false",
}
for name, value in ENVIRONMENT.items():
    os.environ.setdefault(name, value)

from absl import app, flags  # noqa: E402
from attacks import children  # noqa: E402
from attacks import log as results  # noqa: E402

FLAGS = flags.FLAGS
KINDS = ("kills", "nans", "inputs", "files")
for kind in KINDS:
    flags.DEFINE_integer(kind, 0, f"Number of cases of {kind}.", 0)
flags.DEFINE_integer("seed", 0, "Of all cases.", 0)
flags.DEFINE_list("only", [], "Repeat these cases, as in kills:1234.")
flags.DEFINE_string("output", None, "File of results. Default: runs/faults_<backend>.jsonl.")


def main(argv: list[str]) -> None:
    """Runs the cases that the flags ask for and that are not done yet."""
    if len(argv) > 1:
        raise app.UsageError(f"Options start with two dashes. Received: {' '.join(argv[1:])}")
    backend = os.environ.setdefault("KERAS_BACKEND", "jax")
    output = Path(FLAGS.output or f"runs/faults_{backend}.jsonl").absolute()
    log = results.Log(output, {"backend": backend, "seed": FLAGS.seed})
    if FLAGS.only:
        failed = [case for case in FLAGS.only if _repeated(case, log)]
        sys.exit(bool(failed))
    try:
        for kind in KINDS:
            _run(kind, getattr(FLAGS, kind), log)
    except KeyboardInterrupt:
        print("Stopped; the same command goes on.", file=sys.stderr)
        sys.exit(130)
    _conclude(log)


def _kind(name: str, log: results.Log) -> Any:
    """The cases of a kind, which have a folder beside the results."""
    module = importlib.import_module(f"attacks.{name}")
    folder = log.path.with_suffix("") / name
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["FAULTS_COMPILED"] = str(log.path.with_suffix("") / "compiled")
    children.settle()
    return module.Cases(folder, FLAGS.seed)


def _run(kind: str, number: int, log: results.Log) -> None:
    numbers = sorted(set(range(number)) - log.numbers(kind))
    if not numbers:
        return
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # Its thread would be in the way of forks.
    cases = _kind(kind, log)
    with tqdm(total=number, initial=number - len(numbers), desc=kind, mininterval=1) as bar:
        started, failed = time.perf_counter(), 0
        for case, result in cases.run(numbers):
            log.add(kind, case, time.perf_counter() - started, result)
            failed += result.outcome == results.FAILED
            bar.set_postfix(failed=failed, refresh=False)
            bar.update()
            started = time.perf_counter()


def _repeated(case: str, log: results.Log) -> bool:
    """Repeats a case; returns whether it fails."""
    kind, _, number = case.partition(":")
    if kind not in KINDS or not number.isdecimal():
        raise app.UsageError(f"A case is kind:number, as in kills:1234. Received: --only={case}")
    ((_, result),) = _kind(kind, log).run([int(number)])
    print(f"{case}: {result.what}\n{result.outcome}: {result.reason}\n{result.detail}")
    return result.outcome == results.FAILED


def _conclude(log: results.Log) -> None:
    """Prints and writes the table; ends with 1 where anything failed."""
    lines = log.lines()
    text = f"{results.counts(lines)}\n\n{results.reasons(lines)}"
    every = results.commands(lines)
    log.path.with_suffix(".txt").write_text(f"{text}\n\n{every}\n", encoding="utf-8")
    print(f"{text}\n\nall failures, with commands: {log.path.with_suffix('.txt')}")
    sys.exit(bool(every))


if __name__ == "__main__":
    app.run(main)
