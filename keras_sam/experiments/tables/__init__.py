"""Tables, each of them one command: `python apps/reproduce.py --table=e1`.

The papers' are `e1` to `e10`; the others compare the methods with each other.
"""

from keras_sam.experiments.tables import photographs, published, small, tuned
from keras_sam.experiments.tables.table import Cell, Table

__all__ = ["TABLES", "Cell", "Table"]

PUBLISHED = {
    "e1": "Foret et al. 2021, table 1: CIFAR from scratch",
    "e2": "Foret et al. 2021, table 2: ResNets on ImageNet",
    "e3": "Foret et al. 2021, table 3: fine-tuning",
    "e4": "Foret et al. 2021, table 4: label noise",
    "e5": "Gorbunova and Davletshin: ResNets, and sign steps in SAM's place",
    "e6": "Coldenhoff, Li and Zhu, experiment A: SAM at half of SGD's epochs",
    "e7": "Coldenhoff, Li and Zhu, experiment B: batch sizes",
    "e8": "Coldenhoff, Li and Zhu, experiment C: without normalisation",
    "e9": "K. Lee: one and two ascent steps",
    "e10": "Foret et al. 2021: looking at sharpness",
}
TABLES = {
    name: Table(source, published.CELLS[name], small.CELLS.get(name, []))
    for name, source in PUBLISHED.items()
}
TABLES["methods"] = Table("every method, tuned alike: digits with wrong labels", tuned.CELLS)
TABLES["methods_cifar10"] = Table(
    "eight of them, tuned alike: CIFAR-10 in small, with wrong labels", photographs.METHODS_CIFAR10
)
TABLES["long_tail"] = Table("rare classes: CIFAR-10 in small", photographs.LONG_TAIL)
