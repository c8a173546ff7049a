"""A damaged archive or pickle ends in one line that names it, and no code of it runs."""

import pickle
import zipfile

import numpy as np
import pytest

from keras_sam import datasets

from .broken import Trap, changed, png, refusal
from .test_cifar import write_bundle, write_pickles


def replaced(name, content):
    """A function of an archive that puts other bytes in the place of a member's."""

    def change(path):
        with zipfile.ZipFile(path) as archive:
            members = {member: archive.read(member) for member in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for member, old in members.items():
                archive.writestr(member, content if member == name else old)

    return change


def kept(*names):
    return lambda path: np.savez(path, **{name: np.load(path)[name] for name in names})


def rewritten(new):
    return lambda path: path.write_bytes(new(path.read_bytes()))


def header(text):
    """An array's file of which there is only the head."""
    return b"\x93NUMPY\x01\x00\x76\x00" + text.encode().ljust(0x75) + b"\n"


HUGE = "{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000000,), }"
ARCHIVES = {
    "empty": rewritten(lambda old: b""),
    "cut": rewritten(lambda old: old[:-300]),
    "a bit": rewritten(lambda old: old[:400] + bytes([old[400] ^ 1]) + old[401:]),
    "no archive": rewritten(lambda old: pickle.dumps(Trap())),
    "without members": rewritten(lambda old: b"PK\x05\x06" + bytes(18)),
    "without labels": kept("tile00"),
    "without mosaics": kept("y"),
    "labels with code": changed(y=lambda y: np.array([Trap()] * 20, object)),
    "mosaic with code": changed(tile00=lambda tile: np.array([Trap()], object)),
    "member of text": replaced("y.npy", b"Not an array."),
    "member cut": replaced("y.npy", header(HUGE)[:30]),
    "member of petabytes": replaced("y.npy", header(HUGE)),
    "mosaic of zeros": changed(tile00=np.zeros_like),
    "mosaic cut": changed(tile00=lambda tile: tile[:9000]),
    "mosaic of another size": changed(tile00=lambda tile: np.frombuffer(png(33, 70), "uint8")),
    "fewer mosaics": kept("y", "tile00"),
    "fewer labels": changed(y=lambda y: y[:4]),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_broken_archive(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    write_bundle(tmp_path)
    path = tmp_path / "cifar10_train.npz"
    ARCHIVES[kind](path)
    assert str(path) in refusal(lambda: datasets.get("cifar10", tmp_path))
    assert not (tmp_path / "sprung").exists()


PICKLES = {
    "empty": b"",
    "cut": None,
    "text": b"Not a pickle.",
    "code": pickle.dumps(Trap()),
    "code among arrays": pickle.dumps({b"data": Trap(), b"labels": []}),
    "a list": pickle.dumps([1, 2]),
    "without labels": pickle.dumps({b"data": np.zeros((2, 3072), "uint8")}),
    "other pixels": pickle.dumps({b"data": np.zeros((2, 10), "uint8"), b"labels": [0, 1]}),
    "pixels of floats": pickle.dumps({b"data": np.full((2, 3072), np.nan), b"labels": [0, 1]}),
    "pixels of objects": pickle.dumps({b"data": [[1], [1, 2]], b"labels": [0, 1]}),
    "an integer of 5000 digits": b"\x80\x02I" + b"9" * 5000 + b"\n.",
    "a type of no name": b"cnumpy\ndtype\n(S'zzz'\ntR.",
    "an array of terabytes": b"cnumpy\nndarray\n((I99999999999\nttR.",
}


@pytest.mark.parametrize("kind", PICKLES)
def test_broken_pickle(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    write_pickles(tmp_path)
    path = tmp_path / "cifar-10-batches-py" / "test_batch"
    path.write_bytes(path.read_bytes()[:900] if PICKLES[kind] is None else PICKLES[kind])
    assert str(path) in refusal(lambda: datasets.get("cifar10", tmp_path))
    assert not (tmp_path / "sprung").exists()
