"""A training by two JAX processes of two devices each, as a program: what each of them ends with.

Each process is `python -m tests.contract.jax_processes FOLDER RANK ADDRESS CASE…`; `run` starts
both.
"""

import pathlib
import pickle
import sys

import keras

from tests import pair
from tests.contract.processes import ends, normalized, refusal, trained
from tests.pair import PROCESSES

DEVICES = 4  # Of all processes together.
FLAGS = (
    "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"
    " --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
)


def run(folder, cases):
    """What both processes end with: a list of two dicts.

    Args:
        folder: Path, for what they hand over.
        cases: List of strings: keys of `OTHERS`, methods, or methods and `" in parts"`.
    """
    address = f"localhost:{pair.free_port()}"
    pair.run(
        __name__,
        lambda rank: [str(folder), str(rank), address, *cases],
        lambda rank: {"XLA_FLAGS": FLAGS},
    )
    return [pickle.loads((folder / f"{rank}.pkl").read_bytes()) for rank in range(PROCESSES)]


def of_method(case, rank=None):
    """`ends` of a method, or its error: of a process's shard, or of all in one process (`None`)."""
    name = case.removesuffix(" in parts")
    parts = {"num_batch_splits": DEVICES} if name != case else {}
    try:
        return ends(trained(name, rank, **parts))
    except ValueError as error:
        return str(error)


def with_batch_norm(rank=None):
    """`ends`, and the logs, of a model with BatchNorm that shows what it measures."""
    keras.utils.set_random_seed(0)
    sam = trained("sam", rank, normalized(), log_sharpness=True)
    return {**ends(sam), "logs": sam.history.history}


def on_a_mesh(rank=None):
    """The logs of a model whose weights are cut up between a process's two devices."""
    before = keras.distribution.distribution()
    if rank is not None:
        mesh = keras.distribution.DeviceMesh(
            (2, 2), ["batch", "model"], keras.distribution.list_devices()
        )
        layout = keras.distribution.LayoutMap(mesh)
        layout[".*/kernel"] = ("model", None)
        keras.distribution.set_distribution(
            keras.distribution.ModelParallel(
                layout_map=layout, batch_dim_name="batch", auto_shard_dataset=False
            )
        )
    keras.utils.set_random_seed(0)
    try:
        sam = trained("sam", rank, normalized(), log_sharpness=True)
        is_cut = any(not variable.value.is_fully_replicated for variable in sam.trainable_variables)
        return {"logs": sam.history.history, "is cut": is_cut}
    finally:
        keras.distribution.set_distribution(before)


def other_method(rank):
    """Error of a training for which the processes have another method; JAX refuses another rho."""
    return refusal(rank, seed=0, method=["sam", "asam"], rho=[0.1, 0.1])


OTHERS = {"batch norm": with_batch_norm, "mesh": on_a_mesh, "other method": other_method}

if __name__ == "__main__":
    folder, rank, address, *cases = sys.argv[1:]
    keras.distribution.initialize(address, PROCESSES, int(rank))
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    found = {
        case: OTHERS[case](int(rank)) if case in OTHERS else of_method(case, int(rank))
        for case in cases
    }
    pathlib.Path(folder, f"{rank}.pkl").write_bytes(pickle.dumps(found))
