"""What the app of gradual domain adaptation does: from its flags to the table."""

import json
from pathlib import Path
from typing import Any

from keras_sam.experiments.flags import command_line
from keras_sam.experiments.flags.adapt import FLAGS
from keras_sam.experiments.flags.checking import whole_numbers

WAYS = ("upright", "direct transfer", "self-training", "gradual self-training")
RESULTS, TABLE = "results.jsonl", "adaptation.txt"
CHANGES_NOTHING = ("workdir", "seeds", "compare")
GO_ON = "Stopped. The same command goes on after the trainings that are finished."


def main(argv: list[str], text: str) -> None:
    """Adapts as the flags ask; an error of the user's ends it in one line.

    Args:
        argv: List of strings, the command line.
        text: String, the app's help.
    """
    command_line.run(FLAGS, argv, text, GO_ON, _run)


def _run(options: dict[str, Any], command: str) -> str:
    # Imported here, so that --help and a mistyped flag need no backend.
    import keras

    from keras_sam.experiments.adaptation import turning
    from keras_sam.experiments.training.entries import entries

    nothing: dict[str, Any] = {"method": "sgd", "rho": None, "p": None, "method_arguments": []}
    methods = entries(nothing | options)
    seeds = whole_numbers("--seeds", options["seeds"])
    kept = {name: value for name, value in options.items() if name not in CHANGES_NOTHING}
    kept["backend"] = keras.backend.backend()
    data = turning.digits()
    path = Path(options["workdir"], RESULTS)
    path.parent.mkdir(parents=True, exist_ok=True)
    before = _finished(path)
    found: dict[str, dict[int, dict[str, float]]] = {entry.label: {} for entry in methods}
    for entry, seed in [(entry, seed) for entry in methods for seed in seeds]:
        run = {"method": entry.label, "seed": seed, "settings": kept}
        shown = f"{entry.label}, seed {seed}"
        accuracies = next((line["accuracies"] for line in before if line | run == line), None)
        if accuracies is None:
            accuracies = turning.adapted(data, entry, seed, options)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(run | {"accuracies": accuracies}) + "\n")
        print(f"{shown}: {', '.join(f'{w} {a:.1f} %' for w, a in accuracies.items())}", flush=True)
        found[entry.label][seed] = accuracies
    table = _table(found)
    (path.parent / TABLE).write_text(f"{command}\n\n{table}\n", encoding="utf-8")
    return f"{table}\n\ntable   {path.parent / TABLE}"


def _finished(path: Path) -> list[dict[str, Any]]:
    """The lines of trainings that a command before this one has left.

    Raises:
        ValueError: If the file is damaged.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        lines = [json.loads(line) for line in text.splitlines()]
        return [line for line in lines if line["accuracies"]]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} must hold a line of JSON for each training: remove what is none, or choose "
            f"another --workdir. Received: {error}"
        ) from error


def _table(found: dict[str, dict[int, dict[str, float]]]) -> str:
    """Accuracies of each way with each method, and gains over the first method."""
    from keras_sam.experiments.results.statistics import paired_difference
    from keras_sam.experiments.results.table import aligned, spread

    reference, *others = found
    by_way = {
        label: {way: {seed: a[way] for seed, a in runs.items()} for way in WAYS}
        for label, runs in found.items()
    }
    columns = {"accuracy, %": list(WAYS)}
    for label in found:
        columns[label] = [spread(by_way[label][way].values(), 1) for way in WAYS]
    for label in others:
        gains = [paired_difference(by_way[label][way], by_way[reference][way]) for way in WAYS]
        columns[f"{label} − {reference}"] = [
            gain.text(1, signed=True) if gain else "-" for gain in gains
        ]
    return aligned(columns)
