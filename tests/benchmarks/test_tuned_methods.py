"""The table of the tuned methods is made from whole cells alone, seed by seed."""

import importlib
import json
import pathlib

import pytest

from keras_sam import methods
from keras_sam.experiments.tables import tuned

pytestmark = pytest.mark.once
BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("tuned_methods")


def leave(folder, chosen, accuracies, trouble=""):
    folder.mkdir(parents=True)
    final = {"accuracies": accuracies, "trouble": trouble}
    (folder / "sweep.json").write_text(json.dumps({"chosen": chosen, "final": final}))


def test_cells_are_read_where_they_are_whole(script, tmp_path):
    leave(tmp_path / "sgd" / "epochs_60", {"learning_rate": "0.01"}, [70.0, 71.0])
    chosen = {"method_arguments": "alpha=0.3", "rho": "0.4"}
    leave(tmp_path / "looksam", chosen, [90.0, 93.0])
    leave(tmp_path / "sam", {"rho": "0.4"}, [90.0], "failed in 1 of 2")
    leave(tmp_path / "asam", {"rho": "4"}, [90.0], "diverged in 1 of 2")
    kept = tmp_path / "kept.json"
    elsewhere = {"chosen": {"rho": "2"}, "final": {"accuracies": [80.0], "trouble": ""}}
    kept.write_text(json.dumps({"msam": elsewhere, "looksam": elsewhere}))
    found, missing, diverged = script.read(tuned.CELLS, script.swept(tuned.CELLS, tmp_path, kept))
    assert [one.method for one in found] == ["sgd", "msam", "looksam"]
    assert found[1].settings == {"rho": 2}  # What is trained here comes before what is kept.
    assert found[2].settings == {"rho": 0.4, "alpha": 0.3}
    assert "sam" in missing and len(missing) == len(tuned.CELLS) - 4
    assert diverged == ["asam (diverged in 1 of 2)"]


def test_a_method_that_is_newer_than_the_table_is_named(script, monkeypatch):
    known = script.newer_methods()
    monkeypatch.setitem(methods.registry.ROWS, "newest", methods.Row("newest", methods.SAM, "", ""))
    assert script.newer_methods() == sorted([*known, "newest"])


def test_a_line_has_differences_on_the_same_seeds(script):
    def found(method, *accuracies, **settings):
        return script.Found(method, 60, settings, list(accuracies))

    short, long = found("sgd", 70.0, 72.0), found("sgd", 60.0, 64.0)
    row = script._row(found("sam", 80.0, 82.0, rho=0.4), 2.0, short, long)
    assert (row.accuracy, row.gain, row.equal_time_gain) == (81.0, 10.0, 19.0)
    # Student's t of one degree of freedom: 12.706 standard errors.
    assert (row.gain_margin, row.equal_time_margin) == (0.0, pytest.approx(12.71))
    assert script._nearest(2.1 * 60, tuned.LENGTHS) == 120


def test_the_price_of_a_late_start_is_that_of_all_steps(script):
    late = script.Found("late", 60, {"rho": 0.4, "start": 630}, [])
    assert script._acting(late) == {"rho": 0.4, "start": 1}
    assert script._over_training(late, 2.0, steps=21) == pytest.approx(1.5)
