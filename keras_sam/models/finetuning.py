"""Pretrained networks with a fresh head, for images with values in [0, 255].

Foret et al. (2021), section 3.2, fine-tune EfficientNets so: all weights are trained, while the
statistics of BatchNorm stay those of the pretraining.
"""

from pathlib import Path
from typing import Any

import keras
from keras import layers

from keras_sam import checks
from keras_sam.keras_hooks import layers_of
from keras_sam.models.blocks import dense_logits
from keras_sam.models.checks import check_images
from keras_sam.models.sources import SOURCES
from keras_sam.models.tops import check_kept, load_with_top, set_top, split
from keras_sam.models.weights import is_file, load_weights
from keras_sam.tensors import Tensor


def pretrained(
    name: str,
    input_shape: tuple[int, int, int],
    num_classes: int,
    source: str = "keras",
    weights: str | Path | None = None,
    frozen_batch_norm: bool = True,
    dropout: float = 0.2,
    arguments: dict[str, Any] | None = None,
    keep_top: bool = False,
) -> keras.Model:
    """Builds a known network without its top, and a head of its own, which starts at zero.

    Its input is scaled within the model, as the network's own weights expect it. The result has
    Keras's layers only (or those of KerasCV or KerasHub), so that what it saves loads without
    this package.

    Args:
        name: String. With `"keras"` an architecture of `keras.applications` in any spelling, such
            as `"efficientnet_b7"`, `"efficientnet_v2_s"`, `"mobilenet"` or `"ResNet50"`, or
            `"efficientnet_l2"`; with the others a preset, or of `keras_cv.models` a class.
        input_shape: Tuple of three integers, (height, width, channels).
        num_classes: Integer, number of logits.
        source: `"keras"`, `"keras_cv"` or `"keras_hub"`. Defaults to `"keras"`.
        weights: `None` for random ones, `"imagenet"` for those that the source offers under
            the name, a preset of KerasCV or KerasHub, or the path of a file: `.weights.h5`,
            `.h5` or `.keras` of Keras, `.npz` with keys such as `conv1/kernel`, or of an
            EfficientNet a Flax checkpoint as google-research/sam publishes them. Defaults to
            `None`.
        frozen_batch_norm: Whether BatchNorm is in inference mode also in training; its gamma and
            beta are trained all the same. Defaults to `True`.
        dropout: Float in [0, 1), share of features to drop before the head. Defaults to `0.2`.
        arguments: Dict of what the architecture's constructor takes besides, such as
            `{"alpha": 0.75}`. Defaults to `None`.
        keep_top: Whether the head starts as the pretrained one, where the classes are the same:
            that of the source, or `predictions/kernel` and `predictions/bias` of the file. It is
            a dense layer behind the pooled features. Defaults to `False`.

    Returns:
        A `keras.Model` from images (batch, height, width, channels) with values in [0, 255] to
        float32 logits (batch, num_classes).

    Raises:
        ValueError: If the name or the source is unknown, the images are too small, the weights
            are those of another architecture, or there is no such head to keep.
        FileNotFoundError: If there is no such file.

    Example:

    >>> from keras_sam import models
    >>> model = models.pretrained("mobilenet", (32, 32, 3), 5, arguments={"alpha": 0.25})
    >>> model.output_shape
    (None, 5)
    """
    check_images(input_shape, num_classes)
    checks.share("dropout", dropout)
    build = SOURCES[checks.one_of("source", source, tuple(SOURCES))]
    height, width, channels = input_shape
    file = weights if is_file(weights) else None
    offered = weights if file is None else None
    options = dict(arguments or {})
    if keep_top:
        check_kept(source, weights)
        options |= {"include_top": True} if offered else {}
    backbone, scaled = build(name, (height, width, channels), offered, options)
    top = None
    if keep_top and file is not None:
        top = load_with_top(backbone, num_classes, file)
    elif keep_top:
        backbone, top = split(backbone)
    elif file is not None:
        load_weights(backbone, file)
    if frozen_batch_norm:
        freeze_batch_norm(backbone)
    inputs = keras.Input(input_shape)
    features = _pooled(backbone(scaled(inputs)))
    if dropout > 0:
        features = layers.Dropout(dropout)(features)
    # Random logits of trained features are large: their gradient would undo the pretraining.
    logits = dense_logits(features, num_classes, starts_at_zero=True)
    model = keras.Model(inputs, logits, name=f"{backbone.name}_tuned")
    if top is not None:
        set_top(model.layers[-1], top)
    return model


def freeze_batch_norm(model: keras.Model) -> None:
    """Puts BatchNorm into inference mode for good, with gamma and beta still trained.

    Keras saves that BatchNorm is in inference mode, but not that gamma and beta are trained:
    call this again after `keras.saving.load_model`, and before `compile`, to go on training.

    Args:
        model: A built `keras.Model`, changed in place.

    Example:

    >>> import keras
    >>> from keras_sam import models
    >>> layer = keras.layers.BatchNormalization()
    >>> model = keras.Sequential([keras.Input((3,)), layer])
    >>> models.freeze_batch_norm(model)
    >>> layer.trainable, len(model.trainable_variables)
    (False, 2)
    """
    for layer in layers_of(model):
        if isinstance(layer, layers.BatchNormalization):
            # `training=False` in a functional model gives way to the outer model's `training`.
            layer.trainable = False
            for variable in (layer.gamma, layer.beta):
                if variable is not None:
                    variable.trainable = True


def _pooled(features: Tensor) -> Tensor:
    if len(features.shape) == 4:
        return layers.GlobalAveragePooling2D()(features)
    return layers.GlobalAveragePooling1D()(features) if len(features.shape) == 3 else features
