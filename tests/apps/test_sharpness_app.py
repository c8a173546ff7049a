"""The app of sharpness: two tiny models from the command line to table, numbers and pictures."""

import json
import re

import keras
import numpy as np
import pytest
import scipy.stats

from keras_sam import datasets, models
from keras_sam import sharpness as measures
from keras_sam.experiments.sharpness import report
from keras_sam.experiments.sharpness.measuring import Finding
from keras_sam.experiments.sharpness.options import Checkpoint, main
from keras_sam.experiments.training.watching import measured_on

from .conftest import quietly

TINY = ("--num_examples=64", "--batch_size=32", "--steps=3", "--points=3")


def start(*arguments):
    with quietly() as printed:
        main(["sharpness.py", *TINY, *arguments], "What the app does.")
    return printed.getvalue()


def network():
    """A small one, so that the time is the app's own."""
    stack = [keras.layers.Flatten(), keras.layers.Dense(10)]
    return keras.Sequential([keras.Input((8, 8, 1)), *stack])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Two runs' folders of one label, and a file of another."""
    folder = tmp_path_factory.mktemp("models")
    for name, seed in (("runs/seed_0", 0), ("runs/seed_1", 1), ("single", 0)):
        (folder / name).mkdir(parents=True)
        keras.utils.set_random_seed(seed)
        network().save(folder / name / "model.keras")
        settings = {"dataset": "digits", "label_noise": 0.4, "seed": seed, "method": "sgd"}
        (folder / name / "settings.json").write_text(json.dumps(settings))
    (folder / "single" / "settings.json").unlink()
    return folder


@pytest.fixture(scope="module")
def measured(saved, tmp_path_factory):
    """The work directory of a run with everything, its printed output and its numbers."""
    workdir = tmp_path_factory.mktemp("measured")
    single = saved / "single" / "model.keras"
    arguments = [f"--checkpoint=SGD={saved / 'runs'}", f"--checkpoint=a b={single}"]
    printed = start(*arguments, "--measure=all", "--m=16,32", "--rho=0.1", f"--workdir={workdir}")
    return workdir, printed, json.loads((workdir / "sharpness.json").read_text())


def objective(path, noise, seed):
    data = datasets.with_label_noise(datasets.digits(), noise, seed)
    x, y = measured_on(data, "train", 64)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = keras.models.load_model(path)
    return measures.Objective(model, x, y, loss, batch_size=32)


def test_numbers_are_those_of_direct_calls(measured, saved):
    _, _, found = measured
    first, second, other = found["models"]
    assert [entry["label"] for entry in found["models"]] == ["SGD", "SGD", "a b"]
    assert [entry["data"]["seed"] for entry in found["models"]] == [0, 1, 0]
    noisy = objective(saved / "runs/seed_1/model.keras", 0.4, 1)
    assert second["loss"] == pytest.approx(noisy.loss(), rel=1e-5)
    assert second["m_sharpness"] == pytest.approx(measures.worst_case(noisy, 0.1).value, rel=1e-4)
    top = measures.top_eigenvalues(measures.Hessian(noisy), k=5)
    assert second["lambda_max"] == pytest.approx(top.values[0], rel=1e-3)
    clean = objective(saved / "single/model.keras", 0.0, 0)
    assert other["loss"] == pytest.approx(clean.loss(), rel=1e-5)
    density = measures.spectral_density(measures.Hessian(clean), steps=3)
    np.testing.assert_allclose(other["spectrum"]["nodes"], density.nodes, rtol=1e-2, atol=1e-2)
    assert "spectrum" in first and "spectrum" not in second
    assert other["gap"] == pytest.approx(other["train_accuracy"] - other["test_accuracy"])


def test_each_m_has_its_rank_correlation_with_the_gap(measured):
    _, printed, found = measured
    entries = found["models"]
    assert [e["m_sharpness_32"] for e in entries] == [e["m_sharpness"] for e in entries]
    tau = scipy.stats.kendalltau(*([e[k] for e in entries] for k in ("m_sharpness_16", "gap")))
    assert f"gap over 3 models: m 16: {tau.statistic:.2f}, m 32: " in printed


def test_table_has_a_line_for_each_label(measured):
    workdir, printed, found = measured
    text = (workdir / "sharpness.txt").read_text()
    sgd, other = re.findall(r"^(?:SGD|a b) .*$", text, re.MULTILINE)
    traces = [entry["trace"] for entry in found["models"][:2]]
    assert f"{np.mean(traces):.3g}"[:3] in sgd and " ± " in sgd and " ± " not in other
    assert sgd in printed and "m 32, rho 0.1" in printed and "On 64 training" in printed
    assert text.startswith("KERAS_BACKEND=") and "--measure=all" in text.splitlines()[0]


def test_pictures_and_landscapes_are_written(measured):
    workdir, printed, _ = measured
    for name in ("spectrum.png", "landscape.png", "surface.png", "gap.png"):
        assert (workdir / name).read_bytes().startswith(b"\x89PNG")
        assert str(workdir / name) in printed
    assert measures.Landscape.load(workdir / "landscape_a_b.npz").losses.shape == (3, 3)


def test_labels_alike_have_files_of_their_own(tmp_path):
    steps = np.linspace(-1, 1, 3)
    found = measures.Landscape(1 + steps[:, None] ** 2 + steps**2, (steps, steps), ("a", "b"))
    names = report._draw_landscapes({"SAM+": found, "SAM-": found}, tmp_path)
    assert names[2:] == ["landscape_SAM_.npz", "landscape_SAM__.npz"]


def test_json_has_no_nan():
    checkpoint = Checkpoint("a", "a.keras", {})
    finding = Finding(checkpoint, {"lambda_ratio": float("nan")}, 64)
    text = report._json([finding], {}, "command")
    assert json.loads(text)["models"][0]["lambda_ratio"] is None


def test_flags_come_before_the_settings_beside_a_model(saved, tmp_path):
    run = f"--checkpoint=SGD={saved / 'runs/seed_1'}"
    start(run, "--measure=m_sharpness", "--label_noise=0", "--smoke", f"--workdir={tmp_path}")
    (entry,) = json.loads((tmp_path / "sharpness.json").read_text())["models"]
    assert entry["data"]["label_noise"] == 0 and entry["data"]["seed"] == 1
    assert "trace" not in entry and not (tmp_path / "spectrum.png").exists()


WRONG = [
    ([], "Received: no --checkpoint"),
    (["--checkpoint=model.keras"], "label and a path.*Received: --checkpoint=model.keras"),
    (["--checkpoint=a=nowhere.keras"], "or a folder with.*Received: --checkpoint=a=nowhere"),
    (
        ["--checkpoint=a={saved}/runs/seed_0/settings.json"],
        "must be a model that Keras loads. Received: ",
    ),
    (["--checkpoint=a={saved}/runs", "--dataset=digit"], "did you mean digits"),
    (["--checkpoint=a={saved}/runs", "--label_noise=1"], "--label_noise=1.0"),
    (["--checkpoint=a={saved}/runs", "--measure=trce"], "did you mean trace.*--measure=trce"),
    (["--rho=0"], "Received: --rho=0"),
    (["--nologits", "--measure=adaptive"], "Received: --nologits"),
    (["--points=4"], "odd number.*Received: --points=4"),
    (["--num_examples=0"], "Received: --num_examples=0"),
    (["--chekpoint=a=b"], "checkpoint"),
]


@pytest.mark.parametrize("arguments, message", WRONG)
def test_mistakes_end_in_one_line(arguments, message, saved, tmp_path):
    workdir = tmp_path / "refused"
    with pytest.raises(SystemExit) as caught:
        start(f"--workdir={workdir}", *(text.format(saved=saved) for text in arguments))
    assert "\n" not in caught.value.code and caught.value.code.startswith("sharpness.py: ")
    assert re.search(message, caught.value.code) and not workdir.exists()


def test_a_model_for_other_images_is_refused(tmp_path):
    models.get("convnet", (16, 16, 1), 10).save(tmp_path / "large.keras")
    with pytest.raises(SystemExit, match=r"\(8, 8, 1\).*Received: .*\(16, 16, 1\)"):
        start(f"--checkpoint=a={tmp_path / 'large.keras'}", f"--workdir={tmp_path / 'out'}")
