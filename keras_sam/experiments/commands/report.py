"""Makes one page of tables and figures from the folders of finished runs.

    python apps/report.py --runs=runs/e6,runs/e4 --output=report --title="SAM on CIFAR-10"

searches runs/e6 and runs/e4 for <method>/seed_<n>/ as train_resnet.py leaves them, and writes
report/report.md with its figures beside it and report/report.html, one file to read, to print and
to send. Expect a table for each network and data set (mean ± 95 % interval over the seeds, the
difference to --baseline on the same seeds, published figures beside), curves with bands, accuracy
over training time, and results over rho, label noise and batch size where these vary; where several
tables compare methods, what each saves on all networks and data sets comes first. It takes a
second or two for each figure and reads no data set.

    python apps/report.py --runs=runs/e8 --output=report --experiment=e8 --weights

puts the figures of experiment e8 beside the runs, even if their network is another one, and draws
the weights of each first convolution: that loads the models with Keras and takes some seconds more.

Runs that are unfinished, failed or diverged are named and are in no mean.
"""

from keras_sam.experiments.report import command


def main(argv: list[str]) -> None:
    """Runs the command line `argv`, whose first word is the command's name."""
    command.main(argv, __doc__)
