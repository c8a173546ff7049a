"""Figures: what is drawn, that it can be read, and that a single point is enough."""

import sys

import numpy as np
import pytest

from keras_sam.sharpness import Landscape, plots, spectral_density
from tests.sharpness.matrices import Matrix

pytestmark = pytest.mark.once

STEPS = np.linspace(-1, 1, 5)


def density(*eigenvalues):
    return spectral_density(Matrix(np.diag(np.array(eigenvalues))))


def line(scale=1.0, steps=STEPS):
    return Landscape(scale * steps**2 + 0.1, (steps,), ("step",))


def plane(scale=1.0):
    losses = scale * (STEPS[:, None] ** 2 + STEPS**2) + 0.1
    return Landscape(losses, (STEPS, STEPS), ("first", "second"))


ALL = {
    "spectra": (plots.spectra, {"SGD": density(1.0, 9.0), "SAM": density(0.5, 2.0)}),
    "profiles": (plots.profiles, {"SGD": line(), "SAM": line(0.3)}),
    "contours": (plots.contours, {"SGD": plane(), "SAM": plane(0.3)}),
    "surfaces": (plots.surfaces, {"SGD": plane(), "SAM": plane(0.3)}),
    "weight_histograms": (plots.weight_histograms, {"SGD": STEPS, "SAM": [STEPS / 2, STEPS]}),
    "sharpness_over_epochs": (
        plots.sharpness_over_epochs,
        {"SGD": ([1, 2], [3.0, 4.0]), "SAM": ([1, 2], [[2.0, 1.0], [2.5, 1.5]])},
    ),
    "sharpness_against_gap": (
        plots.sharpness_against_gap,
        {"SGD": ([2.0, 3.0], [20.0, 30.0]), "SAM": ([1.0, 4.0], [10.0, 15.0])},
    ),
}


@pytest.mark.parametrize("name", ALL)
def test_axes_are_labelled_and_the_file_is_written(name, tmp_path):
    function, entries = ALL[name]
    figure = function(entries, title="The title", path=tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert figure.get_suptitle() == "The title"
    assert any(axes.get_xlabel() for axes in figure.axes)
    assert any(axes.get_ylabel() for axes in figure.axes)
    words = {
        text.get_text()
        for axes in figure.axes
        if axes.get_legend()
        for text in axes.get_legend().get_texts()
    } | {axes.get_title() for axes in figure.axes}
    assert all(any(word.startswith(label) for word in words) for label in entries)


@pytest.mark.parametrize("name", ["profiles", "sharpness_over_epochs", "sharpness_against_gap"])
def test_a_line_for_each_label_that_differs_without_colour(name):
    function, entries = ALL[name]
    lines = function(entries).axes[0].lines
    assert len(lines) == len(entries)
    looks = {(drawn.get_linestyle(), drawn.get_marker()) for drawn in lines}
    assert len(looks) == len(entries)


def test_spectra_have_a_row_for_each_epoch_and_a_column_for_each_label():
    early, late = density(1.0, 4.0), density(1.0, 9.0)
    figure = plots.spectra({"SGD": {1: early, 60: late}, "SAM": {1: early, 60: early}})
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["SGD, epoch 1", "SAM, epoch 1", "SGD, epoch 60", "SAM, epoch 60"]
    assert {axes.get_yscale() for axes in figure.axes} == {"log"}
    assert [axes.texts[0].get_text() for axes in figure.axes][2] == "λ₁ = 9"
    np.testing.assert_allclose(figure.axes[2].lines[1].get_xdata(), 9.0)


def test_landscapes_share_one_scale():
    figure = plots.contours({"SGD": plane(), "SAM": plane(0.3)})
    first, second = (axes.collections[0] for axes in figure.axes[:2])
    np.testing.assert_array_equal(first.levels, second.levels)
    assert first.levels[0] < 0.1 and first.levels[-1] > 2.1
    assert [axes.get_ylabel() for axes in figure.axes] == ["second", "", "loss"]
    limits = {axes.get_zlim() for axes in plots.surfaces({"a": plane(), "b": plane(9)}).axes}
    assert len(limits) == 1


def test_the_first_coordinate_runs_to_the_right():
    losses = np.tile([[1.0], [2.0], [3.0]], (1, 4))  # It grows along the first axis only.
    slope = Landscape(losses, (np.arange(3.0), np.arange(4.0)), ("first", "second"))
    axes = plots.contours({"slope": slope}).axes[0]
    for path in axes.collections[1].get_paths():
        if len(path.vertices):
            assert np.ptp(path.vertices[:, 0]) < 1e-9


def test_a_surface_ends_at_its_ceiling():
    axes = plots.surfaces({"bowl": plane()}, ceiling=1.0).axes[0]
    assert axes.get_zlim()[1] == 1.0 and axes.get_zlabel() == "loss"


def test_histograms_have_a_log_axis_and_count_everything():
    axes = plots.weight_histograms({"SGD": np.zeros((3, 2)), "SAM": [np.ones(4)]}).axes[0]
    assert axes.get_yscale() == "log"
    assert [patch.get_data().values.sum() for patch in axes.patches] == [6, 4]


def test_runs_are_a_mean_with_a_band():
    axes = ALL["sharpness_over_epochs"][0](ALL["sharpness_over_epochs"][1]).axes[0]
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [2.25, 1.25])
    assert len(axes.collections) == 1


def test_kendalls_rank_correlation():
    # Of the six pairs of points five are in the same order and one is not: (5 - 1) / 6.
    figure = plots.sharpness_against_gap({"a": ([1, 2, 3, 4], [10.0, 20.0, 40.0, 30.0])})
    assert figure.axes[0].get_title().startswith("Kendall's τ = 0.67 (p = ")


def test_one_point_is_enough():
    single = np.zeros(1)
    assert plots.profiles({"one": line(steps=single)}).axes[0].lines[0].get_marker() == "o"
    plots.sharpness_over_epochs({"one": ([1], [2.0])})
    assert "one model" in plots.sharpness_against_gap({"one": ([1.0], [2.0])}).axes[0].get_title()
    plots.weight_histograms({"one": 3.0})
    flat = Landscape(np.zeros((2, 2)), (np.arange(2.0), np.arange(2.0)), ("first", "second"))
    plots.contours({"flat": flat})
    plots.surfaces({"flat": flat})


def test_holes_are_drawn_around(tmp_path):
    losses = plane().losses.copy()
    losses[0, 0] = np.nan
    holed = Landscape(losses, (STEPS, STEPS), ("first", "second"))
    plots.contours({"holed": holed}, path=tmp_path / "contours.png")
    plots.surfaces({"holed": holed}, path=tmp_path / "surfaces.png")


def test_refusals(monkeypatch):
    with pytest.raises(ValueError, match=r"with one label at least. Received: landscapes={}"):
        plots.profiles({})
    with pytest.raises(ValueError, match=r"1 axis. Received: losses of shape \(5, 5\) for 'x'"):
        plots.profiles({"x": plane()})
    with pytest.raises(ValueError, match="2 axes"):
        plots.contours({"x": line()})
    with pytest.raises(ValueError, match=r"same epochs.*'a' at .*'b' at"):
        plots.spectra({"a": {1: density(1.0, 2.0)}, "b": {2: density(1.0, 2.0)}})
    with pytest.raises(ValueError, match="as many gaps"):
        plots.sharpness_against_gap({"a": ([1.0], [1.0, 2.0])})
    with pytest.raises(ValueError, match="epochs of shape"):
        plots.sharpness_over_epochs({"a": ([1, 2, 3], [1.0, 2.0])})
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="pip install keras-sam"):
        plots.profiles({"x": line()})


def test_a_long_title_stays_within_the_figure():
    draw, entries = ALL["sharpness_over_epochs"]
    figure = draw(entries, title="Sharpness of a network over the epochs, " * 4)
    figure.draw_without_rendering()
    extent = figure._suptitle.get_window_extent()
    assert extent.x0 >= 0 and extent.x1 <= figure.bbox.width
    assert extent.y0 >= figure.axes[0].get_window_extent().y1  # Nor does it cover the panel.
