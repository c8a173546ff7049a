"""Runs guides in place and keeps their outputs: `make guides`, or `make guides GUIDES="01 13"`.

A guide that fails stays as it was. One that takes more than two minutes of a processor, or has a
figure above 60 KB, is reported.
"""

import os
import re
import resource
import sys
import tempfile
from pathlib import Path

import nbclient
import nbformat

GUIDES = Path(__file__).parent / "guides"
MOST_SECONDS = 120
MOST_BYTES = 60_000
KEPT = {"kernelspec", "language_info"}
COMMIT = re.compile(r", commit \w+(-dirty)?")  # Which a training prints.


def main(chosen: list[str]) -> int:
    """Runs the guides whose names start with one of these texts, or all; returns the failures."""
    os.environ |= {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3", "TQDM_DISABLE": "1"}
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    paths = [p for p in sorted(GUIDES.glob("*.ipynb")) if p.name.startswith(tuple(chosen or [""]))]
    problems = [f"{path.name}: {problem}" for path in paths if (problem := run(path))]
    print("\n".join(problems))
    return len(problems)


def run(path: Path) -> str | None:
    """Runs a guide and writes it; says what is wrong, if anything."""
    notebook = nbformat.read(path, as_version=4)
    before = _seconds()
    try:
        with tempfile.TemporaryDirectory() as folder:  # Where a guide leaves its files.
            at = {"metadata": {"path": folder}}
            client = nbclient.NotebookClient(
                notebook, timeout=600, resources=at, coalesce_streams=True
            )
            client.execute()
    except (nbclient.exceptions.CellExecutionError, nbclient.exceptions.CellTimeoutError) as error:
        return str(error)
    seconds = _seconds() - before
    largest = tidy(notebook)
    print(f"{path.name}: {seconds:.0f} s, largest figure {largest / 1000:.0f} KB", flush=True)
    nbformat.write(notebook, path)
    is_small = seconds <= MOST_SECONDS and largest <= MOST_BYTES
    return None if is_small else f"more than {MOST_SECONDS} s or {MOST_BYTES} bytes"


def _seconds():
    """Of a processor, of the kernels that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tidy(notebook: nbformat.NotebookNode) -> int:
    """Takes out what differs between two runs for no reason; returns the largest figure's size."""
    notebook.metadata = {k: v for k, v in notebook.metadata.items() if k in KEPT}
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    largest = 0
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = {k: v for k, v in cell.metadata.items() if k == "tags"}
        outputs = cell.get("outputs", [])
        for output in outputs:
            if "text" in output:
                output.text = COMMIT.sub("", output.text)
            data = output.get("data", {})
            largest = max(largest, len(data.get("image/png", "")) * 3 // 4)
    return largest


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
