"""A small Transformer that tells texts apart."""

import keras
from keras import layers, ops

from keras_sam import checks
from keras_sam.datasets.words import NUMBERS, PADDING
from keras_sam.models.checks import check_classes
from keras_sam.tensors import Tensor


def text_transformer(
    input_shape: tuple[int] = (64,),
    num_classes: int = 2,
    width: int = 64,
    heads: int = 4,
    blocks: int = 2,
    dropout: float = 0.1,
) -> keras.Model:
    """Builds an encoder of words, normalised before each branch, with the mean of them as features.

    Args:
        input_shape: Tuple of an integer, the words of a text. Defaults to `(64,)`.
        num_classes: Integer, number of logits. Defaults to `2`.
        width: Integer, the features of a word, a multiple of `heads`. Defaults to `64`.
        heads: Integer, of the attention. Defaults to `4`.
        blocks: Integer, of attention and two dense layers. Defaults to `2`.
        dropout: Float in [0, 1). Defaults to `0.1`.

    Returns:
        A `keras.Model` from the numbers of words as `keras_sam.datasets.encode` makes them,
        (batch, words), to float32 logits (batch, num_classes).

    Raises:
        ValueError: If the shape is not that of texts, or the width no multiple of the heads.

    "Attention Is All You Need" (Vaswani et al. 2017, arXiv:1706.03762), section 3.1.

    Example:

    >>> from keras_sam import models
    >>> models.text_transformer((64,), 10).output_shape
    (None, 10)
    """
    length = _checked_length(input_shape)
    check_classes(num_classes)
    if width % checks.positive_integer("heads", heads):
        checks.refuse("width", f"a multiple of the {heads} heads", width)
    inputs = keras.Input((length,), dtype="int32")
    is_word = ops.not_equal(inputs, PADDING)
    places = ops.cumsum(ops.ones_like(inputs), axis=1) - 1
    outputs = layers.Embedding(NUMBERS, width, name="words")(inputs)
    outputs = outputs + layers.Embedding(length, width, name="places")(places)
    outputs = layers.Dropout(dropout)(outputs)
    for _ in range(blocks):
        outputs = outputs + _attention(outputs, is_word, heads, dropout)
        outputs = outputs + _dense(outputs, dropout)
    outputs = layers.LayerNormalization(epsilon=1e-6)(outputs)
    outputs = layers.GlobalAveragePooling1D()(outputs, mask=is_word)
    outputs = layers.Dropout(dropout)(outputs)
    # In float32 also under a mixed policy: half precision is too coarse for logits.
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(outputs)
    return keras.Model(inputs, outputs, name="text_transformer")


def _checked_length(input_shape: tuple[int]) -> int:
    sizes = list(input_shape) if isinstance(input_shape, tuple | list) else []
    if len(sizes) != 1 or not isinstance(sizes[0], int) or sizes[0] < 1:
        raise ValueError(
            "The input shape of a text classifier must be one positive integer, the words of a "
            "text: images want another model. "
            f"Received: {checks.received(input_shape=input_shape)}"
        )
    return sizes[0]


def _attention(inputs: Tensor, is_word: Tensor, heads: int, dropout: float) -> Tensor:
    width = inputs.shape[-1]
    normal = layers.LayerNormalization(epsilon=1e-6)(inputs)
    attention = layers.MultiHeadAttention(heads, width // heads, dropout=dropout)
    outputs = attention(normal, normal, attention_mask=is_word[:, None, :])
    return layers.Dropout(dropout)(outputs)


def _dense(inputs: Tensor, dropout: float) -> Tensor:
    width = inputs.shape[-1]
    outputs = layers.LayerNormalization(epsilon=1e-6)(inputs)
    outputs = layers.Dense(2 * width, activation="gelu")(outputs)
    return layers.Dropout(dropout)(layers.Dense(width)(outputs))
