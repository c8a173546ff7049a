"""What is kept of a federated training, so that it goes on where it was stopped."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from keras_sam.experiments.federated.rounds import Federation, Line
from keras_sam.experiments.results.files import write_whole

STATE, METRICS, SETTINGS = "server.npz", "metrics.jsonl", "settings.json"


def played(
    federation: Callable[[], Federation],
    rounds: int,
    settings: dict[str, Any],
    folder: Path,
) -> Iterator[Line]:
    """Plays the rounds that are missing in a folder, and keeps each of them there.

    Args:
        federation: Function that makes the `Federation`, where a round is missing.
        rounds: Integer, how many there are to be.
        settings: Dictionary of what has an influence on a round.
        folder: Path.

    Yields:
        The line of each round, those that were there included.

    Raises:
        ValueError: If the folder has a run of other settings, or is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _check_settings(folder / SETTINGS, settings)
    lines = read(folder / METRICS)
    if len(lines) < rounds:
        playing = federation()
        if lines:
            playing.load(folder / STATE)
        lines = lines[: playing.server.round]
    yield from lines
    while len(lines) < rounds:
        began = time.perf_counter()
        line = playing.play()
        line["seconds"] = time.perf_counter() - began
        lines.append(line)
        # The state last: a stop between the two repeats the round, to the same line.
        write_whole(folder / METRICS, lambda path: path.write_text(_as_text(lines)))
        playing.save(folder / STATE)
        yield line


def _as_text(lines: list[Line]) -> str:
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def _check_settings(path: Path, settings: dict[str, Any]) -> None:
    text = json.dumps(settings, indent=2, sort_keys=True)
    if not path.exists():
        write_whole(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))
    before = path.read_text(encoding="utf-8")
    if before != text:
        old, new = before.splitlines(), text.splitlines()
        other = sorted({line.strip(" ,") for line in new} - {line.strip(" ,") for line in old})
        raise ValueError(
            f"{path} has other settings: choose another --workdir, or the same flags to go on. "
            f"Received: {', '.join(other) or 'a damaged file'}"
        )


def read(path: Path) -> list[Line]:
    """The lines of a run's rounds.

    Raises:
        ValueError: If the file is damaged.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        lines = [json.loads(line) for line in text.splitlines()]
        if [line["round"] for line in lines] != list(range(1, len(lines) + 1)):
            raise ValueError("other rounds")
        return [line for line in lines if line["accuracy"] >= 0]
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise ValueError(
            f"{path} must hold a line of JSON for each round: remove the run's folder, and it is "
            f"trained again. Received: {error}"
        ) from error
