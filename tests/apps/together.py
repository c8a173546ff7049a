"""A training app in two PyTorch processes, as torchrun starts them, and what each of them says.

Each process is `python -m tests.apps.together FOLDER PORTS`, with torchrun's variables; `run`
starts both.
"""

import contextlib
import io
import json
import os
import pathlib
import sys
from unittest import mock

from keras_sam.experiments import launch
from keras_sam.experiments.presets import smoke
from keras_sam.experiments.results.folder import RunFolder
from keras_sam.experiments.training import planning
from tests import pair
from tests.pair import PROCESSES

from .conftest import TINY, start

TOGETHER = "--distribute=all"
# Without BatchNorm, whose statistics are a process's own; five tests, which are no shares alike.
SIZES = {"num_train": 32, "num_test": 5, "epochs": 2}
SMALL = ("--smoke", "--model=resnet20", "--normalization=none", "--augment=none")
SMALL += ("--compare=sgd,sam:0.3", "--learning_rate=0.1")
NORMALIZED = (*TINY[:2], "--num_train=64", "--num_test=21", "--batch_size=32", "--epochs=1")
NORMALIZED += ("--method=sgd", "--average=swa", "--average_start=0", "--log=csv")


def small(*arguments):
    """Starts the app on a training that several processes make as one does."""
    with mock.patch.dict(smoke.SIZES, SIZES):
        return start(*arguments, first=SMALL)


def environment(rank, processes, port):
    """What torchrun tells a process."""
    found = {"RANK": rank, "WORLD_SIZE": processes, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return {name: str(value) for name, value in found.items()}


def run(folder):
    """What both processes say: for each a dict from a case to its outcome."""
    ports = json.dumps([pair.free_port() for _ in CASES])
    printed = pair.run(
        __name__,
        lambda rank: [str(folder), ports],
        lambda rank: environment(rank, PROCESSES, 0),
    )
    return [json.loads(text) for text in printed]


def outcome(work):
    """What an app prints, where it says it, and how it ends."""
    said, code = io.StringIO(), None
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            said.write(work())
        except SystemExit as error:
            code = error.code
            _leave()
    return {"said": said.getvalue(), "code": code}


def _leave():
    """Lets another case begin after an error, with which a process ends for others."""
    from torch import distributed

    if distributed.is_initialized():
        distributed.destroy_process_group()


def missing_data(workdir):
    """One process does not find the data."""

    def loaded(options):
        raise FileNotFoundError("no data here. Received: nothing")

    missing = mock.patch.object(planning, "loaded", loaded)
    with missing if launch.follows() else contextlib.nullcontext():
        return start(TOGETHER, f"--workdir={workdir}", first=NORMALIZED)


def uneven_batch(workdir):
    """A batch that two processes cannot share."""
    return start(TOGETHER, "--batch_size=31", f"--workdir={workdir}", first=NORMALIZED)


def whole(workdir):
    """A training with BatchNorm and an average, to its end."""
    return start(TOGETHER, f"--workdir={workdir}", first=NORMALIZED)


def stopped(workdir):
    """A comparison that Ctrl-C ends after an epoch of its second run."""
    original = RunFolder.complete_epoch

    def complete_epoch(folder, model, line):
        original(folder, model, line)
        if folder.settings["method"] == "sam":
            raise KeyboardInterrupt

    with mock.patch.object(RunFolder, "complete_epoch", complete_epoch):
        return small(TOGETHER, "--sync_perturbation=gradient", f"--workdir={workdir}")


CASES = (missing_data, uneven_batch, whole, stopped)  # The last one ends the group.


if __name__ == "__main__":
    launch.SECONDS = 0.0
    folder, ports = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
    found = {}
    for case, port in zip(CASES, ports, strict=True):
        os.environ["MASTER_PORT"] = str(port)
        name = case.__name__
        found[name] = outcome(lambda case=case, name=name: case(folder / name))
    print(json.dumps(found), flush=True)
    os._exit(0)  # Not waiting for a process that is gone.
