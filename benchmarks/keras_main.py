"""Table: two processes on a checkout of Keras, whose trainer wraps the model in DDP (a minute).

    git clone https://github.com/keras-team/keras build/keras
    export KERAS_BACKEND=torch PYTHONPATH=.:build/keras
    torchrun --nproc_per_node=2 benchmarks/keras_main.py

Sums of the absolute weights after three epochs in each process, which starts from other weights
than the other one: of plain training, of SAM, and of methods that keep a state. The program shares
out the data, or Keras does under `DataParallel`. The suite has a stand-in for such a Keras, in
`tests/contract/processes.py`.
"""

import keras
import numpy as np
from torch import distributed

import keras_sam
from tests.toys import mlp, vectors

METHODS = ("sam", "looksam", "msam", "vasso", "ae_sam", "friendly")
EXAMPLES, BATCH, EPOCHS = 64, 8, 3


class Whole(keras.utils.PyDataset):
    """All batches, of which Keras gives each process its own."""

    def __init__(self, x, y):
        super().__init__()
        self._x, self._y = x, y

    def __len__(self):
        return len(self._x) // BATCH

    def __getitem__(self, index):
        part = slice(index * BATCH, (index + 1) * BATCH)
        return self._x[part], self._y[part]


def trained(method, is_sharded):
    """The base model after a training; `None` is a plain one."""
    rank, processes = distributed.get_rank(), distributed.get_world_size()
    keras.utils.set_random_seed(rank)
    x, y = vectors(EXAMPLES)
    data = Whole(x, y) if is_sharded else Whole(x[rank::processes], y[rank::processes])
    base = mlp()
    model = base if method is None else keras_sam.SAMModel(base, rho=0.1, method=method)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse")
    model.fit(data, epochs=EPOCHS, shuffle=False, verbose=0)
    assert model.ddp_model is not None, "Keras has not wrapped the model"
    return base


def sums(method, is_sharded):
    """The sum of |w| in each process."""
    weights = trained(method, is_sharded).get_weights()
    found = [0.0] * distributed.get_world_size()
    own = float(sum(np.abs(weight).astype("float64").sum() for weight in weights))
    distributed.all_gather_object(found, own)
    return found


def main():
    keras.distribution.initialize()
    if distributed.get_rank() == 0:
        print(f"Keras {keras.version()}, {distributed.get_world_size()} processes (gloo)")
        print("| data shared out by | method | sum of abs(w) in each process | equal |")
        print("|---|---|---|---|")
    for is_sharded in (False, True):
        if is_sharded:
            keras.distribution.set_distribution(keras.distribution.DataParallel())
        for method in (None, *METHODS):
            found = sums(method, is_sharded)
            cells = [
                " ".join(map("{:.10f}".format, found)),
                "yes" if len(set(found)) == 1 else "NO",
            ]
            if distributed.get_rank() == 0:
                way = "DataParallel" if is_sharded else "the program"
                print(f"| {way} | {method or 'plain'} | {' | '.join(cells)} |", flush=True)
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
