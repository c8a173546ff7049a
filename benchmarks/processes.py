"""Table: every method in two processes, or replicas, beside one device (minutes on two cores).

    KERAS_BACKEND=torch python -m benchmarks.processes
    KERAS_BACKEND=jax python -m benchmarks.processes         # of two devices each
    KERAS_BACKEND=tensorflow python -m benchmarks.processes  # two replicas, of MirroredStrategy
    KERAS_BACKEND=jax python -m benchmarks.processes sam gsam  # these alone

Largest differences of weights, optimizer and state after three updates, relative to 1 or to the
number where that is larger. `own`: each process (on JAX each device) perturbs for its own batch,
beside one device with as many micro-batches. `one`: one perturbation for all, beside one device; on
PyTorch with `sync_perturbation=True`. `-`: a method of chance or with a kept batch, for which parts
are not the batch.
"""

import os
import pathlib
import sys
import tempfile

BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")
if BACKEND == "jax":  # The flags of its tests: what is run a few times is compiled fast.
    os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0"

from tests import conformance  # noqa: E402
from tests.contract import jax_processes, processes  # noqa: E402
from tests.contract.processes import KINDS, largest_difference  # noqa: E402

NAMES = sys.argv[1:] or conformance.NAMES
AT_ONCE = 4  # Methods in a pair of JAX's processes, which has five minutes.


def difference(left, right):
    return max(largest_difference(left[kind], right[kind]) for kind in KINDS)


def beside_one(found, name, parts):
    """A cell: the difference to one device, or why there is none."""
    if found is None:
        return ""
    if isinstance(found, str):
        return "refused"
    if parts > 1 and name in conformance.NOT_IN_PARTS:
        return "-"
    splits = {"num_batch_splits": parts} if parts > 1 else {}
    return f"{difference(found, processes.ends(processes.trained(name, **splits))):.0e}"


def of_torch():
    """For each method what two ends are with its own perturbations, and with one."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = processes.run(pathlib.Path(folder))
    for name in NAMES:
        yield name, *[[end[name][sync] for end in (first, second)] for sync in (False, True)]


def of_jax():
    """The same."""
    for start in range(0, len(NAMES), AT_ONCE):
        names = NAMES[start : start + AT_ONCE]
        with tempfile.TemporaryDirectory() as folder:
            cases = [*names, *(f"{name} in parts" for name in names)]
            first, second = jax_processes.run(pathlib.Path(folder), cases)
        for name in names:
            yield name, *[[end[name + of] for end in (first, second)] for of in (" in parts", "")]


def of_tensorflow():
    """The same of replicas, which have no perturbation in common."""
    from tests.contract import distributed

    strategy = distributed.two_replicas()
    for name in NAMES:
        with strategy.scope():
            try:
                sam = processes.trained(name)
                ends = [processes.ends(sam, _copies(strategy, number)) for number in (0, 1)]
            except ValueError as error:
                ends = [str(error)] * 2
        yield name, ends, [None, None]


def _copies(strategy, number):
    """A function that reads variables as a replica has them."""

    def values(variables):
        copies = [strategy.experimental_local_results(variable.value) for variable in variables]
        return [copy[min(number, len(copy) - 1)].numpy() for copy in copies]

    return values


def rows():
    """A line for each method: name, both differences, whether the processes are bit-equal."""
    own = jax_processes.DEVICES if BACKEND == "jax" else processes.PROCESSES
    ways = {"torch": of_torch, "jax": of_jax, "tensorflow": of_tensorflow}
    for name, *both in ways[BACKEND]():
        cells = [beside_one(f[0], name, parts) for f, parts in zip(both, (own, 1), strict=True)]
        trained = [found for found in both if isinstance(found[0], dict)]
        is_equal = all(difference(*found) == 0 for found in trained)
        yield name, *cells, "NO" if not is_equal else "yes" if trained else ""


if __name__ == "__main__":
    print("| method | own | one | bits equal |\n|---|---|---|---|")
    for row in rows():
        print(f"| {' | '.join(row)} |", flush=True)
