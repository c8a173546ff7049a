"""Trains clients that do not show each other their images, with and without SAM (federated).

    python apps/federated.py --compare=fedavg,fedsam,fedasam,mofedsam --seeds=0,1,2

splits the training images among --clients, the classes in shares from a Dirichlet distribution of
--alpha, and compares federated algorithms on them: in each round a share of the clients train from
the server's weights on their own images, and the server moves along the mean of their changes.
fedavg makes plain steps, fedsam those of SAM, fedasam those of ASAM, mofedsam those of SAM mixed
with the server's last change (Qu et al. 2022, Caldarola et al. 2022), and fedlesam climbs towards
the weights that a client was sent the last time, with one gradient a step (Fan et al. 2024).
--method puts the steps of any method of keras_sam into those of fedsam, fedasam and mofedsam.

--dataset=cifar10 --data_dir=data --model=resnet8 --clients=100 --fraction=0.1 splits CIFAR-10.

Everything runs in this process, without Flower: the clients take turns. The same server and
clients run as processes or in Flower's own simulation with `flwr run examples/flower`.

The table has the accuracy on test images, the mean of the last ten rounds (mean ± 95 % interval
over the seeds), and the gain over the first algorithm on the same seeds. It is kept in
<workdir>/federated.txt, the curves in <workdir>/curves.png, and each run in
<workdir>/<algorithm>/seed_<n>/ with a line a round in metrics.jsonl. The same command goes on after
the last whole round, to the same end. The variable KERAS_BACKEND chooses jax, tensorflow or torch.
"""

from keras_sam.experiments.federated import command


def main(argv: list[str]) -> None:
    """Runs the command line `argv`, whose first word is the command's name."""
    command.main(argv, __doc__)
