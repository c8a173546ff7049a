"""What must be there before the first cell of a table starts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_sam import datasets
from keras_sam.experiments.results.folder import SETTINGS
from keras_sam.experiments.tables.plan import Plan, weight_files
from keras_sam.experiments.training import planning

FROM_A_FILE = ("efficientnet_l2",)  # Keras has no weights of these.


def check(plans: Sequence[Plan], options: dict[str, Any]) -> None:
    """Refuses a table that could not be trained to its end.

    Args:
        plans: Sequence of `Plan`.
        options: Dictionary of the flags of `reproduce.py`.

    Raises:
        ValueError: If the work directory is no folder or holds runs already, or data sets or
            weights are missing.
    """
    workdir = Path(options["workdir"])
    if workdir.exists() and not workdir.is_dir():
        raise ValueError(f"The work directory must be a folder. Received: --workdir={workdir}")
    found = [plan.resolved() for plan in plans]
    _check_files(plans, options)
    _check_weights(plans, found)
    _check_data(found, options)
    if not options["resume"] and any(workdir.rglob(SETTINGS)):
        raise ValueError(
            f"{workdir} holds runs already: add --resume to go on with them, or choose another "
            f"folder. Received: --workdir={workdir}"
        )


def _check_files(plans: Sequence[Plan], options: dict[str, Any]) -> None:
    networks = dict.fromkeys(p.cell.place["network"] for p in plans if "network" in p.cell.place)
    for network, path in weight_files(options).items():
        received = f"Received: --weights={network}={path}"
        if network not in networks:
            known = f"one of {', '.join(networks)}" if networks else "left out here"
            raise ValueError(f"The network of --weights=network=FILE must be {known}. {received}")
        if not Path(path).is_file():
            raise ValueError(f"The weights of {network} must be a file. {received}")


def _check_weights(plans: Sequence[Plan], found: list[dict[str, Any]]) -> None:
    for plan, one in zip(plans, found, strict=True):
        if one["model"] in FROM_A_FILE and one.get("weights") == "imagenet":
            network = plan.cell.place["network"]
            raise ValueError(
                f"{one['model']} starts from a file of weights: add --weights={network}=FILE, or "
                f"leave it out with --only. Received: --weights={','.join(plan.options['weights'])}"
            )


def _check_data(found: list[dict[str, Any]], options: dict[str, Any]) -> None:
    """Looks for each data set once, and names all that are missing."""
    distinct = {one["dataset"]: one for one in found}
    missing = []
    for name, one in distinct.items():
        try:
            if options["download"]:
                datasets.download(name, options["data_dir"])
            planning.loaded(one | {"num_train": 1, "num_test": 1, "holdout": 0.0})
        except (ValueError, OSError) as error:
            missing.append(f"{name}: {str(error).rpartition(' Received: ')[0] or error}")
    if missing:
        raise ValueError(
            f"{len(missing)} of the {len(distinct)} data sets of --table={options['table']} cannot "
            f"be read: {' '.join(missing)} Received: --data_dir={options['data_dir']}"
        )
