"""Comparisons of many methods: the word `all`, and methods that do not make it."""

import json

import pytest

from keras_sam import methods
from keras_sam.experiments.flags import command_line, train_resnet
from keras_sam.experiments.training import comparison, planning
from keras_sam.experiments.training.entries import entries
from tests import conformance

from .conftest import metrics, start


def compared_names(*compare):
    options = {"compare": list(compare), "rho": None, "p": None, "method_arguments": []}
    return [(entry.method, entry.own_rho) for entry in entries(options)]


def rest(*listed):
    left_out = {*listed, *conformance.OF_LORA}  # No network of the apps has adapters.
    return [(name, None) for name in methods.list() if name not in left_out]


def test_all_is_the_whole_registry_but_what_is_for_lora():
    assert compared_names("all") == rest()


@pytest.mark.parametrize("texts", [("sgd", "sam:0.5", "all"), (" sgd", "sam:0.5 ", " all ")])
def test_all_leaves_out_what_is_listed(texts):
    assert compared_names(*texts) == [("sgd", None), ("sam", 0.5), *rest("sam")]


def test_rows_keep_the_order_of_the_command():
    found = compared_names("late", "all", "asam:1", "sam:0.1", "sam:0.2")
    last = [("asam", 1.0), ("sam", 0.1), ("sam", 0.2)]
    assert found == [("late", None), *rest("late", "asam", "sam"), *last]


@pytest.mark.parametrize("method, default", [("sam", 0.9), ("bsam", 0.0)])
def test_no_momentum_on_top_of_a_methods_own(method, default, tmp_path):
    start(f"--method={method}", "--epochs=1", f"--workdir={tmp_path}")
    settings = json.loads((tmp_path / method / "seed_0" / "settings.json").read_text())
    assert settings["momentum"] == default


def test_a_method_for_lora_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'flat_lora' is for LoRA.*Received: flat_lora$"):
        compared_names("flat_lora")


def test_of_all_methods_one_that_does_not_fit_fails_alone():
    """The command does not name it, and cannot leave it out."""
    flags = ["train_resnet.py", "--compare=sgd,all", "--optimizer=adam"]
    options = planning.resolved(command_line.read(train_resnet.FLAGS, flags))
    assert "bsam" in [entry.method for entry in planning.fitting(options)]


def test_a_method_is_compared_with_itself_at_other_arguments():
    texts = ["friendly:0.5:sigma=-1e6", "friendly:sigma=1.0:decay=0.5", "friendly:0.5"]
    options = {"compare": texts, "rho": None, "p": None, "method_arguments": ["sigma=0.3"]}
    found = entries(options)
    assert [entry.arguments for entry in found] == [
        {"sigma": -1e6, "rho": 0.5},
        {"sigma": 1.0, "decay": 0.5},
        {"sigma": 0.3, "rho": 0.5},
    ]
    assert [entry.folder for entry in found] == [
        "friendly_rho_0.5_sigma_-1e+06",
        "friendly_sigma_1_decay_0.5",
        "friendly_rho_0.5",
    ]
    assert found[0].label == "friendly, rho 0.5, sigma -1e+06"


@pytest.mark.parametrize("text", ["sam:0.5:steps", "sam:0.5:0.2", "sam:0.5:", "sam:p=2:=3"])
def test_arguments_of_its_own_are_name_and_value(text):
    with pytest.raises(ValueError, match=rf"as in friendly:0.5:sigma=1.0. Received: {text}$"):
        compared_names(text)


def break_asam(patch):
    """Makes the training of one method raise, with a message of several lines."""

    def train(folder, *arguments):
        if folder.settings["method"] == "asam":
            folder.begin()
            raise RuntimeError("one\ntwo " + 1000 * "long ")
        return original(folder, *arguments)

    original = comparison.train
    patch.setattr(comparison, "train", train)


def test_a_failing_method_does_not_stop_the_others(tmp_path, monkeypatch):
    arguments = ("--compare=asam,sgd", "--epochs=1", f"--workdir={tmp_path}")
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as caught:
        break_asam(patch)
        start(*arguments)
    assert isinstance(caught.value.code, str) and "\n" not in caught.value.code  # Exits with 1.
    assert caught.value.code.endswith("asam, rho 0.5, seed 0")
    asam, sgd = (tmp_path / "table.txt").read_text().splitlines()[-2:]
    assert asam.endswith(" failed") and sgd.startswith("sgd") and not sgd.endswith("failed")
    error = tmp_path / "asam" / "seed_0" / "error.txt"
    assert "Traceback" in error.read_text() and "RuntimeError: one\ntwo" in error.read_text()
    printed = start(*arguments, "--resume")  # Tries again.
    assert printed.count("finished before") == 1 and "failed" not in printed
    assert not error.exists()


def test_an_error_is_printed_in_one_line(tmp_path, monkeypatch):
    printed = []
    monkeypatch.setattr("builtins.print", lambda text, **_: printed.append(text))
    break_asam(monkeypatch)
    with pytest.raises(SystemExit):
        start("--compare=asam", f"--workdir={tmp_path}")
    (line,) = (text for text in printed if "RuntimeError" in text)
    assert line.startswith("[1/1] asam, rho 0.5, seed 0: failed: RuntimeError: one two long")
    assert len(line) < 600


def test_a_diverging_method_is_stopped_and_named(tmp_path):
    printed = start("--compare=sam:3e38,sgd", f"--workdir={tmp_path}")
    assert "[1/2] sam, rho 3e+38, seed 0: diverged in epoch 1: the loss is not finite" in printed
    assert len(metrics(tmp_path / "sam_rho_3e+38" / "seed_0")) == 1
    assert len(metrics(tmp_path / "sgd" / "seed_0")) == 3
    sam, sgd = (tmp_path / "table.txt").read_text().splitlines()[-2:]
    assert sam.endswith(" diverged") and "diverged" not in sgd
    again = start("--compare=sam:3e38,sgd", f"--workdir={tmp_path}", "--resume")
    assert again.count("finished before") == 2
