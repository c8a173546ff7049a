"""Focal-SAM and ImbSAM: which classes are climbed for."""

import json

import keras
import numpy as np
import pytest

import keras_sam
from keras_sam import ascent, methods
from tests.methods.slopes import RATE, Slopes, ball, batches, curved, flat, gradient, start, trained
from tests.selection import one_everywhere
from tests.toys import compiled, convnet, images, mean_output, quadratic, values, vectors

F1 = np.array([3.0, 2.0])
ROWS = curved()
LABELS = np.random.default_rng(1).integers(0, 3, len(ROWS))
COUNTS = [30, 9, 1]


def fitted(method, model, rows, labels, batch_size=4):
    """All weights after an epoch of plain SGD over examples with these labels."""
    sam = keras_sam.SAMModel(model, method=method)
    sam.compile(keras.optimizers.SGD(RATE), loss=mean_output)
    sam.fit(rows, labels, batch_size, verbose=0, shuffle=False)
    return flat(model.trainable_variables)


# Two examples of the quadratic, diag(2, 0) of class 0 and diag(0, 4) of class 1; rho = 0.5.
FOCAL_ROWS = one_everywhere(
    [
        (methods.FocalSAM(0.5, 1.0, 0.5, [3, 1]), (3.015158, 4.363803)),
        (methods.FocalSAM(0.5, 2.0, 0.8, [3, 1]), (3.002076, 4.448446)),
        (methods.FocalSAM(0.5, 2.0, 0.0, [3, 1]), (3.0, 4.0)),
        (methods.FocalSAM(0.5, 0.0, 1.0, [3, 1]), (3.3, 4.8)),
        (methods.FocalSAM(0.5, 2.0, 0.8), (3.24, 4.64)),
        (methods.FocalSAM(0.5, 1.0, 0.8, [2, 2]), (3.12, 4.32)),
    ]
)
IMB_ROWS = one_everywhere(
    [
        (methods.ImbSAM(0.5, [1], tail_weight=2.0), (3.0, 10.0)),
        (methods.ImbSAM(0.5, [1]), (3.0, 5.0)),
        (methods.ImbSAM(0.5, [0]), (3.5, 4.0)),
        (methods.ImbSAM(0.5, []), (3.0, 4.0)),
        (methods.ImbSAM(0.5, [7]), (3.0, 4.0)),
        (methods.ImbSAM(0.5, [0, 1]), (3.3, 4.8)),
        (methods.ImbSAM(0.5, [1, 0], tail_weight=2.0), (6.6, 9.6)),
        (methods.ImbSAM(0.5), (3.3, 4.8)),
    ]
)


@pytest.mark.parametrize(("method", "expected"), [*FOCAL_ROWS, *IMB_ROWS])
def test_gradient_of_one_step(method, expected):
    rows = np.array([[2.0, 0.0], [0.0, 4.0]], "float32")
    weights = fitted(method, quadratic(), rows, np.array([[0], [1]]))
    np.testing.assert_allclose((F1 - weights) / RATE, expected, atol=2e-5)


def reference(clean, perturbed, labels=LABELS):
    """With weights of the classes at the weights and up the hill."""
    w = start()
    for batch, label in zip(batches(ROWS), batches(labels), strict=True):
        up = ball(weighted(w, batch, perturbed[label]))
        w = w - RATE * (
            weighted(w, batch, clean[label]) + weighted(w + up, batch, perturbed[label])
        )
    return w


def weighted(w, rows, weights):
    """Gradient of the mean of the weighted losses."""
    each = [weight * gradient(w, row[None]) for row, weight in zip(rows, weights, strict=True)]
    return np.mean(each, axis=0)


FOCAL = 0.7 * (1 - np.array(COUNTS) / 40) ** 1.5
TAIL = np.array([0.0, 1.0, 1.0])
CASES = [
    (methods.FocalSAM(0.5, 1.5, 0.7, COUNTS), 1 - FOCAL, FOCAL),
    (methods.FocalSAM(0.5, 1.5, 0.7, np.array(COUNTS)), 1 - FOCAL, FOCAL),
    (methods.ImbSAM(0.5, [1, 2]), 1 - TAIL, TAIL),
    (methods.ImbSAM(0.5, [2, 1], 2.0), 1 - TAIL, 2 * TAIL),
]


@pytest.mark.parametrize(("method", "clean", "perturbed"), CASES)
def test_several_steps(method, clean, perturbed):
    found = fitted(method, Slopes(), ROWS, LABELS[:, None])
    np.testing.assert_allclose(found, reference(clean, perturbed), atol=1e-5)


@pytest.mark.parametrize("method", [CASES[0][0], CASES[3][0]])
def test_labels_may_be_integers_floats_or_shares_of_classes(method):
    expected = fitted(method, Slopes(), ROWS, LABELS[:, None])
    for labels in (LABELS, LABELS[:, None].astype("float32"), np.eye(3)[LABELS], np.eye(5)[LABELS]):
        found = fitted(methods.deserialize(saved(method)), Slopes(), ROWS, labels)
        np.testing.assert_allclose(found, expected, atol=1e-6)


def saved(method):
    return json.loads(json.dumps(methods.serialize(method)))


@pytest.mark.once
def test_without_counts_focal_sam_is_gnp_and_imb_sam_is_sam():
    for method, other in (
        (methods.FocalSAM(0.5, lam=0.7), methods.GNP(0.5, alpha=0.7)),
        (methods.ImbSAM(0.5), methods.SAM(0.5)),
    ):
        weights, _ = trained(method, ROWS)
        np.testing.assert_allclose(weights, trained(other, ROWS)[0], atol=1e-6)


@pytest.mark.once
def test_a_batch_without_the_tail_is_that_of_the_optimizer():
    found = fitted(methods.ImbSAM(0.5, [4]), Slopes(), ROWS, LABELS)
    np.testing.assert_allclose(found, trained(None, ROWS)[0], atol=1e-6)


@pytest.mark.once
def test_loss_metrics_and_statistics_are_those_of_the_plain_mean():
    x, y = images(16)
    logs = []
    for method in ("sam", methods.FocalSAM(class_counts=[9, 5, 3, 1])):
        keras.utils.set_random_seed(0)
        model = convnet()
        sam = compiled(keras_sam.SAMModel(model, method=method))
        fit = sam.fit(x, y, batch_size=16, verbose=0)
        logs.append([*fit.history.values(), *values(model.non_trainable_variables)])
    for mine, sams in zip(*logs, strict=True):
        np.testing.assert_allclose(mine, sams, rtol=1e-5)


def test_trains_a_classifier_with_sample_weights_and_on_some_steps():
    x, y = images(32)
    for name, options in (
        ("focal_sam", {"class_counts": [9, 5, 3, 1]}),
        ("imb_sam", {"tail_classes": [2, 3]}),
    ):
        sam = keras_sam.SAMModel(convnet(), method=methods.get(name, every=2, **options))
        fit = compiled(sam).fit(x, y, 8, sample_weight=np.linspace(0.5, 1, 32), verbose=0)
        assert np.isfinite(fit.history["loss"]).all()


@pytest.mark.once
def test_targets_that_are_no_labels_are_refused():
    sam = keras_sam.SAMModel(convnet(), method=methods.FocalSAM(class_counts=[1, 2]))
    sam.compile("sgd", loss=lambda y, y_pred: keras.ops.mean(y_pred, axis=-1))
    with pytest.raises(ValueError, match=r"labels of shape.*Received: targets of the type"):
        sam.train_on_batch(images(8)[0], np.zeros((8, 2, 2)))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    step = keras_sam.SAMStep(model, methods.ImbSAM(tail_classes=[1]))
    with pytest.raises(ValueError, match=r"labels of shape.*Received: .*NoneType"):
        step.gradients(lambda x, y: keras.losses.mean_squared_error(y, model(x)), data=vectors())


@pytest.mark.once
@pytest.mark.parametrize(
    ("make", "options"),
    [
        (methods.FocalSAM, {"class_counts": 3}),
        (methods.FocalSAM, {"class_counts": {0: 3}}),
        (methods.FocalSAM, {"class_counts": [1, -1]}),
        (methods.FocalSAM, {"class_counts": [1, 0.5]}),
        (methods.FocalSAM, {"lam": 1.5}),
        (methods.FocalSAM, {"gamma": -1.0}),
        (methods.ImbSAM, {"tail_classes": [2**30]}),
        (methods.ImbSAM, {"tail_classes": "12"}),
        (methods.ImbSAM, {"tail_weight": -1.0}),
        (ascent.ClassWeightedAscent, {"weights": []}),
        (ascent.ClassWeightedAscent, {"weights": [1.0, float("nan")]}),
    ],
)
def test_options_are_refused_outside_their_range(make, options):
    name = next(iter(options))
    with pytest.raises(ValueError, match=rf"{name}.* must be .*Received: {name}"):
        make(**options)
