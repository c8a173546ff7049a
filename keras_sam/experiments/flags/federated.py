"""The flags of `python apps/federated.py`, whose `--help` tells more."""

from typing import Any

from absl import flags

from keras_sam.checks import fraction, positive
from keras_sam.experiments.flags.checking import checked, excluded, whole_numbers

FLAGS = flags.FlagValues()
OWN: dict[str, Any] = {"flag_values": FLAGS, "module_name": "Options"}

flags.DEFINE_list(
    "compare",
    ["fedavg", "fedsam", "fedasam", "mofedsam"],
    "Algorithms: fedavg, fedsam, mofedsam, fedasam, fedlesam, each maybe with +swa for the mean "
    "of the server's last weights, and with its rho, as in fedasam+swa:0.5.",
    **OWN,
)
flags.DEFINE_string(
    "method",
    None,
    "Of keras_sam.methods.list(): the clients' steps, of all that let choose.",
    **OWN,
)
flags.DEFINE_list("seeds", ["0", "1", "2"], "Of the split, weights, clients and batches.", **OWN)
flags.DEFINE_enum("dataset", "digits", ["digits", "cifar10"], "Images to split.", **OWN)
flags.DEFINE_string("data_dir", None, "Folder with CIFAR-10.", **OWN)
flags.DEFINE_integer("num_train", None, "Training images to keep; all by default.", 1, **OWN)
flags.DEFINE_integer("num_test", None, "Test images to keep; all by default.", 1, **OWN)
flags.DEFINE_string("model", "convnet", "See keras_sam.models.list().", **OWN)
flags.DEFINE_integer("clients", 20, "Among whom the images are split.", 1, **OWN)
flags.DEFINE_float("alpha", 0.1, "Of the Dirichlet split: the smaller, the less alike.", **OWN)
flags.DEFINE_integer("least", 10, "Images that each client has at least.", 1, **OWN)
flags.DEFINE_float("fraction", 0.25, "Share of the clients in each round.", **OWN)
flags.DEFINE_integer("rounds", 100, "In which the server's weights change.", 1, **OWN)
flags.DEFINE_integer("epochs", 2, "Of a client over its images in each round.", 1, **OWN)
flags.DEFINE_integer("batch_size", 32, "Images a step.", 1, **OWN)
flags.DEFINE_float("learning_rate", 0.05, "Of the clients' SGD, without momentum.", **OWN)
flags.DEFINE_float("decay", 0.998, "What the rate is multiplied with after each round.", **OWN)
flags.DEFINE_float("weight_decay", 1e-3, "Of the clients' SGD.", 0.0, **OWN)
flags.DEFINE_float("clipnorm", 10.0, "Longest gradient of a client; 0 for any.", 0.0, **OWN)
flags.DEFINE_float("server_learning_rate", 1.0, "Of the server's steps.", **OWN)
flags.DEFINE_bool(
    "weighted",
    None,
    "Let clients count by their images; by default as the algorithm has it.",
    **OWN,
)
flags.DEFINE_float("beta", 0.1, "Share of the gradient in the steps of mofedsam.", **OWN)
flags.DEFINE_float("swa_start", 0.75, "Share of the rounds before those of +swa.", 0.0, 1.0, **OWN)
flags.DEFINE_integer("swa_cycle", 10, "Rounds of a cycle of the learning rate of +swa.", 1, **OWN)
flags.DEFINE_string("workdir", "runs/federated", "Folder of the results.", **OWN)
checked(FLAGS, positive, "alpha", "learning_rate", "server_learning_rate")
checked(FLAGS, fraction, "fraction", "decay", "beta")
checked(FLAGS, whole_numbers, "seeds")
excluded(
    FLAGS,
    ("dataset", "data_dir"),
    lambda dataset, data_dir: dataset == "cifar10" and not data_dir,
    "Say where CIFAR-10 is with --data_dir.",
)
