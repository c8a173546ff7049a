"""
Title: Sharpness-aware minimization for robustness to wrong labels
Author: keras_sam contributors
Date created: 2026/11/28
Last modified: 2026/11/28
Description: Training with SAM and its variants on labels of which many are wrong.
Accelerator: NONE
"""

"""
## Introduction

A network can reach the same training loss at many points, and they do not generalize
alike: in a flat minimum the loss stays low for all weights nearby, in a sharp one it
rises at once. [Sharpness-aware minimization](https://arxiv.org/abs/2010.01412) (SAM)
looks for flat minima. At each step it

1. takes the gradient `g` of the batch,
2. climbs to `w + rho * g / ||g||`, about the worst point within the distance `rho`,
3. takes the gradient there, and hands it to the optimizer, which updates `w`.

So a step costs two gradients. What it brings shows best where a plain optimizer learns
by heart what it should not: wrong labels. This example trains a small network on
handwritten digits of which 40 % carry a wrong label, with SGD and with SAM, and
compares them on clean test images.

The package [keras_sam](https://pypi.org/project/keras-sam) wraps any Keras model for
it, on JAX, TensorFlow and PyTorch.
"""

"""shell
pip install -q keras-sam scikit-learn
"""

import keras
import keras_sam
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

EPOCHS = 40
BATCH_SIZE = 64

"""
## Digits with wrong labels

The 1,797 digits that come with scikit-learn have 8 by 8 pixels. We keep 450 to test on,
with their right labels, and give 40 % of the others one of the nine wrong labels at
random.
"""

images, labels = load_digits(return_X_y=True)
images = (images / 16).reshape(-1, 8, 8, 1).astype("float32")
rng = np.random.default_rng(0)
order = rng.permutation(len(images))
x_train, y_clean = images[order[450:]], labels[order[450:]]
x_test, y_test = images[order[:450]], labels[order[:450]]

is_wrong = rng.random(len(y_clean)) < 0.4
y_train = np.where(
    is_wrong, (y_clean + rng.integers(1, 10, len(y_clean))) % 10, y_clean
)
print(f"{is_wrong.mean():.0%} of {len(y_train)} training labels are wrong.")

"""
## The model

A plain convolutional network. It has BatchNormalization and knows nothing of SAM.
"""


def make_model():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(32, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(64, 3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10),
        ]
    )


def train(model):
    """Trains for `EPOCHS`, and returns the history."""
    steps = EPOCHS * (len(x_train) // BATCH_SIZE + 1)
    model.compile(
        optimizer=keras.optimizers.SGD(
            keras.optimizers.schedules.CosineDecay(0.1, steps), momentum=0.9
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    data = (x_test, y_test)
    fitted = model.fit(
        x_train, y_train, BATCH_SIZE, EPOCHS, verbose=0, validation_data=data
    )
    return fitted.history


"""
## SGD, and SAM

The one line that SAM needs is the wrapper around the model. `fit`, callbacks, metrics
and the optimizer stay as they are.
"""

sgd_model = make_model()
histories = {"SGD": train(sgd_model)}

sam_model = make_model()
histories["SAM"] = train(keras_sam.SAMModel(sam_model, rho=0.5))

"""
`sam_model` is the trained network itself, a plain Keras model:
`sam_model.save("flat.keras")` writes a file that loads without keras_sam.
"""

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
for name, history in histories.items():
    left.plot(history["accuracy"], label=name)
    right.plot(history["val_accuracy"], label=name)
left.set(title="Training labels, 40 % of them wrong", xlabel="epoch", ylabel="accuracy")
right.set(title="Clean test images", xlabel="epoch")
left.legend()
plt.show()

"""
SGD goes on to learn wrong labels by heart, and gets worse on clean images as it does.
SAM stays near the 60 % of the labels that are right. Here is the share of the wrong
labels that each network has learned:
"""

for name, model in {"SGD": sgd_model, "SAM": sam_model}.items():
    guesses = model.predict(x_train[is_wrong], verbose=0).argmax(axis=1)
    learned = np.mean(guesses == y_train[is_wrong])
    accuracy = histories[name]["val_accuracy"][-1]
    print(f"{name}: {learned:.0%} learned, test accuracy {accuracy:.1%}")

"""
## Is the minimum flat?

`keras_sam.sharpness` measures it. Here is by how much the loss rises at the worst point
within a small distance of the trained weights, over the training set:
"""

for name, model in {"SGD": sgd_model, "SAM": sam_model}.items():
    objective = keras_sam.sharpness.Objective(
        model,
        x_train,
        y_train,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    rise = keras_sam.sharpness.worst_case(objective, rho=0.05)
    print(f"{name}: the loss rises by {rise.value:.3f}")

"""
## At the price of SGD

More than forty variants are a name away, and several cost less than SAM's two
gradients. An ascent on a quarter of the batch makes it 1.25, and MSAM climbs along the
momentum, which is there already: it costs what SGD costs.
"""

cheap = {
    "A quarter of the batch": keras_sam.methods.SAM(rho=0.5, ascent_fraction=0.25),
    "MSAM": keras_sam.methods.MSAM(rho=3.0),
}
for name, method in cheap.items():
    history = train(keras_sam.SAMModel(make_model(), method=method))
    print(f"{name}: test accuracy {history['val_accuracy'][-1]:.1%}")

"""
## What to remember

- `rho` is the one number to choose: try 0.05, 0.1, 0.2 and 0.5, and keep what is best
  on validation data. The radius of another method is another number.
- SAM needs a network that can fit its training data, and time to do it. Where training
  is short or the model small, a second step is worth more than a second gradient:
  compare with SGD at twice the epochs.
- Batch statistics come from the unperturbed pass, dropout masks are the same in both
  passes, and nothing is perturbed in place: mixed precision, distribution and resuming
  work as with any Keras model.
"""
