"""A small part of the campaign of `benchmarks/faults.py`, and the file of its results."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import one_backend

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CASES = {"kills": range(1), "nans": range(2), "inputs": range(6), "files": range(4)}

pytestmark = pytest.mark.once


def campaign(*arguments):
    return subprocess.run(
        [sys.executable, str(BENCHMARKS / "faults.py"), *arguments],
        env=one_backend.environment(),
        capture_output=True,
        text=True,
        timeout=280,
    )


def test_cases_that_hold(tmp_path):
    only = [f"{kind}:{number}" for kind, numbers in CASES.items() for number in numbers]
    done = campaign(f"--only={','.join(only)}", f"--output={tmp_path / 'faults.jsonl'}")
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = re.findall(r"^(survived|refused): ", done.stdout, re.MULTILINE)
    assert len(outcomes) == len(only) and {*outcomes} == {"survived", "refused"}
    assert (tmp_path / "faults.jsonl").read_text() == ""  # What is repeated is in no table.


@pytest.fixture
def results(monkeypatch):
    """The module of the file of results."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from attacks import log

    return log


def test_a_stopped_campaign_goes_on(results, tmp_path):
    path, own = tmp_path / "deep" / "faults.jsonl", {"backend": "jax", "seed": 7}
    log = results.Log(path, own)
    log.add("kills", 0, 2.0, results.Result("survived", "sam"))
    log.add("kills", 2, 2.0, results.Result("FAILED", "looksam", "other weights", "kernel"))
    results.Log(path, own | {"seed": 8}).add("kills", 1, 1.0, results.Result("refused", "sgd"))
    with open(path, "a") as file:
        file.write('{"backend": "jax", "seed": 7, "kind": "kil')  # As a SIGKILL leaves it.
    again = results.Log(path, own)
    assert again.numbers("kills") == {0, 2} and again.numbers("nans") == set()
    again.add("kills", 1, 2.0, results.Result("survived", "sam"))
    lines = again.lines()
    assert [line["number"] for line in lines] == [0, 2, 1]
    row = results.counts(lines).splitlines()[1].split()
    assert row == ["kills", "jax", "3", "2", "0", "1", "30"]


def test_each_failure_has_the_command_that_repeats_it(results):
    line = {"backend": "jax", "seed": 7, "kind": "kills", "number": 1234, "what": "sam"}
    line |= {"outcome": "FAILED", "reason": "other weights", "detail": "kernel", "seconds": 1.0}
    assert results.commands([line, line | {"outcome": "survived"}]).splitlines() == [
        "KERAS_BACKEND=jax python benchmarks/faults.py --seed=7 --only=kills:1234",
        "    sam",
        "    other weights: kernel",
    ]
    assert results.reasons([line]).splitlines()[1].split()[-2:] == ["1", "--only=kills:1234"]


def test_a_mistyped_case_is_refused():
    done = campaign("--only=kill:3")
    assert done.returncode != 0 and "Received: --only=kill:3" in done.stderr + done.stdout
