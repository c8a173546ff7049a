"""The table: what each column holds, and what is marked."""

import math
import re

import pytest

from keras_sam import methods
from keras_sam.experiments.results.table import table

from .conftest import metrics, start
from .outcomes import outcome, outcome_of, run


def cells(found, title):
    """The texts of a column, by the position of its title."""
    first, *rows = table(found).partition("\n\n")[0].splitlines()
    start, end = re.search(rf"(?:^|  ) *{re.escape(title)}", first).span()
    return [row[start:end].strip() for row in rows]


def test_step_time_is_the_median_after_the_first_epochs():
    sgd = outcome_of("sgd", "1", [run(90, 1.0, epochs=2), run(90, 3.0, epochs=4)])  # 1, 3, 3, 3
    slow = outcome("slow", 90, seconds=6.0, epochs=2)
    assert cells([slow, sgd], "step time ÷ sgd") == ["2.00", "1.00"]
    assert cells([slow, sgd], "seconds") == ["18.0", "16.0 ± 101.6"]  # All of it, as ever.


@pytest.mark.parametrize(
    "found",
    [
        [outcome("sam", 90), outcome("asam", 80)],
        [outcome("sgd", 90, epochs=1), outcome("sam", 90, epochs=1)],
        [outcome("sgd", failed=1), outcome("sam", 90)],
    ],
    ids=["no sgd", "one epoch", "failed sgd"],
)
def test_no_relative_time_without_a_reference(found):
    assert "÷" not in table(found)


def test_methods_below_sgd_are_marked():
    found = [outcome("sam", 89.9), outcome("sgd", 89, 91), outcome("asam", 90), outcome("x", 95)]
    assert cells(found, "note") == ["below sgd", "", "", ""]
    assert "below sgd" not in table([outcome("sgd", 50), outcome("sam", 50)])


def test_failed_and_diverged_runs_are_named_and_in_no_mean():
    bad = run(10, 50.0, loss=math.nan)
    found = [
        outcome_of("none", "2", [bad, bad]),
        outcome_of("some", "2", [run(80), bad, run(82)]),
        outcome_of("broken", "2", [], failed=2),
        outcome_of("both", "2", [run(80), bad], failed=1),
    ]
    notes = ["diverged", "diverged in 1 of 3", "failed", "failed in 1 of 3, diverged in 1 of 3"]
    assert cells(found, "note") == notes
    assert cells(found, "test accuracy, %") == ["-", "81.0 ± 12.7", "-", "80.0"]
    assert cells([outcome("sgd", 99), *found], "step time ÷ sgd") == [
        "1.00",
        "-",
        "1.00",
        "-",
        "1.00",
    ]


def test_the_line_under_a_table_says_what_its_sign_means():
    note = "± is half the width of the 95 % interval of the mean (Student's t)"
    assert table([outcome("sam", 90, 91)]).splitlines()[-1] == note
    assert "interval" not in table([outcome("sam", 90)])  # A single seed has none.


def test_gradients_a_step_come_from_the_registry(compared):
    costs = {row.name: str(row.cost) for row in methods.list(detail=True)}
    text = (compared[0] / "table.txt").read_text()
    column = text[text.index("method ") :].splitlines()
    end = column[0].index("gradients a step") + len("gradients a step")
    assert column[1][:end].endswith(" 1") and column[2][:end].endswith(f" {costs['sam']}")


def test_table_is_kept_with_the_command_that_made_it(compared):
    workdir, printed = compared
    text = (workdir / "table.txt").read_text()
    command, *_ = text.splitlines()
    assert re.match(r"KERAS_BACKEND=\w+ python apps/train_resnet\.py --", command)
    for flag in ("--compare=sgd,sam:0.3", "--seeds=0,1", "--epochs=3", "--num_train=256"):
        assert f" {flag}" in command
    assert str(workdir.parent) not in text and "--learning_rate" not in command
    assert text[text.index("method ") :] in printed and printed.splitlines()[0] in text


def test_step_times_leave_out_the_evaluation(compared):
    for line in metrics(compared[0] / "sgd" / "seed_0"):
        assert 0 < line["train_seconds"] < line["seconds"]


def test_one_epoch_is_enough_for_a_table(tmp_path):
    printed = start("--compare=sgd,late", "--epochs=1", f"--workdir={tmp_path}")
    assert "÷" not in printed and "gradients a step" in printed
