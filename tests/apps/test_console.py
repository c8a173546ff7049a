"""The command `keras-sam`, which is the apps under one name."""

import pytest

from keras_sam.experiments import main as console

from .conftest import TINY, quietly

HEADS = {name: f"keras-sam {name} --" for name in console.COMMANDS}


def test_help_names_every_command(capsys):
    console.main(["keras-sam"])
    shown = capsys.readouterr().out
    for name in ("demo", *console.COMMANDS):
        assert f"\n  {name} " in shown


@pytest.mark.parametrize("name", HEADS)
def test_help_of_a_command_is_of_the_command(name, capsys):
    with pytest.raises(SystemExit, match="0"):
        console.main(["keras-sam", name, "--help"])
    shown = capsys.readouterr().out
    assert 0 < shown.index(HEADS[name]) < 200
    assert f"    python apps/{console.COMMANDS[name]}.py" not in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian"], "^keras-sam: Unknown command: did you mean train.* Received: trian$"),
        (["train", "--epohcs=3"], "^keras-sam train: .*Did you mean: epochs"),
        (["report"], "^keras-sam report: "),
    ],
)
def test_a_mistake_ends_in_one_line(words, message):
    with pytest.raises(SystemExit, match=message) as caught:
        console.main(["keras-sam", *words])
    assert "\n" not in caught.value.code


def test_demo_trains_as_its_flags_say(tmp_path):
    with quietly():
        console.main(
            ["keras-sam", "demo", *TINY, "--epochs=1", "--seeds=0", f"--workdir={tmp_path}"]
        )
    assert "keras-sam train --dataset=digits" in (tmp_path / "table.txt").read_text()
    assert (tmp_path / "sam_rho_0.5" / "seed_0" / "model.keras").is_file()
