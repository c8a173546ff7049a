"""The figures of the report: which are drawn, from which rows, and whether lines can be told."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from keras_sam.experiments.report.figures import MOST_LINES
from keras_sam.experiments.report.groups import tables
from keras_sam.experiments.report.sections import sections
from keras_sam.experiments.report.weights import first_kernel
from keras_sam.experiments.results.runs import find

from .reported import make_run, points


def pictures(folder, **options):
    parts = sections(tables(find([folder]), "sgd"), folder, **options)
    return [picture for part in parts for picture in part.pictures]


def test_curves_are_means_with_bands_of_one_deviation(tmp_path, figures):
    for seed, accuracy in enumerate((60, 64, 68)):
        make_run(tmp_path, accuracy, seed)
    curves, time = pictures(tmp_path)
    assert (curves.name, time.name) == ("table_1_curves_1.png", "table_1_time_1.png")
    accuracy, loss = figures[curves.name].axes
    (line,) = points(accuracy).values()
    np.testing.assert_allclose(line[:, 0], [1, 2, 3, 4])
    assert line[-1, 1] == pytest.approx(64) and loss.get_yscale() == "log"
    band = accuracy.collections[0].get_paths()[0].vertices
    at_the_end = band[np.isclose(band[:, 0], 4), 1]
    assert (at_the_end.min(), at_the_end.max()) == pytest.approx((60, 68))
    np.testing.assert_allclose(points(figures[time.name].axes[0])["sgd"][:, 0], [2, 4, 6, 8])


def test_lines_differ_in_grey(tmp_path, figures):
    for number in range(MOST_LINES):
        make_run(tmp_path, 60 + number, method=f"m{number}")
    pictures(tmp_path)
    lines = figures["table_1_curves_1.png"].axes[0].lines
    assert len({line.get_color() for line in lines}) == MOST_LINES
    assert len({line.get_marker() for line in lines}) == MOST_LINES
    assert len({(line.get_linestyle(), line.get_marker()) for line in lines}) == MOST_LINES


def test_of_many_rows_the_best_and_the_baseline_are_drawn(tmp_path, figures):
    make_run(tmp_path, 10)
    for number in range(9):
        make_run(tmp_path, 60 + number, method=f"m{number}", rho=0.1)
        make_run(tmp_path, 50 + number, method=f"m{number}", rho=0.2)
    curves = pictures(tmp_path)[0]
    labels = set(points(figures[curves.name].axes[0]))
    assert labels == {"sgd", *(f"m{number}, rho 0.1" for number in range(2, 9))}
    assert "the best 8 of 19 rows" in curves.caption


def test_every_condition_has_its_curves(tmp_path):
    for noise in (0.2, 0.4):
        make_run(tmp_path / str(noise), 60, label_noise=noise)
        make_run(tmp_path / str(noise), 60, label_noise=noise, method="sam", rho=0.1)
    names = [picture.name for picture in pictures(tmp_path)]
    assert names == [
        *("table_1_curves_1.png", "table_1_time_1.png"),
        *("table_1_curves_2.png", "table_1_time_2.png"),
        "table_1_label_noise.png",
    ]


def test_error_over_rho_has_a_line_for_each_m(tmp_path, figures):
    make_run(tmp_path, 60)
    for splits in (None, 4):
        for rho in (0.0, 0.01, 0.1):
            own = {"method": "sam", "rho": rho, "num_batch_splits": splits}
            make_run(tmp_path / str(splits), 60 + 10 * rho, **own)
    (picture,) = (p for p in pictures(tmp_path) if "rho" in p.name)
    (axes,) = figures[picture.name].axes
    lines = points(axes)
    assert set(lines) == {"sgd", "sam, m = 128", "sam, m = 32"} and axes.get_xscale() == "log"
    np.testing.assert_allclose(lines["sam, m = 32"][:, 0], [0.01, 0.1], rtol=0.05)
    np.testing.assert_allclose(lines["sam, m = 32"][:, 1], [39.9, 39.0])
    np.testing.assert_allclose(lines["sgd"][:, 1], 40)


def test_a_single_rho_makes_no_line(tmp_path):
    make_run(tmp_path, 60)
    make_run(tmp_path, 61, method="sam", rho=0.1)
    make_run(tmp_path, 62, method="asam", rho=0.5)
    assert len(pictures(tmp_path)) == 2


def test_accuracy_over_batch_size_takes_the_best_rho(tmp_path, figures):
    for size in (32, 128):
        for rho in (0.05, 0.1):
            own = {"method": "sam", "rho": rho, "batch_size": size}
            make_run(tmp_path / str(size), 60 + 10 * rho + size / 32, **own)
    name = "table_1_batch_size.png"
    assert name in [picture.name for picture in pictures(tmp_path)]
    np.testing.assert_allclose(points(figures[name].axes[0])["sam"], [[32, 62], [128, 65]])


def test_unfinished_and_shorter_runs_are_no_obstacle(tmp_path):
    make_run(tmp_path, 60, finished=False)
    assert pictures(tmp_path) == []
    make_run(tmp_path, 60, 1)
    shorter = make_run(tmp_path, 60, 2)
    lines = (shorter / "metrics.jsonl").read_text().splitlines(keepends=True)
    lines[-2] = lines[-2].replace('"val_loss": ', '"val_loss": NaN, "was": ')  # It diverged.
    (shorter / "metrics.jsonl").write_text("".join(lines[:-1]))
    assert len(pictures(tmp_path)) == 2


def test_weights_of_the_first_convolution(tmp_path):
    inner = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), inner, keras.layers.Conv2D(2, 1), keras.layers.Flatten()]
    )
    path = make_run(tmp_path, 60) / "model.keras"
    model.save(path)
    np.testing.assert_array_equal(first_kernel(path), inner.layers[0].kernel)
    picture = pictures(tmp_path, weights=True)[-1]
    assert picture.name == "table_1_weights.png" and "deviation" in picture.alt
    with Image.open(io.BytesIO(picture.png)) as image:
        assert min(image.size) > 300


def test_a_network_without_convolutions_has_no_histogram(tmp_path):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)])
    model.save(make_run(tmp_path, 60) / "model.keras")
    assert len(pictures(tmp_path, weights=True)) == 2
