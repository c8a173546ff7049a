"""Folders of texts and docstrings of libraries: what is read, and what is refused."""

import importlib
import sys

import numpy as np
import pytest

from keras_sam import datasets


def write_texts(folder, classes=("letter", "note"), of_each=5):
    """Files of a word of their class and a number, and of as many more words as the number."""
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(of_each):
            text = f"{name.title()} {number} {'über ' * number}"
            (folder / name / f"{number}.txt").write_text(text, "utf-8")


def test_words_are_numbered_alike_wherever_they_stand():
    rows = datasets.encode(["The mean, the MEAN.", "mean"], length=3)
    assert rows.dtype == "int32" and rows.shape == (2, 3) and rows.max() < 16384
    assert rows[0, 0] == rows[0, 2] and rows[0, 1] == rows[1, 0] and rows[1].tolist()[1:] == [0, 0]


def test_one_text_alone_is_refused():
    with pytest.raises(ValueError, match=r"a list of strings. Received: texts='the mean'"):
        datasets.encode("the mean", 3)


def test_folder_of_texts(tmp_path):
    write_texts(tmp_path)
    (tmp_path / "note" / "picture.png").write_bytes(b"\xff")
    data = datasets.get("text_folder", tmp_path, num_test=2)
    assert data.kind == "text" and data.class_names == ("letter", "note")
    assert len(data.x_train) == 8 and data.y_test.tolist() == [0, 1]
    assert data.input_shape == ((data.x_train != 0).sum(1).max(),)
    first = datasets.encode(data.class_names, 1)[:, 0]
    np.testing.assert_array_equal(data.x_train[:, 0], first[data.y_train])


def test_batches_are_whole_numbers(tmp_path):
    write_texts(tmp_path / "train")
    write_texts(tmp_path / "test", of_each=1)
    data = datasets.get("text_folder", tmp_path)
    texts, labels = data.training_batches(4, augment="none")[0]
    assert texts.dtype == "int32" and texts.shape == (4, 6) and set(labels) <= {0, 1}
    assert data.test_batches(2)[0][0].dtype == "int32"
    with pytest.raises(ValueError, match=r"Texts take no augmentation.*Received"):
        data.training_batches(4, augment="basic")


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "must hold at least one text file"),
        (b"\xff\xfe\xfa", "one.txt must be text in UTF-8"),
        (b" ... ", "one.txt must hold a word at least"),
        (b"a word", "must hold two files at least, .* Received: 1$"),
    ],
)
def test_files_that_are_no_texts(tmp_path, content, message):
    write_texts(tmp_path)
    (tmp_path / "odd").mkdir()
    if content is not None:
        (tmp_path / "odd" / "one.txt").write_bytes(content)
    if content in (b" ... ", b"\xff\xfe\xfa"):
        (tmp_path / "odd" / "two.txt").write_text("Two.")
    with pytest.raises(ValueError, match=message):
        datasets.get("text_folder", tmp_path)


def test_one_class_of_texts_is_refused(tmp_path):
    write_texts(tmp_path, classes=("note",))
    with pytest.raises(ValueError, match="folder of text files for each of two classes"):
        datasets.get("text_folder", tmp_path)


SENTENCE = "This {} is {} of the {} and it says what the {} returns"


@pytest.fixture
def libraries(tmp_path, monkeypatch):
    """Two libraries that end whoever imports them; the second repeats a module of the first."""
    module = importlib.import_module("keras_sam.datasets.docstrings")
    for name in ("alpha", "beta"):
        (tmp_path / name / "tests").mkdir(parents=True)
        code = '"""alpha: {}."""\nraise SystemExit\ndef f():\n    """Short."""\n'
        for number in range(10):
            # No two share a word of their own, so that a text tells its module.
            text = SENTENCE.format(*(f"{name}{number}x{place}" for place in range(4)))
            (tmp_path / name / f"m{number}.py").write_text(code.format(text))
        (tmp_path / name / "tests" / "m.py").write_text(code.format("test " * 20))
        (tmp_path / name / "same.py").write_text(code.format("same " * 20))
        (tmp_path / name / "__init__.py").write_text("raise SystemExit\n")
        (tmp_path / name / "template.py").write_text("{{ no Python }}\n")
    monkeypatch.setattr(module, "LIBRARIES", ("alpha", "beta", "not_installed"))
    monkeypatch.setattr(module, "NAMES", {"alpha"})
    monkeypatch.syspath_prepend(tmp_path)
    return module


def test_docstrings_are_read_without_an_import(libraries):
    data = datasets.docstrings()
    assert not {"alpha", "beta"} & set(sys.modules)
    assert data.class_names == ("alpha", "beta")
    texts = np.concatenate([data.x_train, data.x_test])
    assert len(texts) == 21 and len({row.tobytes() for row in texts}) == 21  # `same` comes once.
    assert len(data.x_test) == 4 and set(data.y_test) == {0, 1}
    assert datasets.encode(["alpha"], 1)[0, 0] not in texts


def test_docstrings_of_one_library_are_too_few(libraries, monkeypatch):
    monkeypatch.setattr(libraries, "LIBRARIES", ("alpha", "not_installed"))
    with pytest.raises(ImportError, match=r"two of these libraries.*Received: alpha$"):
        datasets.docstrings()


def test_docstrings_of_what_is_installed():
    libraries = importlib.import_module("keras_sam.datasets.docstrings")
    folder = libraries._folder("optuna")
    texts = [text for _, text in libraries._texts(folder, set())]
    assert len(set(texts)) == len(texts) > 300 and not any("optuna" in t.split() for t in texts)
