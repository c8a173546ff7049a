"""Trained networks that are made smaller, or fine-tuned on a second task."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from keras_sam import datasets
from keras_sam.datasets.words import NUMBERS, PADDING
from keras_sam.experiments.flags import command_line, train_resnet
from keras_sam.experiments.results import afterwards, evaluated
from keras_sam.experiments.training import compressing, evaluating, planning, second_task

from .conftest import metrics, start
from .outcomes import outcome

SMALL = ("--num_train=64", "--num_test=20", "--epochs=1", "--compare=sgd,sam:0.3")


def network():
    """512 weights in a convolution and 160 in a dense layer, and no biases."""
    keras.utils.set_random_seed(0)
    convolution = layers.Conv2D(16, 4, use_bias=False)
    dense = layers.Dense(10, use_bias=False)
    return keras.Sequential([keras.Input((4, 4, 2)), convolution, layers.Flatten(), dense])


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """Two runs that were changed in each way; and what was printed."""
    workdir = tmp_path_factory.mktemp("changed")
    arguments = (*SMALL, "--evaluate_on=compressed,second_task", f"--workdir={workdir}")
    return workdir, start(*arguments), arguments


@pytest.mark.once
def test_share_of_quantised_weights_leaves_out_convolutions():
    x = np.random.default_rng(0).normal(size=(8, 4, 4, 2)).astype("float32")
    for mode, most in (("int8", 0.02), ("int4", 0.3)):
        model = network()
        before = model.predict(x, verbose=0)
        assert compressing.quantize(model, mode) == pytest.approx(160 / (512 + 160))
        difference = np.abs(model.predict(x, verbose=0) - before).max()
        assert 0 < difference < most * np.abs(before).max()


@pytest.mark.once
def test_the_shortest_weights_of_all_kernels_are_set_to_zero():
    model = network()
    before = np.concatenate([np.ravel(value) for value in model.get_weights()])
    compressing.prune(model, 0.75)
    after = np.concatenate([np.ravel(value) for value in model.get_weights()])
    is_left = after != 0
    assert is_left.mean() == pytest.approx(0.25, abs=0.01)
    np.testing.assert_array_equal(after[is_left], before[is_left])
    assert np.abs(before[is_left]).min() > np.abs(before[~is_left]).max()


@pytest.mark.once
def test_second_task_has_all_pixels_and_words_in_one_other_order():
    data = datasets.digits(num_train=20, num_test=10)
    other = second_task.permuted(data)
    order = [np.sort(images.reshape(len(images), -1), 1) for images in (data.x_test, other.x_test)]
    np.testing.assert_array_equal(*order)
    assert not np.array_equal(data.x_test, other.x_test)
    where = np.argsort(np.random.default_rng(second_task.SEED).permutation(64))
    np.testing.assert_array_equal(
        other.x_train.reshape(20, 64)[:, where].reshape(data.x_train.shape), data.x_train
    )
    texts = np.array([[5, 7, 5, PADDING], [7, NUMBERS - 1, PADDING, PADDING]], "int32")
    labels = np.array([0, 1], "int32")
    swapped = second_task.permuted(
        datasets.Dataset(texts, labels, texts, labels, 2, "texts")
    ).x_test
    np.testing.assert_array_equal(swapped == PADDING, texts == PADDING)
    assert swapped[0, 0] == swapped[0, 2] != swapped[0, 1] == swapped[1, 0]
    assert swapped.dtype == texts.dtype


def test_errors_are_kept_and_are_in_the_tables(changed):
    workdir, printed, _ = changed
    lines = printed.splitlines()
    for method in ("sgd", "sam_rho_0.3"):
        errors = json.loads((workdir / method / "seed_0" / "evaluated.json").read_text())
        assert [*errors] == ["compressed", "second_task"]
        assert [*errors["compressed"]] == [
            *("int8, 10% of the weights", "int4, 10% of the weights"),
            *("30% pruned", "50% pruned", "70% pruned"),
        ]
    errors = evaluated.read(workdir / "sgd" / "seed_0")
    assert evaluated.means(errors) == {}
    clean = 100 * (1 - metrics(workdir / "sgd" / "seed_0")[-1]["val_accuracy"])
    (row,) = [line for line in lines if line.startswith("as trained") and f"{clean:.1f}" in line][
        :1
    ]
    assert row in (workdir / "table.txt").read_text().splitlines()
    assert "error compressed, %" in printed and "rise of the error after a second task" in printed
    assert (workdir / "compressed.png").exists() and (workdir / "second_task.png").exists()


def test_the_trained_network_stays_and_is_not_changed_again(changed, monkeypatch):
    workdir, _, arguments = changed
    model = keras.models.load_model(workdir / "sgd" / "seed_0" / "model.keras")
    data = datasets.digits(num_test=20)
    wrong = np.mean(model.predict(data.prepare(data.x_test), verbose=0).argmax(-1) != data.y_test)
    assert wrong == pytest.approx(1 - metrics(workdir / "sgd" / "seed_0")[-1]["val_accuracy"])
    monkeypatch.setattr(second_task, "learn", None)
    assert start(*arguments, "--resume").count("finished before") == 2


@pytest.mark.once
def test_tables_compare_on_the_same_seeds(monkeypatch):
    found = [outcome("sgd", 90, 80), outcome("sam", 92, 82)]
    kept = {
        one: {"compressed": {"int4": [error]}} for one, error in zip("abcd", (0.2, 0.4, 0.1, 0.3))
    }
    paths = {
        run: path for one, pair in zip(found, ("ab", "cd")) for run, path in zip(one.runs, pair)
    }
    for run, path in paths.items():
        object.__setattr__(run, "path", path)
    monkeypatch.setattr(evaluated, "read", kept.get)
    errors, risen = afterwards.tables(found)
    assert errors.splitlines()[1].split() == "as trained 15.0 ± 63.5 13.0 ± 63.5 -2.0 ± 0.0".split()
    assert errors.splitlines()[2].split() == "int4 30.0 ± 127.1 20.0 ± 127.1 -10.0 ± 0.0".split()
    assert risen.splitlines()[1].split() == "int4 15.0 ± 63.5 7.0 ± 63.5 -8.0 ± 0.0".split()


@pytest.mark.once
def test_photographs_that_are_read_one_by_one_have_no_second_task(monkeypatch):
    images = datasets.images.LazyImages(np.zeros((2, 8, 8, 3), "uint8"), (8, 8))
    labels = np.array([0, 1], "int32")
    with pytest.raises(ValueError, match=r"leave second_task out.*Received: photographs$"):
        second_task.permuted(datasets.Dataset(images, labels, images, labels, 2, "photographs"))


@pytest.mark.once
def test_classes_are_grouped_by_their_training_images():
    data = datasets.with_imbalance(datasets.digits(num_train=1000), factor=10)
    groups = evaluating.class_groups(data)
    assert {title: group.tolist() for title, group in groups.items()} == {
        "4 classes of 46 to 100": [0, 1, 2, 3],
        "3 classes of 21 to 35": [4, 5, 6],
        "3 classes of 10 to 16": [7, 8, 9],
    }


def test_errors_by_the_size_of_a_class_make_up_the_whole(tmp_path):
    arguments = ("--method=sgd", "--imbalance=8", "--evaluate_on=class_sizes")
    printed = start(*arguments, f"--workdir={tmp_path}")
    folder = tmp_path / "sgd" / "seed_0"
    found = [error for (error,) in evaluated.read(folder)["class_sizes"].values()]
    whole = np.average(found, weights=[4, 3, 3])  # Each class has as many of the 50 test images.
    assert whole == pytest.approx(1 - metrics(folder)[-1]["val_accuracy"])
    assert "error by training images of a class, %" in printed and "rise" not in printed


@pytest.mark.once
def test_methods_for_a_long_tail_are_told_its_classes_but_by_the_command(tmp_path):
    def planned(*more):
        arguments = ("--imbalance=10", "--compare=sam,focal_sam,imb_sam", f"--workdir={tmp_path}")
        read = command_line.read(train_resnet.FLAGS, ["app", "--num_train=100", *arguments, *more])
        return [runs[0].settings["method_arguments"] for runs in planning.plan(read).runs.values()]

    counts = [10, 7, 5, 4, 3, 2, 2, 1, 1, 1]
    assert planned() == [{}, {"class_counts": counts}, {"tail_classes": [4, 5, 6, 7, 8, 9]}]
    assert planned('--method_arguments="focal_sam.class_counts=[3,1]"')[1]["class_counts"] == [3, 1]
    assert planned("--method_arguments=imb_sam.tail_weight=2")[2]["tail_classes"] == [*range(4, 10)]
