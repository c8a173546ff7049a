"""The papers' tables, each of them one command."""

import errno
import re

import pytest

from keras_sam import datasets
from keras_sam.experiments.flags import reproduce
from keras_sam.experiments.sweep.choice import UndecidedError
from keras_sam.experiments.sweep.sweep import Sweep
from keras_sam.experiments.tables import TABLES, Cell, Table, reproduction
from keras_sam.experiments.tables.plan import Plan
from keras_sam.experiments.tables.table import cover
from keras_sam.experiments.training import comparison, progress

from .conftest import quietly
from .test_sweep import train as pretend

OPTIONS = {"workdir": "runs", "data_dir": None, "weights": [], "smoke": False, "verbose": "0"}
TINY = {"dataset": "digits", "num_train": 40, "num_test": 20, "epochs": 2}
CELLS = [
    Cell({"rate": "low"}, TINY | {"compare": ["sam:0.1", "sam:0.3"]}),
    Cell({"rate": "high"}, TINY | {"method": "sam", "learning_rate": 0.5, "rho": 0.2}),
]
SWEPT = [
    Cell({"method": "asam"}, TINY | {"method": "asam"}, grid={"rho": ["0.1", "0.2"]}),
    Cell({"method": "sam"}, TINY | {"method": "sam"}, grid={"p": ["2", "inf"]}, like="asam"),
]


def start(workdir, *arguments):
    """Reproduces a table; returns what is printed."""
    with quietly() as printed:
        argv = ["reproduce.py", "--table=e6", f"--workdir={workdir}", *arguments]
        reproduce.start(argv, "What it does.")
    return printed.getvalue()


def ending(*arguments):
    """The line with which a command ends that does not end well."""
    with pytest.raises(SystemExit) as caught:
        start(*arguments)
    text = caught.value.code
    assert isinstance(text, str) and "\n" not in text and text.startswith("reproduce.py: ")
    return text


@pytest.fixture
def trained(monkeypatch):
    """Lets E6 be a tiny table whose runs are not trained; lists their settings."""
    seen = []

    def train(folder, *given):
        seen.append(folder.settings)
        pretend(folder)

    monkeypatch.setitem(TABLES, "e6", Table("Of no paper.", CELLS, SWEPT))
    monkeypatch.setattr(comparison, "train", train)
    monkeypatch.setattr(comparison, "_sum_up", lambda *given: None)  # Figures take their time.
    monkeypatch.setattr(reproduction, "report", lambda options: ("", options["runs"]))
    return seen


@pytest.mark.parametrize("smoke", [False, True])
@pytest.mark.parametrize("budget", ["cells", "small"])
@pytest.mark.parametrize("table", TABLES)
def test_every_cell_resolves_without_data(table, budget, smoke):
    cells = getattr(TABLES[table], budget)
    names = [cell.name for cell in cells]
    assert len(set(names)) == len(names) and (names or budget == "small")
    if smoke and cells:
        walked = cover(cells)
        for chosen in (cells, walked):
            places = {place for cell in chosen for place in cell.place.items()}
            assert places == {place for cell in cells for place in cell.place.items()}
        cells, names = walked, [cell.name for cell in walked]
    folders = []
    for number, cell in enumerate(cells):
        assert cell.like is None or cell.like in names[:number]
        folders += [run.path for run in Plan(cell, OPTIONS | {"smoke": smoke}).runs()]
    assert len(set(folders)) == len(folders) >= len(cells)


def test_a_table_is_trained_once_and_says_how_far_it_is(trained, tmp_path):
    printed = start(tmp_path)
    assert [one["rho"] for one in trained] == [0.1, 0.3, 0.2]
    assert "[1/2] low: 0 of 3 runs; how long the rest takes can be told after" in printed
    # Two epochs of a second each were measured for each run.
    assert "[2/2] high: 2 of 3 runs; the rest takes one process about 2 seconds" in printed
    folders = ["low/sam_rho_0.1", "low/sam_rho_0.3", "high/sam"]
    pages = "".join(f"page    {tmp_path}/{folder}\n" for folder in folders)
    assert printed.endswith(f"3 of 3 runs\n{pages}")
    assert "holds runs already: add --resume" in ending(tmp_path)
    start(tmp_path, "--resume")
    assert len(trained) == 3
    assert re.search(r"^low +2 of 2$", start(tmp_path, "--list"), re.MULTILINE)


def test_models_to_rank_by_their_sharpness_are_followed_by_the_command_for_it(
    trained, tmp_path, monkeypatch
):
    ranked = TINY | {"preset": "e10_tau", "compare": ["sam:0.1", "sam:0.3"], "seeds": ["0"]}
    monkeypatch.setitem(TABLES, "e6", Table("Of no paper.", [Cell({"part": "e10_tau"}, ranked)]))
    command = start(tmp_path, f"--data_dir={tmp_path}").splitlines()[-1].split()
    assert command[:3] == ["next", "python", "apps/sharpness.py"]
    assert command[-2:] == [
        f"--checkpoint={name}={tmp_path}/e10_tau/{name}" for name in ("sam_rho_0.1", "sam_rho_0.3")
    ]


def test_a_table_of_no_paper_has_no_published_figures(trained, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setitem(TABLES, "methods", TABLES["e6"])
    monkeypatch.setattr(reproduction, "report", lambda options: (asked.append(options), []))
    start(tmp_path, "--table=methods")
    assert [options["experiment"] for options in asked] == [None]


def test_goes_on_after_a_stop(trained, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(SystemExit, match="130"):
        train = comparison.train
        patch.setattr(
            comparison, "train", lambda *run: throw(KeyboardInterrupt) if trained else train(*run)
        )
        start(tmp_path)
    start(tmp_path, "--resume")
    assert [one["rho"] for one in trained] == [0.1, 0.3, 0.2]


def test_choices_are_made_and_taken_on(trained, tmp_path):
    start(tmp_path, "--budget=small")
    tried, final = trained[:2], trained[2:5]
    assert {one["holdout"] for one in tried} == {0.2} and {one["holdout"] for one in final} == {0}
    assert [one["seed"] for one in final] == [10, 11, 12]
    # SAM is trained with the radius that ASAM chose.
    assert {one["method"] for one in trained[5:]} == {"sam"}
    assert {one["rho"] for one in final + trained[5:]} == {0.2}
    (tmp_path / "asam" / "sweep.json").write_text("{")
    for more in ("--resume", "--list"):
        assert "delete the file, and it is made again" in ending(tmp_path, "--budget=small", more)
    (tmp_path / "asam" / "sweep.json").unlink()
    start(tmp_path, "--budget=small", "--resume")
    assert len(trained) == 10


def test_waits_for_the_choice_of_another_process(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(reproduction, "PATIENCE", 0.0)
    once, original = [UndecidedError("not yet")], Sweep.run
    monkeypatch.setattr(Sweep, "run", lambda s: throw(once.pop()) if once else original(s))
    assert "another process still trains" in start(tmp_path, "--budget=small")
    assert len(trained) == 10


def throw(error):
    raise error


def test_what_fails_is_marked_and_the_rest_goes_on(trained, tmp_path, monkeypatch):
    def train(folder, *given):
        if folder.settings["rho"] == 0.1:
            raise ArithmeticError("as told")
        pretend(folder)

    monkeypatch.setattr(comparison, "train", train)
    assert ending(tmp_path).endswith("tries again: low: sam, rho 0.1, seed 0")
    assert "3 of 3 (1 failed) runs" in start(tmp_path, "--list")
    with monkeypatch.context() as patch:
        patch.setattr(Sweep, "run", lambda sweep: throw(ValueError("No point trained")))
        text = ending(tmp_path / "small", "--budget=small")
    assert text.endswith("asam: No point trained; sam: no choice of asam to go by")


def test_a_run_that_diverges_is_marked_and_what_comes_twice_is_shown_once(
    trained, tmp_path, monkeypatch
):
    diverging = TINY | {"compare": ["sam:5", "sam:0.2"]}
    twice = [Cell({"part": part}, diverging) for part in ("one", "other")]
    monkeypatch.setitem(TABLES, "e6", Table("Of no paper.", twice))
    printed = start(tmp_path)
    assert "4 of 4 (2 diverged) runs" in printed
    assert [line for line in printed.splitlines() if line.startswith("page")] == [
        f"page    {tmp_path}/one/{folder}" for folder in ("sam_rho_5", "sam_rho_0.2")
    ]


def test_a_full_disk_ends_the_table(trained, tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patch:
        patch.setattr(comparison, "train", lambda *given: throw(full))
        assert "The same command with --resume goes on once this is mended" in ending(tmp_path)
    start(tmp_path, "--resume")
    assert len(trained) == 3


def test_names_all_missing_data_before_any_cell_starts(trained, tmp_path, monkeypatch):
    photographs = [
        Cell({"data": name}, {"dataset": name}) for name in ("cifar100", "digits", "svhn")
    ]
    monkeypatch.setitem(TABLES, "e6", Table("Of no paper.", photographs))
    text = ending(tmp_path / "runs", f"--data_dir={tmp_path}")
    assert "2 of the 3 data sets of --table=e6 cannot be read: cifar100: " in text
    assert "cifar-100-python/" in text and "tfds build svhn_cropped" in text
    assert not (tmp_path / "runs").exists()


def test_weights_start_their_network_and_leave_no_folder_in_the_command(
    trained, tmp_path, monkeypatch
):
    cell = Cell({"network": "small"}, TINY)
    monkeypatch.setitem(TABLES, "e6", Table("Of no paper.", [cell]))
    asked = []
    monkeypatch.setattr(comparison, "run", lambda *given: asked.append(given) or [])
    path = tmp_path / "some.weights.h5"
    path.touch()
    assert f"--weights={path}" in Plan(cell, OPTIONS | {"weights": [f"small={path}"]}).arguments
    monkeypatch.setattr(Plan, "arguments", cell.arguments)  # This network takes no weights.
    start(tmp_path / "runs", f"--weights=small={path}")
    assert "--weights=small=.../some.weights.h5" in asked[0][1]


def test_downloads_each_data_set_once_before_any_cell_starts(trained, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(datasets, "download", lambda name, folder: asked.append((name, folder)))
    start(tmp_path / "runs", "--download", f"--data_dir={tmp_path}")
    assert asked == [("digits", str(tmp_path))]


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--table=e11"], "Unknown table: did you mean e1"),
        (["--only=nothing"], "names of cells: low, high. Received: --only=nothing"),
        (["--weights=l2"], "network=FILE, as in l2=FILE. Received: --weights=l2"),
        (["--table=e10", "--budget=small"], "no small table of e10"),
        (["--table=e3", "--only=l2"], "add --weights=l2=FILE"),
        (["--table=e3", "--weights=l3=x"], "one of b7, l2. Received: --weights=l3=x"),
        (
            ["--table=e3", "--weights=l2=x"],
            "must be a file. Received: --weights=l2=x",
        ),
        (["--weights=l2=x"], "must be left out here. Received: --weights=l2=x"),
        (["--download"], "add --data_dir. Received: --download"),
    ],
)
def test_wrong_options_end_in_one_line(trained, tmp_path, arguments, expected):
    assert expected in ending(tmp_path / "runs", *arguments)
    assert not (tmp_path / "runs").exists()


def test_durations_are_as_exact_as_an_estimate():
    found = [progress.duration(seconds) for seconds in (0.2, 80, 100, 4000, 6000, 86400 * 20)]
    assert found[:3] == ["1 seconds", "80 seconds", "1.7 minutes"]
    assert found[3:] == ["67 minutes", "1.7 hours", "20 days"]
