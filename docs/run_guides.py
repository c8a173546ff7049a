"""Runs guides in place and keeps their outputs: `make guides`, or `make guides GUIDES="01 14"`.

A guide that fails, takes more than two minutes of a processor, or has a figure above 60 KB stays
as it was.
"""

import os
import resource
import sys
from pathlib import Path

import nbclient
import nbformat

GUIDES = Path(__file__).parent / "guides"
MOST_SECONDS = 120
MOST_BYTES = 60_000
KEPT = {"kernelspec", "language_info"}


def main(chosen: list[str]) -> int:
    """Runs the guides whose names start with one of these texts, or all; returns the failures."""
    os.environ |= {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3", "TQDM_DISABLE": "1"}
    paths = [p for p in sorted(GUIDES.glob("*.ipynb")) if p.name.startswith(tuple(chosen or [""]))]
    problems = [f"{path.name}: {problem}" for path in paths if (problem := run(path))]
    print("\n".join(problems))
    return len(problems)


def run(path: Path) -> str | None:
    """Runs a guide and writes it; says what is wrong, if anything."""
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": "."}}
    )
    before = _seconds()
    try:
        client.execute()
    except (nbclient.exceptions.CellExecutionError, nbclient.exceptions.CellTimeoutError) as error:
        return str(error)
    seconds = _seconds() - before
    largest = tidy(notebook)
    print(f"{path.name}: {seconds:.0f} s, largest figure {largest / 1000:.0f} KB", flush=True)
    if seconds > MOST_SECONDS or largest > MOST_BYTES:
        return f"more than {MOST_SECONDS} s or {MOST_BYTES} bytes"
    nbformat.write(notebook, path)
    return None


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
            data = output.get("data", {})
            largest = max(largest, len(data.get("image/png", "")) * 3 // 4)
    return largest


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
