"""Which runs make a row and which rows a table, and what each row is compared with."""

import pytest

from keras_sam.experiments.report.groups import tables
from keras_sam.experiments.results.runs import find

from .reported import make_run


def found(folder, baseline="sgd"):
    return tables(find([folder]), baseline)


def labels(table):
    return [row.label(table.differing) for row in table.rows]


def test_runs_that_differ_in_the_seed_make_a_row(tmp_path):
    for seed in (2, 0, 1):
        make_run(tmp_path, 60 + seed, seed, method="sam", rho=0.05)
    ((row,),) = (table.rows for table in found(tmp_path))
    assert [run.seed for run in row.runs] == [0, 1, 2]
    accuracies = row.numbers["accuracy"].to_dict()
    assert accuracies == pytest.approx({0: 60, 1: 61, 2: 62}) and row.accuracy.mean == 61


@pytest.mark.parametrize(
    "key, values",
    [
        ("rho", (0.05, 0.1)),
        ("label_noise", (0.2, 0.4)),
        ("num_batch_splits", (None, 4)),
        ("epochs", (4, 8)),
        ("a_new_setting", ("x", "y")),
        ("method_arguments", ({}, {"p": 1})),
    ],
)
def test_any_other_setting_makes_another_row_and_a_column(tmp_path, key, values):
    for number, value in enumerate(values):
        make_run(tmp_path / str(number), 60, **{"method": "sam", "rho": 0.05, key: value})
    (table,) = found(tmp_path)
    assert len(table.rows) == 2 and table.differing == [key] and key not in table.common


@pytest.mark.parametrize("key", ["model", "dataset", "augment", "num_train"])
def test_other_networks_and_data_make_another_table(tmp_path, key):
    make_run(tmp_path / "a", 60)
    make_run(tmp_path / "b", 60, **{key: 7 if key == "num_train" else "other"})
    assert [len(table.rows) for table in found(tmp_path)] == [1, 1]


def test_where_a_run_was_made_and_how_rho_was_given_make_no_row(tmp_path):
    own = {"method": "sam", "rho": 0.05}
    make_run(tmp_path / "a", 60, 0, **own, data_dir="/a", preset="e6")
    make_run(tmp_path / "b", 62, 1, **own, data_dir="/b", method_arguments={"rho": 0.05})
    (table,) = found(tmp_path)
    assert [row.accuracy.mean for row in table.rows] == [61]


def test_missing_settings_are_none(tmp_path):
    make_run(tmp_path / "a", 60, label_smoothing=0.1)
    make_run(tmp_path / "b", 60)
    (table,) = found(tmp_path)
    assert table.differing == ["label_smoothing"]
    assert sorted(labels(table)) == ["sgd", "sgd, label smoothing 0.1"]


def test_methods_of_different_epochs_share_a_table_and_a_baseline(tmp_path):
    make_run(tmp_path, 64, epochs=8)
    make_run(tmp_path, 71, method="sam", rho=0.05, epochs=4)
    (table,) = found(tmp_path)
    assert labels(table) == ["sgd, epochs 8", "sam, rho 0.05, epochs 4"]
    sgd, sam = table.rows
    assert table.baseline_of(sam) is sgd and table.baseline_of(sgd) is None
    assert sam.gain(sgd).mean == pytest.approx(7)


def test_the_baseline_is_under_the_same_conditions(tmp_path):
    for noise, sgd, sam in ((0.2, 85, 95), (0.8, 26, 78)):
        make_run(tmp_path / str(noise), sgd, label_noise=noise)
        make_run(tmp_path / str(noise), sam, label_noise=noise, method="sam", rho=0.1)
    make_run(tmp_path, 90, label_noise=0.4, method="sam", rho=0.1)
    (table,) = found(tmp_path)
    gains = [row.gain(table.baseline_of(row)) for row in table.rows]
    assert [gain and round(gain.mean) for gain in gains] == [None, 10, None, None, 52]
    assert len(table.conditions) == 3


def test_a_baseline_of_as_many_epochs_goes_first(tmp_path):
    for epochs in (4, 8, 16):
        make_run(tmp_path / str(epochs), 60 + epochs, epochs=epochs)
    make_run(tmp_path, 70, method="sam", rho=0.1, epochs=8)
    make_run(tmp_path, 70, method="asam", rho=0.1, epochs=2)
    (table,) = found(tmp_path)
    chosen = {
        row.settings["method"]: table.baseline_of(row).settings["epochs"]
        for row in table.rows
        if table.baseline_of(row)
    }
    assert chosen == {"sam": 8, "asam": 16}


def test_a_seed_does_not_count_twice(tmp_path):
    first, second = (make_run(tmp_path / name, 60) for name in "ab")
    with pytest.raises(ValueError, match=f"count twice.*{first} and {second}"):
        found(tmp_path)


def test_overlapping_folders_are_no_matter(tmp_path):
    make_run(tmp_path / "a", 60)
    assert len(find([tmp_path, tmp_path / "a"])) == 1
