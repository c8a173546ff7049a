"""Table: every method in two PyTorch processes beside one process (a minute on two cores).

    KERAS_BACKEND=torch python -m benchmarks.processes

Largest differences of weights, optimizer and state after three updates, relative to 1 or to the
number where that is larger. `own`: each process perturbs for its own batch, beside one process with
as many micro-batches. `sync`: with `sync_perturbation=True`, beside one process with all batches.
`-`: a method of chance or with a kept batch, for which parts are not the batch.
"""

import pathlib
import tempfile

from tests import conformance
from tests.contract import processes
from tests.contract.processes import KINDS, largest_difference


def difference(left, right):
    return max(largest_difference(left[kind], right[kind]) for kind in KINDS)


def beside_one(found, sync, name):
    """A cell: the difference to one process, or why there is none."""
    if isinstance(found, str):
        return "refused"
    if not sync and name in conformance.NOT_IN_PARTS:
        return "-"
    splits = {} if sync else {"num_batch_splits": processes.PROCESSES}
    return f"{difference(found, processes.ends(processes.trained(name, **splits))):.0e}"


def rows():
    """A line for each method: name, both differences, whether the processes are bit-equal."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = processes.run(pathlib.Path(folder))
    for name in conformance.NAMES:
        cells = [beside_one(first[name][sync], sync, name) for sync in (False, True)]
        pairs = [(first[name][sync], second[name][sync]) for sync in (False, True)]
        is_equal = all(isinstance(a, str) or difference(a, b) == 0 for a, b in pairs)
        yield name, *cells, "yes" if is_equal else "NO"


if __name__ == "__main__":
    print("| method | own | sync | bits equal |\n|---|---|---|---|")
    for row in rows():
        print(f"| {' | '.join(row)} |")
