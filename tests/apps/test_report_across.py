"""What several tables show together: who saves how much where, and which figures say so."""

import pytest
from matplotlib.figure import Figure

from keras_sam.experiments.report.across import overview
from keras_sam.experiments.report.groups import tables
from keras_sam.experiments.report.sections import sections
from keras_sam.experiments.results.runs import find

from .reported import make_run, points


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """No pixels: they take longer than all the rest."""
    monkeypatch.setattr(Figure, "savefig", lambda *arguments, **options: None)


def seeds(folder, accuracies, **settings):
    for seed, accuracy in enumerate(accuracies):
        make_run(folder, accuracy, seed, **settings)


def compared(folder, sgd=(80, 82), sam=(85, 87), **settings):
    """Runs of SGD, and of SAM with two radii, the second of which is the better one."""
    seeds(folder, sgd, **settings)
    seeds(folder, [value - 1 for value in sam], method="sam", rho=0.1, **settings)
    seeds(folder, sam, method="sam", rho=0.05, **settings)


def overviews(folder, experiment=None):
    return overview(tables(find([folder]), "sgd"), experiment)


def test_one_table_has_no_overview(tmp_path):
    compared(tmp_path)
    assert overviews(tmp_path) == []
    make_run(tmp_path / "other", 60, dataset="svhn")  # Compares nothing.
    assert overviews(tmp_path) == []


def test_a_dot_for_each_data_set_with_what_is_published_of_it(tmp_path, figures):
    settings = {"model": "wide_resnet28_10", "augment": ["basic"], "epochs": 4}
    compared(tmp_path / "a", **settings)
    compared(tmp_path / "b", (60, 60), (70, 70), dataset="cifar100", **settings)
    compared(tmp_path / "c", (100, 100), dataset="digits", **settings)  # No error to save.
    (section,) = overviews(tmp_path)
    assert section.columns["error saved, %"] == ["+26.3 ± 0.0", "+25.0 ± 0.0"]
    assert section.columns["row"] == ["sam, rho 0.05"] * 2
    # 3.5 to 2.7 and 18.8 to 16.5.
    assert section.columns["published, %"] == ["+22.9", "+12.2"]
    (axes,) = figures["across_reductions.png"].axes
    (dots,) = points(axes).values()
    assert dots[:, 0] == pytest.approx([100 * 5 / 19, 25])
    (hollow,) = (line for line in axes.lines if line.get_markerfacecolor() == "none")
    assert hollow.get_xdata() == pytest.approx([22.86, 12.23], abs=0.01)
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["cifar10\nwide_resnet28_10, basic", "cifar100\nwide_resnet28_10, basic"]


def test_networks_stand_side_by_side_for_each_number_of_epochs(tmp_path, figures):
    for number, model in enumerate(("resnet152", "resnet50", "resnet101")):
        for epochs in (100, 200):
            folder = tmp_path / model / str(epochs)
            own = {"model": model, "epochs": epochs, "preset": "e5"}
            compared(folder, (60 + number, 62 + number), (70, 72), **own)
    (section,) = overviews(tmp_path)
    assert [picture.name for picture in section.pictures] == [
        "across_reductions.png",
        "across_networks_1.png",
    ]
    panels = figures["across_networks_1.png"].axes
    assert [axes.get_title() for axes in panels] == ["100 epochs", "200 epochs"]
    networks = [label.get_text() for label in panels[0].get_xticklabels()]
    assert networks == ["resnet50", "resnet101", "resnet152"]
    lines = points(panels[0])
    assert lines["sgd"][:, 1] == pytest.approx([38, 37, 39])
    assert lines["sam"][:, 1] == pytest.approx([29, 29, 29])
    # Only ResNet-50's figures are published.
    hollow = [line for line in panels[0].lines if line.get_markerfacecolor() == "none"]
    assert sorted(y for line in hollow for y in line.get_ydata()) == pytest.approx([14.5, 15.34])


def test_methods_with_epochs_of_their_own_share_a_panel(tmp_path, figures):
    for model in ("resnet50", "resnet101"):
        seeds(tmp_path / model, (60, 61), model=model, epochs=8)
        seeds(tmp_path / model, (62, 63), model=model, method="sam", rho=0.1)
    overviews(tmp_path)
    (axes,) = figures["across_networks_1.png"].axes
    assert set(points(axes)) == {"sgd, epochs 8", "sam, epochs 4"}


@pytest.mark.parametrize("is_scaled", [False, True])
def test_all_batch_sizes_are_in_one_figure_with_a_look_each(tmp_path, figures, is_scaled):
    for size in (32, 128, 512):
        rate = {"learning_rate": size / 1000} if is_scaled else {}
        compared(tmp_path / str(size), batch_size=size, **rate)
    seeds(tmp_path / "asam", (70, 71), method="asam", rho=0.5)  # At one size only.
    parts = sections(tables(find([tmp_path]), "sgd"), tmp_path)
    name = "table_1_batch_sizes_1.png"
    (picture,) = (p for part in parts for p in part.pictures if p.name == name)
    assert "sam, batch size 32, ends at 86.0 %" in picture.alt
    assert "one standard deviation" in picture.caption
    sgd, sam, loss, _ = figures[name].axes
    assert (sgd.get_title(), sam.get_title(), loss.get_yscale()) == ("sgd", "sam", "log")
    assert list(points(sgd)) == ["batch size 32", "batch size 128", "batch size 512"]
    for axes in (sam, loss):
        looks = [(line.get_color(), line.get_marker()) for line in axes.lines]
        assert looks == [(line.get_color(), line.get_marker()) for line in sgd.lines]
