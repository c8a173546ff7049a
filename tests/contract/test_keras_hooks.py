"""What `keras_hooks` relies on beyond Keras's public face is still where it looks for it."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from keras_sam import keras_hooks
from tests.toys import compiled, convnet, images, mlp, noisy_mlp, values, vectors


def test_compiling_leaves_what_is_lent():
    model = compiled(convnet())
    assert [name for name in keras_hooks.COMPILED_STATE if not hasattr(model, name)] == []
    other = convnet()
    with keras_hooks.lent(model, other):
        assert other.optimizer is model.optimizer and other.compiled
    assert not other.compiled and getattr(other, "optimizer", None) is None


def test_compile_arguments_are_the_settings_without_their_state():
    model = compiled(mlp(), keras.optimizers.SGD(0.25), loss_weights=[0.5])
    arguments = keras_hooks.compile_arguments(model)
    assert arguments["optimizer"] is not model.optimizer
    assert float(arguments["optimizer"].learning_rate) == 0.25
    assert arguments["loss_weights"] == [0.5] and arguments["metrics"] == ["accuracy"]
    mlp().compile(**arguments)  # Each is an argument of `compile`.


def test_layers_inside_of_layers_are_found_with_their_own_variables():
    inner = layers.Dense(3)
    each = layers.TimeDistributed(inner)
    model = keras.Sequential([keras.Input((2, 4)), each, layers.Dense(1)])
    found = keras_hooks.layers_of(model)
    assert inner in found
    owned = [id(v) for layer in found for v in keras_hooks.own_variables(layer)]
    assert all(owned.count(id(variable)) == 1 for variable in model.variables)


@pytest.mark.parametrize("make", [lambda: layers.Dense(3), lambda: layers.Embedding(4, 3)])
def test_adapters_of_lora_are_known_with_the_weight_that_they_are_merged_into(make):
    layer = make()
    layer.build((None, 4))
    before = values([keras_hooks.frozen_weight(layer)])[0]
    layer.enable_lora(2)
    adapters = [v for v in layer.variables if keras_hooks.adapted_layer(v, layer) is layer]
    assert [v.name[-2:] for v in adapters] == ["_a", "_b"]
    assert keras_hooks.frozen_weight(layer) is layer.non_trainable_variables[0]
    for adapter in adapters:
        adapter.assign(np.ones(adapter.shape))
    merged = keras.ops.convert_to_numpy(keras_hooks.merged_weight(layer))
    np.testing.assert_allclose(merged, before + 2, rtol=1e-6)
    keras_hooks.frozen_weight(layer).trainable = True
    assert not any(keras_hooks.adapted_layer(v, layer) for v in layer.variables)


def test_losses_make_their_trackers_before_the_first_batch():
    x, y = vectors(4)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    assert keras_hooks.has_unbuilt_loss(model)
    keras_hooks.build_compiled(model, (x, y, None), model(x))
    assert not keras_hooks.has_unbuilt_loss(model)
    assert model.compute_loss(x=x, y=y, y_pred=model(x)) is not None


def test_variables_are_made_from_a_batch():
    sam = keras_sam.SAMModel(noisy_mlp())
    sam.compile("adam", "mse", metrics=["mae"])
    assert not sam.is_ready
    sam.make_variables(vectors(4))
    assert sam.is_ready


def test_the_shown_loss_is_the_mean_that_is_tracked():
    sam = keras_sam.SAMModel(mlp())
    sam.compile("sgd", "mse")
    sam.track_loss(keras.ops.convert_to_tensor(1.0), 1)
    sam.track_loss(keras.ops.convert_to_tensor(4.0), 3)
    assert float(sam.get_metrics_result()["loss"]) == pytest.approx(13 / 4)


@pytest.mark.parametrize("is_fit", [True, False])
def test_the_first_batch_is_seen_before_the_first_step(is_fit):
    x, y = images(4)
    sam = compiled(keras_sam.SAMModel(convnet(), method="sampa"))
    seen, step = [], sam.compute_update

    def spied(data):
        seen.append(sam.memory.last_batch)
        return step(data)

    sam.compute_update = spied
    _ = sam.fit(x, y, verbose=0) if is_fit else sam.train_on_batch(x, y)
    assert seen and all(kept is not None for kept in seen)


def test_overridden_methods_are_told_from_keras_own():
    class Own(keras.Sequential):
        def compute_loss(self, *args, **kwargs):
            return super().compute_loss(*args, **kwargs)

    assert keras_hooks.overrides(Own(), "compute_loss")
    assert not any(
        keras_hooks.overrides(model, name)
        for model in (keras.Sequential(), convnet())
        for name in ("compute_loss", "compute_metrics", "train_step")
    )


def test_the_loss_of_a_model_is_its_own_with_or_without_an_argument_training():
    class Older(keras.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return y_pred + 1

    class Newer(keras.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return y_pred + (2 if training else 3)

    assert keras_hooks.loss_of(Older(), 0, 0, 0, None, training=False) == 1
    assert keras_hooks.loss_of(Newer(), 0, 0, 0, None, training=False) == 3
