"""The guides are notebooks that say how to begin, and hold what they printed and drew."""

import json
import pathlib

import pytest

GUIDES = sorted((pathlib.Path(__file__).parents[1] / "docs" / "guides").glob("*.ipynb"))
pytestmark = pytest.mark.once


def cells(path, kind):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def text(cell):
    return "".join(cell["source"])


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_guide_begins_with_the_installation_and_the_backend(path):
    install, backend = cells(path, "code")[:2]
    assert text(install).startswith("%pip install") and "keras-sam[" in text(install)
    assert 'os.environ["KERAS_BACKEND"] = "jax"' in text(backend)
    assert text(cells(path, "markdown")[0]).startswith(f"# {int(path.name[:2])}. ")


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_guide_was_run_without_errors_and_is_small(path):
    outputs = [output for cell in cells(path, "code") for output in cell["outputs"]]
    assert outputs, "run `make guides`"
    assert {output["output_type"] for output in outputs} <= {
        "stream",
        "execute_result",
        "display_data",
    }
    figures = [output["data"].get("image/png", "") for output in outputs if "data" in output]
    assert all(len(figure) * 3 / 4 <= 60_000 for figure in figures)
    assert path.stat().st_size < 300_000


def test_there_are_guides():
    assert len(GUIDES) >= 13
