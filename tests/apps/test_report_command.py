"""The report's command line: what it prints and what it refuses, in one line each."""

import json
import os
import re
import subprocess
import sys

import pytest

from .conftest import APPS, message_of
from .reported import make_run, write_report


@pytest.fixture
def refusal(tmp_path):
    """Starts the app with arguments that it must refuse; returns its message."""

    folder = tmp_path / "refused"
    return lambda *arguments: message_of(write_report, "report.py", folder, "output", arguments)


def test_no_runs(refusal, tmp_path):
    assert "Received: no --runs" in refusal()
    assert f"no such folder. Received: --runs={tmp_path}/x" in refusal(f"--runs={tmp_path}/x")
    (tmp_path / "settings.json").write_text("{}")  # Of another program.
    message = refusal(f"--runs={tmp_path}")
    assert "There is no run" in message and message.endswith(f"Received: --runs={tmp_path}")


def test_unknown_baseline_and_experiment(refusal, tmp_path):
    make_run(tmp_path, 60, method="sam", rho=0.1)
    make_run(tmp_path, 60, method="gsam", rho=0.1)
    runs = f"--runs={tmp_path}"
    assert "gsam, sam. Received: --baseline=sgd" in refusal(runs, "--baseline=sgd")
    assert "e1, e2" in refusal(runs, "--experiment=e11")


@pytest.mark.parametrize("text", ['{"method": "sgd", "se', "[1]", '{"method": "sgd"}', ""])
def test_unreadable_settings(refusal, tmp_path, text):
    path = make_run(tmp_path, 60) / "settings.json"
    path.write_text(text)
    assert str(path) in refusal(f"--runs={tmp_path}")


@pytest.mark.parametrize("text", ['{"epoch": 1, "val_acc', '{"epoch": 1}\n', ""])
def test_unreadable_metrics_of_a_finished_run(refusal, tmp_path, text):
    path = make_run(tmp_path, 60) / "metrics.jsonl"
    path.write_text(text)
    assert str(path) in refusal(f"--runs={tmp_path}")


def test_output_that_is_a_file(tmp_path):
    make_run(tmp_path / "runs", 60)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SystemExit, match="must be a folder"):
        write_report(f"--runs={tmp_path / 'runs'}", f"--output={tmp_path / 'file'}")


def test_mistyped_flag(refusal):
    assert "Unknown command line flag 'run'" in refusal("--run=x")


def test_missing_matplotlib(refusal, tmp_path, monkeypatch):
    make_run(tmp_path / "runs", 60)
    for name in ("figures", "over", "drawing", "sections", "weights"):
        monkeypatch.delitem(sys.modules, f"keras_sam.experiments.report.{name}", raising=False)
    monkeypatch.delitem(sys.modules, "keras_sam.experiments.results.curves", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert "pip install keras-sam[apps]" in refusal(f"--runs={tmp_path / 'runs'}")


def test_other_baseline_and_several_folders(tmp_path):
    make_run(tmp_path / "a", 60, method="gsam", rho=0.1)
    make_run(tmp_path / "b" / "deep", 63, method="sam", rho=0.1)
    folders = f"--runs={tmp_path / 'a'},{tmp_path / 'b'}"
    printed = write_report(folders, "--baseline=gsam", f"--output={tmp_path / 'page'}")
    assert printed.startswith("2 of 2 runs are in the tables\n")
    text = (tmp_path / "page" / "report.md").read_text(encoding="utf-8")
    assert "gain over gsam, points" in text and "| +3.00 |" in text


def test_without_sgd_there_is_no_gain(tmp_path):
    make_run(tmp_path, 60, method="sam", rho=0.1)
    write_report(f"--runs={tmp_path}", f"--output={tmp_path / 'page'}")
    assert "| gain" not in (tmp_path / "page" / "report.md").read_text(encoding="utf-8")


def test_diverged_runs_are_named(tmp_path):
    make_run(tmp_path, 60, 0)
    path = make_run(tmp_path, 10, 1) / "metrics.jsonl"
    path.write_text(re.sub('"loss": [0-9.]+', '"loss": NaN', path.read_text()))
    printed = write_report(f"--runs={tmp_path}", f"--output={tmp_path / 'page'}")
    assert printed.startswith("1 of 2 runs")
    text = (tmp_path / "page" / "report.md").read_text(encoding="utf-8")
    assert "seed 1: diverged" in text and "| 60.00 |" in text


def test_top5_error_where_it_was_measured(tmp_path):
    path = make_run(tmp_path, 60) / "metrics.jsonl"
    lines = map(json.loads, path.read_text().splitlines())
    lines = [line | {"val_top5_accuracy": 0.875} for line in lines]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    write_report(f"--runs={tmp_path}", f"--output={tmp_path / 'page'}")
    text = (tmp_path / "page" / "report.md").read_text(encoding="utf-8")
    assert "| top-5 error, % |" in text and "| 12.50 |" in text


def test_a_second_report_replaces_the_first(tmp_path):
    make_run(tmp_path / "runs", 60)
    arguments = [f"--runs={tmp_path / 'runs'}", f"--output={tmp_path / 'page'}"]
    write_report(*arguments)
    first = sorted(os.listdir(tmp_path / "page"))
    make_run(tmp_path / "runs", 80, 1)
    write_report(*arguments)
    assert sorted(os.listdir(tmp_path / "page")) == first  # And no unfinished file.
    assert "| 70.00 ± " in (tmp_path / "page" / "report.md").read_text(encoding="utf-8")


def test_help_and_a_page_need_no_backend(tmp_path):
    make_run(tmp_path / "runs", 60)
    environment = os.environ | {"KERAS_BACKEND": "none_such"}
    script = str(APPS / "report.py")
    for arguments in (["--help"], [f"--runs={tmp_path / 'runs'}", f"--output={tmp_path}"]):
        done = subprocess.run(
            [sys.executable, script, *arguments], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert re.search("python apps/report.py --runs=|page ", done.stdout)
