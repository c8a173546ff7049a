"""The example for keras.io has that site's format, and runs."""

import ast
import pathlib
import re

import matplotlib.pyplot as plt
import pytest

PATH = pathlib.Path(__file__).parents[1] / "examples/keras_io/sharpness_aware_minimization.py"
HEADER = ("Title", "Author", "Date created", "Last modified", "Description", "Accelerator")
pytestmark = pytest.mark.once


def test_it_begins_with_the_header_and_ends_with_text():
    cells = ast.parse(PATH.read_text(encoding="utf-8")).body
    texts = [cell.value.value for cell in cells if isinstance(cell, ast.Expr) if _is_text(cell)]
    found = [line.split(":")[0] for line in texts[0].strip().splitlines()]
    assert tuple(found) == HEADER and texts[1].startswith("\n## Introduction")
    assert _is_text(cells[-1])
    assert max(map(len, PATH.read_text(encoding="utf-8").splitlines())) <= 88


def _is_text(cell):
    return isinstance(cell, ast.Expr) and isinstance(cell.value, ast.Constant)


def test_it_runs(monkeypatch, capsys):
    monkeypatch.setattr(plt, "show", lambda: None)
    code = PATH.read_text(encoding="utf-8").replace("EPOCHS = 40", "EPOCHS = 1")
    exec(compile(code, PATH.name, "exec"), {"__name__": "__main__"})
    plt.close("all")
    printed = capsys.readouterr().out
    assert len(re.findall(r"test accuracy \d", printed)) == 4
