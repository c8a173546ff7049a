"""Kinds of variables and axes of filters, decided from the layer."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_sam
from keras_sam.roles import roles_of
from tests.toys import compiled, convnet, images

# Layer, its input's shape, the kind of each trainable variable, the shape of a kernel's filters.
LAYERS = [
    (lambda: layers.Dense(3), (5,), ("kernel", "bias"), (3,)),
    (lambda: layers.Conv2D(3, 2), (8, 8, 4), ("kernel", "bias"), (3,)),
    (lambda: layers.DepthwiseConv2D(2, depth_multiplier=3), (8, 8, 4), ("kernel", "bias"), (4, 3)),
    (lambda: layers.Conv2DTranspose(3, 2), (8, 8, 4), ("kernel", "bias"), (3,)),
    (lambda: layers.Conv1DTranspose(3, 2), (8, 4), ("kernel", "bias"), (3,)),
    (lambda: layers.Embedding(6, 4), (2,), ("embedding",), (6,)),
    (
        lambda: layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"),
        (5, 4),
        ("kernel", "bias"),
        (2, 3),
    ),
    (
        lambda: layers.EinsumDense("...cd,cde->...e", 6, bias_axes="e"),
        (5, 2, 3),
        ("kernel", "bias"),
        (6,),
    ),
    (lambda: layers.SeparableConv2D(3, 2), (8, 8, 4), ("kernel", "kernel", "bias"), (4, 1)),
    (lambda: layers.GRU(3), (4, 2), ("kernel", "kernel", "bias"), (9,)),
    (lambda: layers.BatchNormalization(), (4,), ("scale", "bias"), ()),
    (lambda: layers.LayerNormalization(), (4,), ("scale", "bias"), ()),
    (lambda: layers.GroupNormalization(2), (4,), ("scale", "bias"), ()),
]


@pytest.mark.parametrize(("make", "shape", "kinds", "filters"), LAYERS)
def test_roles_of_a_layer(make, shape, kinds, filters):
    model = keras.Sequential([keras.Input(shape), make()])
    roles = roles_of(model)
    assert tuple(role.kind for role in roles) == kinds
    assert tuple(roles[0].variable.shape[axis] for axis in roles[0].filter_axes) == filters
    is_normalization = kinds[0] == "scale"
    assert all(role.in_normalization == is_normalization for role in roles)


def test_roles_follow_the_order_of_the_trainable_variables_inside_composite_layers():
    inputs = keras.Input((4, 6))
    outputs = layers.MultiHeadAttention(2, 3)(inputs, inputs)
    model = keras.Model(inputs, layers.Bidirectional(layers.LSTM(2))(outputs))
    roles = roles_of(model)
    assert [id(r.variable) for r in roles] == [id(v) for v in model.trainable_variables]
    assert [r.kind for r in roles[:2]] == ["kernel", "bias"]
    assert [len(r.filter_axes) for r in roles[:8:2]] == [2, 2, 2, 1]


class Spy(keras_sam.descent.PerturbedGradient):
    """Keeps the perturbation that it was given."""

    def evaluation(self, oracle, climb, context):
        self.seen = [
            None if tensor is None else ops.convert_to_numpy(tensor)
            for tensor in climb.perturbation
        ]
        return super().evaluation(oracle, climb, context)


MASKS = [
    ("normalization", lambda v: v.name in ("gamma", "beta")),
    ("kernels", lambda v: v.name == "kernel"),
    ("biases", lambda v: v.name in ("bias", "beta")),
    (["normalization", "kernels"], lambda v: v.name in ("gamma", "beta", "kernel")),
    (lambda v: "dense" in v.path, lambda v: "dense" in v.path),
    ("all", lambda v: True),
    (None, lambda v: True),
]


@pytest.mark.parametrize(("mask", "is_chosen"), MASKS)
def test_mask_perturbs_its_variables_alone_with_the_norm_over_these(mask, is_chosen):
    spy = Spy()
    method = keras_sam.methods.Method(descent=spy, rho=0.2, mask=mask)
    model = compiled(keras_sam.SAMModel(convnet(), method=method), run_eagerly=True)
    model.train_on_batch(*images(8))
    chosen = [is_chosen(variable) for variable in model.trainable_variables]
    assert [tensor is not None for tensor in spy.seen] == chosen
    squares = [np.sum(np.square(tensor)) for tensor in spy.seen if tensor is not None]
    np.testing.assert_allclose(np.sqrt(np.sum(squares)), 0.2, rtol=1e-4)


def test_every_variable_moves_also_where_the_mask_leaves_it_unperturbed():
    model = compiled(keras_sam.SAMModel(convnet(), method="sam_on"))
    before = [ops.convert_to_numpy(v.value).copy() for v in model.trainable_variables]
    model.train_on_batch(*images(8))
    for old, variable in zip(before, model.trainable_variables):
        # The convolution's bias has no gradient in front of a BatchNorm.
        if "conv" not in variable.path or variable.name != "bias":
            assert np.any(old != ops.convert_to_numpy(variable.value)), variable.path


def test_mask_that_leaves_nothing_is_refused():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    with pytest.raises(ValueError, match=r"at least one trainable variable.*mask='normalization'"):
        keras_sam.SAMModel(model, method="sam_on")
