"""What a sweep refuses, and what its help says."""

import re

import pytest

from keras_sam.experiments.flags import sweep

from .test_sweep import run

WRONG = [
    ([], ["--method=sam"], "Name the values.*no --grid"),
    (["--grid=rho"], [], "once for each flag.*Received: --grid=rho$"),
    (["--grid=rho=0.1", "--grid=rho=0.2"], [], "once for each flag"),
    (["--grid=rho=0.1,0.1"], [], "different values"),
    (["--grid=roh=0.1"], [], "grid: did you mean rho.*Received: --grid=roh$"),
    ([f"--grid=flagfile={__file__}"], ["--method=sam"], "Unknown grid.*Received: --grid=flagfile$"),
    (["--grid=undefok=rho"], ["--method=sam"], "Received: --grid=undefok$"),
    (["--grid=help=true"], ["--method=sam"], "Received: --grid=help$"),
    (["--tuner=random", "--range=flagfile=0:1"], [], "Received: --range=flagfile$"),
    ([f"--grid=batch_size={'9' * 400}"], [], "batch_size must be an integer below 2147483648"),
    ([f"--trials={'9' * 400}"], [], "trials must be an integer below 2147483648"),
    (["--grid=rho=big"], [], "rho.*big"),
    (["--grid=rho=0.1,-1"], [], "Received: rho=-1.0"),
    (["--grid=seeds=1,2"], [], "--sweep_seeds"),
    (["--grid=rho=0.1"], ["--workdir=x"], "use --workdir. Received: --workdir"),
    (["--grid=rho=0.1"], ["--compare=sgd,sam"], "one method at a time.*sgd,sam"),
    (["--grid=rho=0.1"], ["--preset=e6"], "one method at a time.*sgd,sam"),
    (["--grid=rho=0.1"], ["--preset=e66"], "Unknown preset: did you mean .*e6"),
    (["--grid=rho=0.1", "--holdout=0"], [], "Received: holdout=0"),
    (["--grid=rho=0.1", "--final_seeds=1,2"], [], "fresh seeds"),
    (["--grid=rho=0.1", "--range=p=1:2"], [], "--tuner=random"),
    (["--tuner=random"], [], "Name what to search"),
    (["--tuner=random", "--range=rho=0:1:log"], [], "above 0, low:high:log"),
    (["--tuner=random", "--range=rho=1:0.1"], [], "low:high"),
    (["--tuner=random", "--range=roh=0.1:1"], [], "range: did you mean rho"),
    (["--tuner=random", "--range=rho=-1:1"], [], "Received: rho=-1.0"),
    (["--grid=rho=0.1", "--resume", "--overwrite"], [], "Choose one"),
    (["--grid=optimizer=sgd,adam"], ["--method=bsam"], "makes the whole update itself"),
    (["--grid=num_batch_splits=1,33"], [], "Received: --num_batch_splits=33"),
    (["--grid=rho=0.1", "--sweep_seeds=0,00"], [], "Received: --sweep_seeds=0,00"),
    (["--grid=rho=0.1"], ["--dataset=cifar10"], "cifar10 is read from a folder"),
]


@pytest.mark.parametrize("own, app, message", WRONG, ids=lambda value: str(value)[:40])
def test_wrong_options_end_in_one_line(tmp_path, own, app, message):
    with pytest.raises(SystemExit) as caught:
        run(tmp_path / "refused", *own, app=app)
    text = caught.value.code
    assert "\n" not in text and text.startswith("sweep.py: ") and re.search(message, text)
    assert not (tmp_path / "refused").exists()


STORAGES = [
    ("postgresql://me:secret@host/sweeps", "No module named"),
    ("sqlite:////nowhere/at/all.db", "unable to open database file"),
    ("study.db", "Could not parse"),
    ("nosuch://me:secret@host/sweeps", "nosuch"),
]


@pytest.mark.parametrize("url, reason", STORAGES, ids=[url for url, _ in STORAGES])
def test_a_storage_that_cannot_be_opened_is_refused_without_its_password(tmp_path, url, reason):
    with pytest.raises(SystemExit) as caught:
        run(tmp_path / "refused", "--grid=rho=0.1", f"--storage={url}", app=["--method=sam"])
    text = caught.value.code
    assert "\n" not in text and "secret" not in text
    assert re.search(f"--storage must be the URL .*Received: --storage=.*{reason}", text)
    assert not (tmp_path / "refused").exists()


@pytest.mark.parametrize("app", ["train_resnet", "finetune_efficientnet"])
def test_help_teaches(app, capsys):
    with pytest.raises(SystemExit):
        sweep.start(["sweep.py", "--help"], "What a sweep does.")
    assert "--app: <train_resnet|train_text|finetune_efficientnet>" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        sweep.start(
            ["sweep.py", f"--app={app}", "--grid=rho=1", "--", "--help"], "What a sweep does."
        )
    assert f"python apps/{app}.py" in capsys.readouterr().out
