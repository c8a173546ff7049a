"""What the apps do, to be called from Python: `train` is a training app without its flags.

`flags` defines every flag; `presets` are rows of published tables, `tables` all of a table's cells;
`training` plans and trains the runs of a comparison, `results` keeps and sums them up, `sweep`
chooses among settings, `report` makes a page of many runs, and `sharpness` measures trained models.
"""

from keras_sam.experiments.training.from_python import train

__all__ = ["train"]
