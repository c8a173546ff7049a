"""A training by two PyTorch processes, as a program: what each of them ends with.

Each process is `python -m tests.contract.processes FOLDER RANK`; `run` starts both.
"""

import contextlib
import datetime
import os
import pathlib
import pickle
import sys
from typing import Any

import keras
import numpy as np

import keras_sam
from tests import conformance, pair
from tests.pair import PROCESSES
from tests.toys import mlp, one_step, values, vectors

KINDS = ("weights", "optimizer", "state")  # Of what a training ends with.
SECONDS = 60  # After which a process gives up waiting for the other.
IN_MEAN = ("looksam", "esam", "multistep", "rwp")  # A memory, examples, steps, chance.
STEPS, SHARE = 3, 4  # Batches of a training, and a process's examples of each.


def run(folder):
    """What both processes end with: a list of two dicts."""
    pair.run(__name__, lambda rank: [str(folder), str(rank)], lambda rank: {})
    return [pickle.loads((folder / f"{rank}.pkl").read_bytes()) for rank in range(PROCESSES)]


def shard(array, rank):
    """A process's part of each global batch, one after the other."""
    parts = array.reshape(STEPS, PROCESSES, SHARE, *array.shape[1:])
    return parts[:, rank].reshape(-1, *array.shape[1:])


def trained(name, rank=None, model=None, optimizer=None, x=None, seed=0, **arguments):
    """A `SAMModel` after an epoch: of a process's shard, or of all in one process (`None`)."""
    keras.utils.set_random_seed(seed)
    everything, y = vectors(STEPS * PROCESSES * SHARE)
    x = everything if x is None else x
    method = keras_sam.methods.get(name, **{"rho": 0.1, **conformance.ROWS[name].brief})
    sam = keras_sam.SAMModel(model or conformance.suited(name, mlp()), method=method, **arguments)
    sam.compile(optimizer or conformance.optimizer(method, 0.1, momentum=0.9), "mse")
    batch = SHARE * PROCESSES
    if rank is not None:
        x, y, batch = shard(x, rank), shard(y, rank), SHARE
    history = sam.fit(x, y, batch_size=batch, shuffle=False, verbose=0).history
    sam.__dict__["skipped"] = history.get("skipped_steps")
    return sam


def largest_difference(left, right):
    """Over all arrays of two lists, relative to 1 or to the entry where that is larger."""
    pairs = zip(left, right, strict=True)
    found = [np.max(np.abs(a - b) / np.maximum(np.abs(b), 1), initial=0.0) for a, b in pairs]
    return float(max(found, default=0.0))


def ends(sam, values=values):
    """Weights, optimizer and state of the method, but for a batch that is kept."""
    state = [] if sam.memory is None else keras.tree.flatten(sam.memory.state)
    seed = [] if sam.memory is None or sam.memory.seed is None else [sam.memory.seed.state]
    return {
        "weights": values(sam.base_model.weights),
        "optimizer": values(sam.optimizer.variables),
        "state": values([*state, *seed]),
    }


def of_method(name, rank, sync):
    """`ends`, or the error that refuses it; the processes start from other weights and seeds."""
    try:
        return ends(trained(name, rank, seed=rank, sync_perturbation=sync))
    except ValueError as error:
        return str(error)


def normalized():
    """A model that normalizes its input with BatchNorm."""
    layers = [keras.Input((4,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    return keras.Sequential(layers)


def with_bad_rows(rank, **arguments):
    """A training whose second batch is bad in the last process alone."""
    x, _ = vectors(STEPS * PROCESSES * SHARE)
    x[PROCESSES * SHARE + SHARE + 1] = np.nan
    sam = trained("looksam", rank, x=x, seed=rank, skip_nonfinite=True, **arguments)
    return {**ends(sam), "skipped": vars(sam)["skipped"]}


def with_loss_scaling(rank):
    """The same in float16, whose optimizer looks for overflows itself."""
    keras.config.set_dtype_policy("mixed_float16")
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01), initial_scale=8.0)
    try:
        return with_bad_rows(rank, optimizer=optimizer)
    finally:
        keras.config.set_dtype_policy("float32")


def refusal(rank, seed=None, **by_process):
    """Error of a training for which the processes have other arguments; the weights stay."""
    mine = {name: choices[rank] for name, choices in by_process.items()}
    name, wide = mine.pop("method", "sam"), mine.pop("wide", False)
    examples = mine.pop("examples", 8)
    keras.utils.set_random_seed(rank if seed is None else seed)
    sam = keras_sam.SAMModel(mlp(keras.layers.Dense(7)) if wide else mlp(), method=name, **mine)
    sam.compile("sgd", "mse")
    before = values(sam.weights)
    try:
        sam.fit(*vectors(examples), batch_size=8, verbose=0)
    except ValueError as error:
        np.testing.assert_equal(values(sam.weights), before)
        return str(error)
    return None


@contextlib.contextmanager
def counted(calls):
    """Notes how many numbers each all-reduce of the block has."""
    from torch import distributed

    original = distributed.all_reduce

    def all_reduce(tensor, *args, **kwargs):
        calls.append(tensor.numel())
        return original(tensor, *args, **kwargs)

    distributed.all_reduce = all_reduce
    try:
        yield
    finally:
        distributed.all_reduce = original


def messages(rank, sync=False, wrapped=False):
    """Sizes of the messages of one step, after the first."""
    keras.utils.set_random_seed(rank)
    sam = keras_sam.SAMModel(mlp(), sync_perturbation=sync)
    sam.compile("sgd", "mse")
    x, y = vectors()
    sam.train_on_batch(x, y)
    if wrapped:  # As Keras's next release will do before `fit`.
        from torch.nn.parallel import DistributedDataParallel

        sam.__dict__["ddp_model"] = DistributedDataParallel(sam)
    calls: list = []
    with counted(calls):
        sam.train_on_batch(x, y)
    return calls, values(sam.weights)


def of_sampler(rank):
    """The way of Keras's guide: a loader with a `DistributedSampler`."""
    from torch.utils import data

    keras.utils.set_random_seed(rank)
    x, y = map(keras.ops.convert_to_tensor, vectors(16))
    dataset = data.TensorDataset(x, y)
    sampler: Any = data.distributed.DistributedSampler(dataset, shuffle=False)
    sam = keras_sam.SAMModel(mlp(), rho=0.1, sync_perturbation=True)
    sam.compile(keras.optimizers.Adam(0.01), "mse")
    sam.fit(data.DataLoader(dataset, 4, sampler=sampler), shuffle=False, verbose=0)
    return ends(sam)


def late_group(rank, start):
    """A training for which the group of processes is initialised after `compile`."""
    keras.utils.set_random_seed(rank)
    sam = keras_sam.SAMModel(mlp())
    sam.compile("sgd", "mse")
    x, y = vectors()
    sam.train_on_batch(x + rank, y)
    start()
    sam.train_on_batch(x + rank, y)
    return ends(sam)


def sharded(rank):
    """Error of a model that PyTorch has sharded."""
    from torch.distributed.fsdp import fully_shard

    keras.utils.set_random_seed(rank)
    sam = keras_sam.SAMModel(mlp())
    sam.compile("sgd", "mse")
    try:
        fully_shard(sam.base_model)
        sam.fit(*vectors(), verbose=0)
    except ValueError as error:
        return str(error)
    return None


def after_a_death(rank):
    """Error of the process that is left when the other one ends in the midst of a training."""
    keras.utils.set_random_seed(rank)
    sam = keras_sam.SAMModel(mlp())
    sam.compile("sgd", "mse")
    x, y = vectors()
    sam.train_on_batch(x, y)
    if rank == PROCESSES - 1:
        return None
    try:
        sam.train_on_batch(x, y)
    except RuntimeError as error:
        return str(error)
    return "no error"


def mean_of_perturbations(rank):
    """The weights of the quadratic after a step, whose curvature is another in each process."""
    curvature = np.tile(np.array([[1.0, 2.0], [2.0, 1.0]], "float32")[rank], (4, 1))
    return one_step("sam", curvature, sync_perturbation="mean")[0]


def everything(rank, start):
    """All that is tested, by name."""
    found = {"late group": late_group(rank, start)}
    for name in keras_sam.methods.list():
        found[name] = {sync: of_method(name, rank, sync) for sync in (False, True)}
        if name in IN_MEAN:
            found[name]["mean"] = of_method(name, rank, "mean")
    found["mean of perturbations"] = mean_of_perturbations(rank)
    found["batch norm"] = ends(trained("sam", rank, normalized(), seed=rank))
    found["bad rows"] = with_bad_rows(rank)
    found["loss scaling"] = with_loss_scaling(rank)
    found["sampler"] = of_sampler(rank)
    found["messages"] = messages(rank)
    found["messages in sync"] = messages(rank, sync=True)
    found["messages in mean"] = messages(rank, sync="mean")
    found["messages beside DDP"] = messages(rank, wrapped=True)
    found["other method"] = refusal(rank, method=["sam", "asam"])
    found["other rho"] = refusal(rank, rho=[0.1, 0.2])
    found["other model"] = refusal(rank, wide=[False, True])
    found["other way"] = refusal(rank, sync_perturbation=[False, True])
    found["other shard"] = refusal(rank, examples=[24, 16])
    found["sharded"] = sharded(rank)
    found["death"] = after_a_death(rank)
    return found


if __name__ == "__main__":
    folder, rank = pathlib.Path(sys.argv[1]), int(sys.argv[2])

    def start():
        from torch import distributed

        distributed.init_process_group(
            "gloo",
            init_method=f"file://{folder}/store",
            rank=rank,
            world_size=PROCESSES,
            timeout=datetime.timedelta(seconds=SECONDS),
        )

    (folder / f"{rank}.pkl").write_bytes(pickle.dumps(everything(rank, start)))
    os._exit(0)  # Not waiting for a process that is gone.
