"""The app of texts, on a folder of few words."""

import keras
import numpy as np
import pytest

from keras_sam import datasets
from keras_sam.experiments.flags import train_text

from ..datasets.test_texts import write_texts
from .conftest import metrics, start


def trained(folder, *arguments):
    first = ("--dataset=text_folder", f"--data_dir={folder}", "--verbose=0", "--epochs=1")
    return start(*arguments, app=train_text, first=first)


def test_texts_are_trained_on_and_the_model_is_kept(tmp_path):
    write_texts(tmp_path / "texts")
    arguments = ("--method=sam", "--batch_size=4", f"--workdir={tmp_path / 'runs'}")
    printed = trained(tmp_path / "texts", *arguments)
    assert "text_transformer on text_folder (8 training texts, 0%" in printed
    assert "of the test texts in" in printed and "adamw" in printed
    folder = tmp_path / "runs" / "sam" / "seed_0"
    model = keras.models.load_model(folder / "model.keras")
    data = datasets.get("text_folder", tmp_path / "texts")
    accuracy = np.mean(model.predict(data.x_test, verbose=0).argmax(-1) == data.y_test)
    assert accuracy == pytest.approx(metrics(folder)[-1]["val_accuracy"])


@pytest.mark.parametrize(
    "flag, message",
    [
        ("--augment=basic", "Texts take no augmentation"),
        ("--model=convnet", "height, width, channels"),
        ("--dataset=digits", "images want another model"),
        ("--data_dir=nowhere", "train/<class>/<text file>.*Received: 'nowhere'"),
    ],
)
def test_what_is_not_for_texts_is_refused(tmp_path, flag, message):
    write_texts(tmp_path / "texts")
    with pytest.raises(SystemExit, match=rf"^train_text\.py: .*{message}"):
        trained(tmp_path / "texts", flag, f"--workdir={tmp_path / 'runs'}")
    assert not (tmp_path / "runs").exists()
