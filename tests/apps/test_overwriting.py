"""What --overwrite removes, what it leaves, and that it takes nothing from a live process."""

import json
import os

import pytest

from keras_sam.experiments.results.folder import OWN_FILES, RunFolder
from keras_sam.experiments.results.workdir import OWN_SETTINGS, clear

from .conftest import start


def make_run(workdir, method="sgd", seed=0, **settings):
    """Writes the folder of a run that stopped; returns its path."""
    path = workdir / method / f"seed_{seed}"
    path.mkdir(parents=True)
    known = dict.fromkeys(OWN_SETTINGS) | {"method": method, "seed": seed} | settings
    (path / "settings.json").write_text(json.dumps(known))
    (path / "metrics.jsonl").write_text("")
    return path


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def overwrite(workdir, *arguments):
    return start("--method=sgd", "--epochs=1", f"--workdir={workdir}", "--overwrite", *arguments)


@pytest.mark.parametrize("planned", [True, False])
def test_what_another_process_trains_is_refused(tmp_path, planned):
    """Whether the same run is planned or not, and before anything else is removed."""
    make_run(tmp_path, "asam")
    run = make_run(tmp_path, "sgd" if planned else "wsam")
    with RunFolder(run, {}).claimed():
        before = contents(tmp_path)
        with pytest.raises(SystemExit) as caught:
            overwrite(tmp_path)
        assert contents(tmp_path) == before
    message = caught.value.code
    assert f"Another process works in {run}: stop it" in message and "\n" not in message


def test_a_lock_is_never_removed(tmp_path):
    """Else a process that waits for it and one that comes later would hold different locks."""
    run = make_run(tmp_path)
    with RunFolder(run, {}).claimed():
        pass
    before = os.stat(run / "lock").st_ino
    assert clear(tmp_path) == []
    assert os.listdir(run) == ["lock"] and os.stat(run / "lock").st_ino == before


def test_all_files_of_a_run_are_removed_and_no_other(tmp_path):
    run = make_run(tmp_path)
    for name in OWN_FILES[:-1]:
        (run / name.replace("*", "00001")).write_bytes(b"")
    (run / "notes.txt").write_text("mine")
    assert clear(tmp_path) == [f"{run / 'notes.txt'}: no file of a run"]
    assert sorted(os.listdir(run)) == ["lock", "notes.txt"]


@pytest.mark.parametrize("level", ["method", "seed"])
def test_links_are_not_followed(tmp_path, level):
    workdir, outside = tmp_path / "work", make_run(tmp_path / "outside", "asam")
    link = workdir / "asam" if level == "method" else workdir / "asam" / "seed_0"
    link.parent.mkdir(parents=True)
    link.symlink_to(outside.parent if level == "method" else outside)
    before = contents(tmp_path / "outside")
    printed = overwrite(workdir)
    assert f"left    {workdir / 'asam' / 'seed_0'}: a link to elsewhere\n" in printed
    assert contents(tmp_path / "outside") == before and link.is_symlink()


FOREIGN = ['{"theme": "dark"}', '{"method": "sgd", "seed": 7}', "half", None]


@pytest.mark.parametrize("content", FOREIGN)
@pytest.mark.parametrize("method", ["sgd", "theirs"])
def test_foreign_folders_stay(tmp_path, content, method):
    """One in the place of a planned run is refused: a model there would count as trained."""
    folder = tmp_path / method / "seed_0"
    folder.mkdir(parents=True)
    (folder / "model.keras").write_text("mine")
    if content is not None:
        (folder / "settings.json").write_text(content)
    before = contents(tmp_path)
    if method == "sgd":
        with pytest.raises(SystemExit, match=f"{folder} is where a run has to go.* by hand"):
            overwrite(tmp_path)
        assert contents(tmp_path) == before
    else:
        assert f"left    {folder}: no settings.json of this run\n" in overwrite(tmp_path)
        assert before.items() <= contents(tmp_path).items()


def test_a_run_that_another_process_began_with_other_settings(tmp_path, monkeypatch):
    """Between the plan and the training."""
    claimed = RunFolder.claimed

    def late(folder):
        if not folder.path.exists():
            make_run(tmp_path, epochs=77)
        return claimed(folder)

    monkeypatch.setattr(RunFolder, "claimed", late)
    with pytest.raises(SystemExit, match="epochs=3 instead of 77"):
        start("--method=sgd", f"--workdir={tmp_path}")
    assert not (tmp_path / "sgd" / "seed_0" / "error.txt").exists()


def test_what_a_kill_left_as_a_run_began_is_no_run(tmp_path):
    folder = tmp_path / "sgd" / "seed_0"
    folder.mkdir(parents=True)
    (folder / "lock").touch()
    (folder / "unfinished_settings.json").write_text("{")
    assert "failed" not in start("--method=sgd", "--epochs=1", f"--workdir={tmp_path}")
    assert not (folder / "unfinished_settings.json").exists()
