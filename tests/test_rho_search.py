"""A radius by a short search: the model stays as it was, and the scores are those of trainings."""

import keras
import numpy as np
import pytest

import keras_sam
from keras_sam.rho_search import RhoSearch

X = np.random.default_rng(0).standard_normal((24, 3)).astype("float32")
Y = X @ np.array([[1.0], [-2.0], [0.5]], "float32")
SHORT = {"rhos": [0.4, 0.1], "epochs": 2, "batch_size": 8}


def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(1),
        ]
    )


def wrapped(method="sam", **options):
    model = keras_sam.SAMModel(network(), method=method, **options)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse", metrics=["mae"])
    return model


def values(model):
    variables = [*model.variables, *model.optimizer.variables]
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


@pytest.mark.parametrize("method", ["sam", "sampa"])
def test_model_is_as_before_and_the_search_repeats(method):
    model = wrapped(method, rho=0.3)
    model.fit(X, Y, batch_size=8, verbose=0)
    before = values(model)
    first = keras_sam.find_rho(model, X, Y, **SHORT)
    for old, new in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(old, new)
    assert list(first.scores) == [0.0, 0.1, 0.4]
    assert len(set(first.scores.values())) == 3
    again = keras_sam.find_rho(model, X, Y, **SHORT)
    np.testing.assert_allclose(list(again.scores.values()), list(first.scores.values()), rtol=1e-5)


def test_each_score_is_that_of_a_training_of_its_own():
    found = keras_sam.find_rho(wrapped(), X, Y, rhos=[0.1, 0.4], epochs=2, batch_size=8)
    alone = keras_sam.find_rho(wrapped(rho=0.2), X, Y, rhos=[0.4], epochs=2, batch_size=8)
    assert alone.scores[0.4] == pytest.approx(found.scores[0.4], rel=1e-5)


@pytest.mark.once
def test_a_plain_model_keeps_its_weights_and_optimizer():
    model = network()
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    before = values(model)
    found = keras_sam.find_rho(model, X, Y, epochs=1, share=0.5)
    assert [rho / 0.05 for rho in found.scores] == pytest.approx([0, 0.25, 0.5, 1, 2, 4, 8, 16])
    for old, new in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.once
def test_the_best_is_finite_and_the_smaller_of_equals():
    scores = {0.0: 0.7, 0.1: 0.5, 0.2: 0.9, 0.4: 0.9, 0.8: float("nan")}
    assert RhoSearch(scores, "val_accuracy", "max").rho == 0.2
    assert not RhoSearch(scores, "val_accuracy", "max").is_at_end
    assert RhoSearch(scores, "val_loss", "min").rho == 0.1
    assert RhoSearch(scores, "val_loss", "min").is_at_end


@pytest.mark.once
def test_what_diverges_is_not_chosen(capsys):
    found = keras_sam.find_rho(wrapped(), X, Y, rhos=[0.1, 1e30], epochs=1, verbose=1)
    assert found.rho in (0.0, 0.1) and not np.isfinite(found.scores[1e30])
    assert capsys.readouterr().out.count("val_loss") == 3


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rhos": []}, "rhos must hold"),
        ({"rhos": [0.1, -1]}, "rhos must be"),
        ({"validation_split": 1.0}, "validation_split must be"),
        ({"share": 0.05}, "one to hold out"),
        ({"epochs": 0}, "epochs must be"),
        ({"mode": "best"}, "mode must be"),
        ({"monitor": "val_acuracy", "rhos": [0.1], "epochs": 1}, "val_loss, val_mae"),
    ],
)
def test_refusals_say_what_was_received(arguments, words):
    with pytest.raises(ValueError, match=rf"{words}.*Received: "):
        keras_sam.find_rho(wrapped(), X, Y, **arguments)


@pytest.mark.once
def test_models_that_cannot_be_searched_are_refused():
    with pytest.raises(ValueError, match="Compile the model first"):
        keras_sam.find_rho(network(), X, Y)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    with pytest.raises(ValueError, match="follows a schedule"):
        keras_sam.find_rho(wrapped(rho=schedule), X, Y)
