"""What a user calls things is drawn as it is, whatever Matplotlib makes of such text."""

import pytest
from matplotlib.axes import Axes

from keras_sam.experiments.report import figures
from keras_sam.figures import literal
from keras_sam.sharpness.plots import page

pytestmark = pytest.mark.once
NO_FORMULA = r"$\frac{$ and $"


def with_label_everywhere(axes: Axes):
    axes.plot([1, 1000], label=NO_FORMULA)
    axes.set_title(NO_FORMULA, loc="left")
    axes.text(0, 1, NO_FORMULA)
    axes.set_yscale("log")


def test_dollars_of_a_report():
    figure, (axes,) = figures.panels_for(1, 3, NO_FORMULA)
    with_label_everywhere(axes)
    assert figures.with_legend(figure, "curves.png", "", "").png.startswith(b"\x89PNG")


def test_dollars_of_a_figure_of_sharpness(tmp_path):
    figure = page.blank()
    axes = figure.subplots()
    with_label_everywhere(axes)
    axes.legend(title=NO_FORMULA)
    page.finished(figure, NO_FORMULA, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000
    # Shown are the very characters, and ticks as powers.
    assert axes.get_title(loc="left").replace(r"\$", "$") == NO_FORMULA
    assert any("10^" in tick.get_text() for tick in axes.get_yticklabels())


def test_text_that_is_literal_stays_so():
    figure = page.finished(page.blank(), "5$ or 6$")
    assert literal(figure).get_suptitle() == r"5\$ or 6\$"
