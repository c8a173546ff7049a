"""The folder of an app's runs: whose it is, and what may be removed from it."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import filelock

from keras_sam.experiments.results import files
from keras_sam.experiments.results.files import RunError
from keras_sam.experiments.results.folder import LOCK, SETTINGS, UNFINISHED, RunFolder

# They tell a work directory's runs apart; all other settings are common to them.
OWN_SETTINGS = (
    "epochs",
    "method",
    "method_arguments",
    "momentum",
    "num_batch_splits",
    "rho",
    "seed",
)
LABELS = "labels_from"  # Of each run its own, where an earlier run's network gives the labels.
# How sharpness is measured on the way, where it is; no part of the training.
WATCH = ("watch", "watch_every", "watch_examples", "watch_rho")


def check(workdir: Path, folders: list[RunFolder], resume: bool, overwrite: bool) -> None:
    """Makes sure that a work directory belongs to the runs that are about to start.

    Args:
        workdir: Path.
        folders: List of `RunFolder`, the planned runs.
        resume: Whether to go on with what is there.
        overwrite: Whether what is there will be removed.

    Raises:
        ValueError: If the folder holds runs with other settings, damaged ones, or runs at all
            without `resume` or `overwrite`; with the latter, if another process trains one.
    """
    if workdir.exists() and not workdir.is_dir():
        raise ValueError(f"The work directory must be a folder. Received: --workdir={workdir}")
    if overwrite:
        _check_removable(workdir, folders)
        return
    present = sorted(workdir.glob(f"*/seed_*/{SETTINGS}"))
    planned = {folder.path / SETTINGS: folder for folder in folders}
    for path in present:
        _check_same(path, planned.get(path), folders[0].settings)
    for folder in folders:
        if folder.finished:
            check_same(folder)  # A model alone may be anyone's.
        folder.history()
    if present and not resume:
        raise ValueError(
            f"{workdir} holds runs already: add --resume to go on with them or --overwrite to "
            f"remove them, or choose another folder. Received: --workdir={workdir}"
        )


def check_same(folder: RunFolder) -> None:
    """Refuses a planned run in whose folder there is one with other settings, or none.

    Raises:
        RunError: If it is so.
    """
    _check_same(folder.path / SETTINGS, folder, {})


def _check_same(path: Path, planned: RunFolder | None, any_planned: dict[str, Any]) -> None:
    """Compares a run that is there with its plan, or with what all planned runs share."""
    there = files.settings(path, ())
    shared = {k: v for k, v in any_planned.items() if k not in (*OWN_SETTINGS, LABELS)}
    # Through JSON, in which tuples and infinities look the same on both sides.
    expected = json.loads(json.dumps(planned.settings if planned else shared))
    # A setting that the plan leaves out is one of those that a run has where they change it.
    known = planned.settings if planned else any_planned
    added = [key for key in there if there[key] and key not in known and key not in WATCH]
    expected |= dict.fromkeys(added)
    differing = [key for key in expected if there.get(key) != expected[key]]
    if differing:
        raise RunError(
            f"{path.parent} holds a run with other settings: choose another --workdir. Received: "
            + ", ".join(f"{key}={expected[key]} instead of {there.get(key)}" for key in differing)
        )


def clear(workdir: Path) -> list[str]:
    """Removes the runs in a work directory that are this app's and that nobody trains.

    Args:
        workdir: Path.

    Returns:
        List of strings: what was left where runs are, and why.
    """
    left = []
    for path, reason in _present(workdir):
        if reason is not None:
            left.append(f"{path}: {reason}")
            continue
        folder = RunFolder(path, {})
        with folder.claimed() as is_ours:
            if not is_ours:
                left.append(f"{path}: another process trains it")
                continue
            folder.clear()
        left += [f"{other}: no file of a run" for other in path.iterdir() if other.name != LOCK]
    return left


def check_free(locks: Iterable[Path]) -> None:
    """Refuses to remove anything while another process holds one of these locks.

    Args:
        locks: Paths of locks that are there.

    Raises:
        RunError: If one is held.
    """
    for path in locks:
        try:
            with filelock.FileLock(path).acquire(blocking=False):
                pass  # It is free.
        except filelock.Timeout:
            raise RunError(
                f"Another process works in {path.parent}: stop it or wait for its end, or choose "
                "another --workdir. Received: --overwrite"
            ) from None


def _check_removable(workdir: Path, folders: list[RunFolder]) -> None:
    """Refuses what another process trains, and what stands where a planned run has to go."""
    locks = workdir.glob(f"*/seed_*/{LOCK}")
    check_free(lock for lock in locks if not _is_link(lock.parent))
    present = dict(_present(workdir))
    for folder in folders:
        if (reason := present.get(folder.path)) is not None:
            raise RunError(
                f"{folder.path} is where a run has to go, and --overwrite removes runs only: "
                f"remove it by hand or choose another --workdir. Received: {reason}"
            )


def _present(workdir: Path) -> Iterator[tuple[Path, str | None]]:
    """The folders where runs are, each with the reason why it is none of this app's, if any."""
    for path in sorted(workdir.glob("*/seed_*")):
        if path.is_dir() and any(map(_counts, path.iterdir())):
            yield path, _why_foreign(path)


def _counts(path: Path) -> bool:
    """Whether a file is more than what a process leaves that is killed as it begins a run."""
    return path.name != LOCK and not path.match(UNFINISHED)


def _is_link(path: Path) -> bool:
    return path.is_symlink() or path.parent.is_symlink()


def _why_foreign(path: Path) -> str | None:
    if _is_link(path):
        return "a link to elsewhere"
    try:
        found = files.settings(path / SETTINGS)
    except RunError:
        found = {}
    is_own = set(OWN_SETTINGS) <= set(found) and path.name == f"seed_{found['seed']}"
    return None if is_own else f"no {SETTINGS} of this run"
