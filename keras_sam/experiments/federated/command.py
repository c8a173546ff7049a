"""What the app of federated learning does: from its flags to the table and the curves."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_sam.experiments.flags import command_line
from keras_sam.experiments.flags.checking import whole_numbers
from keras_sam.experiments.flags.federated import FLAGS

if TYPE_CHECKING:
    from keras_sam.datasets import Dataset
    from keras_sam.experiments.federated.contenders import Contender
    from keras_sam.federated import LocalTrainer

TABLE, CURVES = "federated.txt", "curves.png"
SHARED = ("workdir", "seeds", "compare", "method", "data_dir", "scaling")
GO_ON = "Stopped. The same command goes on after the last whole round."
SHOWN = 10  # Lines a run, about.


def main(argv: list[str], text: str) -> None:
    """Compares federated algorithms as the flags ask; an error of the user's ends it in one line.

    Args:
        argv: List of strings, the command line.
        text: String, the app's help.
    """
    command_line.run(FLAGS, argv, text, GO_ON, _run)


def _run(options: dict[str, Any], command: str) -> str:
    command_line.keep_compiled(options["workdir"])
    # Imported here, so that --help and a mistyped flag need no backend.
    import keras

    from keras_sam.experiments.federated import outcome, rounds
    from keras_sam.experiments.federated.contenders import contenders

    compared = contenders(options["compare"], options["method"])
    seeds = whole_numbers("--seeds", options["seeds"])
    options = {**options, "backend": keras.backend.backend()}
    data = rounds.prepared(options)
    for seed in seeds:
        rounds.split(data, seed, options)  # Refused before anything is trained.
    found = {}
    for contender in compared:
        keras.utils.clear_session()
        trainer = functools.cache(functools.partial(rounds.trainer, data, contender, options))
        found[contender.label] = {
            seed: _lines(data, contender, trainer, seed, options) for seed in seeds
        }
    table = outcome.table(found)
    folder = Path(options["workdir"])
    (folder / TABLE).write_text(f"{command}\n\n{table}\n", encoding="utf-8")
    title = f"{options['dataset']}, {options['clients']} clients, alpha {options['alpha']:g}"
    outcome.draw(found, title, folder / CURVES)
    return f"{table}\n\ntable   {folder / TABLE}\ncurves  {folder / CURVES}"


def _lines(
    data: "Dataset",
    contender: "Contender",
    trainer: "Callable[[], LocalTrainer]",
    seed: int,
    options: dict[str, Any],
) -> list[dict[str, Any]]:
    """The lines of the rounds of a run, each shown as it is there."""
    from keras_sam.experiments.federated import keeping, rounds
    from keras_sam.experiments.federated.outcome import shown

    kept = {name: value for name, value in options.items() if name not in SHARED}
    settings = {**kept, "algorithm": contender.label, "method": contender.method}
    folder, lines = Path(options["workdir"], contender.folder, f"seed_{seed}"), []
    play = keeping.played(
        lambda: rounds.Federation(data, contender, trainer(), seed, options),
        options["rounds"],
        settings,
        folder,
    )
    for line in play:
        lines.append(line)
        if line["round"] % max(options["rounds"] // SHOWN, 1) == 0:
            print(f"{contender.label}, seed {seed}: {shown(line)}", flush=True)
    return lines
