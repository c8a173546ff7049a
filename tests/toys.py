"""Small models and data that many tests share."""

import keras
import numpy as np
from keras import layers, ops

import keras_sam


@keras.saving.register_keras_serializable(package="tests")
class Quadratic(keras.Model):
    """A model whose loss is L(w) = 1/2 w'Aw with A = diag(1, 2), at w = (3, 2).

    The data only supply the curvature: an input row (a, b) makes the output a w0^2 + b w1^2, so
    a batch of rows (1, 2) has mean output 2 L. The target plays no part.
    """

    def build(self, input_shape=None):
        self.kernel = self.add_weight(
            name="kernel", shape=(2,), initializer=keras.initializers.Constant(0.0)
        )
        self.kernel.assign([3.0, 2.0])
        self.built = True

    def call(self, x):
        return ops.sum(x * ops.square(self.kernel), axis=-1, keepdims=True) / 2


@keras.saving.register_keras_serializable(package="tests")
def mean_output(y_true, y_pred):
    """A loss that is the model's mean output."""
    return ops.mean(y_pred, axis=-1)


CURVATURE = np.array([[1.0, 2.0]] * 4, "float32")
NO_TARGET = np.zeros((4, 1), "float32")


def quadratic():
    """A built `Quadratic` at w = (3, 2)."""
    model = Quadratic()
    model.build()
    return model


def one_step(method, x=CURVATURE, learning_rate=0.1, steps=1, model=None, **arguments):
    """Weights of the quadratic after `steps` plain gradient steps of a real `fit`."""
    model = quadratic() if model is None else model
    sam = keras_sam.SAMModel(model, method=method, **arguments)
    sam.compile(keras.optimizers.SGD(learning_rate), loss=mean_output)
    sam.fit(x, np.zeros((len(x), 1), "float32"), batch_size=len(x), epochs=steps, verbose=0)
    return np.array(model.kernel), sam


def convnet(num_classes=4, seed=7):
    """A small image classifier with BatchNorm and seeded Dropout."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, padding="same"),
            layers.BatchNormalization(),
            layers.Activation("tanh"),
            layers.Dropout(0.3, seed=seed),
            layers.GlobalAveragePooling2D(),
            layers.Dense(num_classes),
        ]
    )


def images(count=32, num_classes=4, seed=0):
    """Random images and labels: `(x, y)` of shapes (count, 8, 8, 3) and (count,)."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(count, 8, 8, 3)).astype("float32")
    return x, generator.integers(0, num_classes, count)


def compiled(model, optimizer=None, **arguments):
    """`model`, compiled for classification with plain SGD unless told otherwise."""
    model.compile(
        optimizer or keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **{"metrics": ["accuracy"], **arguments},
    )
    return model


def values(variables):
    """The variables' values as NumPy arrays."""
    return [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in variables]


def gradients_by_hand(model, x, y, loss, rho):
    """Clean gradient and SAM's, from two plain Keras steps; the model stays as it was.

    A step of SGD with learning rate 1 moves the weights by the gradient: the second one starts
    from the perturbed weights.
    """
    saved = values(model.variables)
    clean = _moved_by_gradient(model, x, y, loss)
    norm = np.sqrt(sum(np.sum(g.astype("float64") ** 2) for g in clean))
    restore(model.variables, saved)
    for variable, gradient in zip(model.trainable_variables, clean):
        variable.assign_add((rho / norm * gradient).astype(gradient.dtype))
    perturbed = _moved_by_gradient(model, x, y, loss)
    restore(model.variables, saved)
    return clean, perturbed


def _moved_by_gradient(model, x, y, loss):
    before = values(model.trainable_variables)
    model.compile(keras.optimizers.SGD(1.0), loss)
    model.train_on_batch(x, y)
    after = values(model.trainable_variables)
    return [start - end for start, end in zip(before, after)]


def restore(variables, saved):
    """Assign saved values to variables."""
    for variable, value in zip(variables, saved, strict=True):
        variable.assign(value)


def mlp(*between):
    """A small regressor of four numbers; LayerNormalization unless told other layers."""
    between = between or (layers.LayerNormalization(),)
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(5, activation="tanh"), *between, layers.Dense(1)]
    )


def noisy_mlp():
    """An `mlp` with BatchNorm and seeded Dropout."""
    return mlp(layers.BatchNormalization(), layers.Dropout(0.3, seed=7))


def vectors(count=8, seed=0):
    """Random regression data: `(x, y)` of shapes (count, 4) and (count, 1)."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(count, 4)).astype("float32")
    return x, x.sum(axis=1, keepdims=True) + 1


def twin(model):
    """A new model of the same layers and weights."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def acting(name, **options):
    """The named method, on each step the same: `periodic` at each, `late` from the first on."""
    always = {"periodic": {"every": 1}, "late": {"start": 0}, "looksam": {"k": 1}}
    return keras_sam.methods.get(name, **{**always.get(name, {}), **options})
