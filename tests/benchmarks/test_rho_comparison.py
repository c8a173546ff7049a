"""The verdict on ways to a radius, and a comparison that goes on where it stopped."""

import importlib
import pathlib

import pytest

pytestmark = pytest.mark.once
BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"
NOISE = (0.3, -0.2, 0.1, -0.4, 0.2)


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("_rho_report")


@pytest.fixture
def ways(report):
    return importlib.import_module("_rho_ways")


def way(report, mean, scale=1.0, rho=None):
    return report.Way(rho, {seed: mean + scale * one for seed, one in enumerate(NOISE)})


def task(report, **means):
    plain = {report.PLAIN: way(report, 70.0, 0.0), report.TUNED: way(report, 80.0)}
    return plain | {name: way(report, mean) for name, mean in means.items()}


def test_a_way_passes_that_surely_keeps_enough_on_every_task(report):
    results = {
        "one": task(report, steady=79.0, once=79.0, just=78.0),
        "two": task(report, steady=80.0, once=71.0, just=79.0),
    }
    assert report.verdict(results) == ["steady"]
    assert "tasks: steady." in report.text(results, {"one": "One", "two": "Two"})
    # One that a task lacks has not shown that it keeps anything there.
    del results["two"]["steady"]
    assert report.verdict(results) == []


def test_the_least_share_is_where_the_lower_end_is_zero(report):
    tuned = {seed: 10.0 + one for seed, one in enumerate(NOISE)}
    gain = {seed: 9.0 - one for seed, one in enumerate(NOISE)}
    share = report.least_share(gain, tuned)
    assert share < 0.9
    found = report.estimate(gain[seed] - share * tuned[seed] for seed in gain)
    assert found.mean - found.half_width == pytest.approx(0.0, abs=1e-9)
    assert report.least_share(tuned, tuned) == pytest.approx(1.0)


def test_no_share_of_a_gain_that_may_be_none(report):
    unsure = {seed: 0.1 + one for seed, one in enumerate(NOISE)}
    assert report.least_share(unsure, unsure) is None


def outcome_of(made):
    """A stand-in for training, whose best radius is a middle one of the grid."""

    def outcome(run):
        made.append(run)
        if run.part in ("norm", "search"):
            return {"norm": 5.0, "rho": 0.0, "seconds": 1.0}
        rho = run.options.get("rho", 0.0)
        return {"accuracy": 80.0 - abs(rho - 0.2) + run.seed, "seconds": 2.0}

    return outcome


def test_runs_are_shared_and_none_is_made_twice(ways, tmp_path):
    made = []
    found = ways.found("digits", ways.Book(tmp_path / "runs.jsonl", outcome_of(made)))
    chosen = {name: one.rho for name, one in found.items()}
    # Of a search that finds no radius to be the best, plain training.
    assert chosen[ways.TUNED] == chosen[ways.RELATIVE] == 0.2 and chosen["find_rho"] == 0.0
    assert found["find_rho"].accuracies == found[ways.PLAIN].accuracies
    # Seven radii on each network, a search, a norm, and sgd, sam, and three other methods.
    assert len(made) == 2 * 7 + 2 + 5 * len(ways.SEEDS)
    again = ways.found("digits", ways.Book(tmp_path / "runs.jsonl", None))
    assert again == found


def test_what_is_not_trained_is_left_out(ways, tmp_path):
    path, made = tmp_path / "runs.jsonl", []
    ways.found("digits", ways.Book(path, outcome_of(made)))
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if '"le_sam"' not in line) + "\n")
    assert "le_sam" not in ways.found("digits", ways.Book(path, None))
    made.clear()
    ways.found("digits", ways.Book(path, outcome_of(made)))
    assert {run.method for run in made} == {"le_sam"}
