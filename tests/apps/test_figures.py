"""The figures: which are drawn, and whether they can be read."""

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from keras_sam.experiments.results import cost
from keras_sam.experiments.results.labels import BOX, places
from keras_sam.experiments.results.summary import figures

from .outcomes import outcome


def names(found, tmp_path):
    paths = figures(found, "title", tmp_path)
    assert all(path.is_file() for path in paths)
    return [path.name for path in paths]


def methods_of(count, **options):
    return [outcome("sgd", 90, 91), *(outcome(f"m{n}", 91, 93, **options) for n in range(1, count))]


def test_many_methods_have_no_curves(tmp_path):
    assert names(methods_of(8), tmp_path) == ["curves.png", "cost.png"]
    assert names(methods_of(9), tmp_path) == ["cost.png"]


def test_without_times_there_are_curves_only(tmp_path):
    assert names([outcome(f"m{n}", 90, epochs=1) for n in range(9)], tmp_path) == ["curves.png"]


def test_runs_without_an_end_are_in_no_figure(tmp_path):
    assert names([*methods_of(8), outcome("broken", failed=2)], tmp_path)[0] == "curves.png"
    assert names([outcome("broken", failed=2)], tmp_path) == []


def test_the_style_sheet_leaves_the_settings_of_matplotlib_alone(tmp_path):
    before = dict(matplotlib.rcParams)
    figures(methods_of(2), "title", tmp_path)
    assert dict(matplotlib.rcParams) == before


def test_points_are_accuracy_against_relative_time():
    found = [outcome("sgd", 90, 92, seconds=2.0), outcome("sam", 93, seconds=5.0)]
    (axes,) = cost.drawn(found, "title").axes
    dots = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots, [(1, 91), (2.5, 93)])
    (dashed,) = (line for line in axes.lines if line.get_linestyle() == "--")
    np.testing.assert_allclose(dashed.get_ydata(), 91)
    assert "sgd" in axes.get_xlabel() and "%" in axes.get_ylabel()


def test_methods_below_sgd_have_another_color():
    figure = cost.drawn([outcome("sgd", 90), outcome("low", 89), outcome("high", 91)], "title")
    dots = [line.get_color() for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert dots == [cost.ABOVE, cost.BELOW, cost.ABOVE]
    colors = {text.get_text(): text.get_color() for text in figure.texts}
    assert colors[" 2  low"] == cost.BELOW and colors[" 3  high"] == cost.ABOVE


def test_seconds_where_sgd_is_missing():
    (axes,) = cost.drawn([outcome("sam", 90, seconds=7.0)], "title").axes
    assert axes.lines[0].get_xdata()[0] == 7 and axes.get_xlabel().endswith(", s")


def test_a_method_far_below_does_not_squeeze_the_others():
    found = [outcome(f"m{n}", 90 + n / 10) for n in range(12)] + [outcome("lost", 10)]
    figure = cost.drawn(found, "title")
    (axes,) = figure.axes
    assert axes.get_ylim()[0] > 80
    assert [line.get_marker() for line in axes.lines].count("v") == 1
    assert "13  lost  (at 10.0 %)" in [text.get_text() for text in figure.texts]


@pytest.mark.parametrize("seed", range(5))
def test_no_label_hides_a_point_or_a_label(seed):
    generator = np.random.default_rng(seed)
    axes = Figure(figsize=cost.SIZE).add_axes(cost.AXES)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    points = np.vstack([generator.normal(0.5, 0.03, (25, 2)), generator.uniform(0, 1, (7, 2))])
    scale = 72 / axes.figure.dpi
    dots = axes.transData.transform(points) * scale
    labels = dots + places(axes, points)
    for number, label in enumerate(labels):
        assert not np.any(np.all(np.abs(dots - label) < BOX / 2, axis=1))
        others = np.delete(labels, number, axis=0)
        assert not np.any(np.all(np.abs(others - label) < BOX, axis=1))
        assert np.all(label > axes.bbox.min * scale) and np.all(label < axes.bbox.max * scale)
