"""Vision Transformers of Keras's own layers, for small and for large images.

"An Image is Worth 16x16 Words" (Dosovitskiy et al., 2021): patches of the image, a class token,
learned positions, and blocks that normalise before attention and before the two dense layers.
"""

from functools import partial

import keras
from keras import layers

from keras_sam.models.checks import check_images, check_patches
from keras_sam.tensors import Tensor

MLP_RATIO = 4  # Width of a block's hidden layer over that of its tokens.
# As in the paper's code; Keras's own 1e-3 is large beside what a first layer normalises.
normalised = partial(layers.LayerNormalization, epsilon=1e-6)


def vit(
    patch: int,
    width: int,
    depth: int,
    heads: int,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
) -> keras.Model:
    """Builds a Vision Transformer.

    One weight for each token and channel is the bias of the patches' projection, the position and,
    of the first token, the class token all at once: the published networks learn these apart and
    add them up, and have `2 * width` weights more. An image whose sides are no multiple of the
    patch's is filled up with zeros.

    Args:
        patch: Integer, the side of a patch in pixels.
        width: Integer, channels of a token; a multiple of `heads`.
        depth: Integer, number of blocks.
        heads: Integer, attention heads of a block.
        input_shape: Tuple of three integers, (height, width, channels). Defaults to
            `(32, 32, 3)`.
        num_classes: Integer, number of logits. Defaults to `10`.

    Returns:
        A `keras.Model` from images (batch, height, width, channels) to float32 logits
        (batch, num_classes), which start at zero.

    Raises:
        ValueError: If a size is no positive integer, the heads do not divide the width, or the
            shape is not that of images.

    Example:

    >>> from keras_sam import models
    >>> model = models.vit(4, width=64, depth=2, heads=4)
    >>> model.output_shape
    (None, 10)
    """
    check_images(input_shape, num_classes)
    check_patches(patch, width, depth, heads)
    inputs = keras.Input(input_shape)
    tokens = _embedded(_patches(inputs, patch), width)
    for _ in range(depth):
        tokens = _block(tokens, heads)
    features = _first(normalised()(tokens))
    # In float32 also under a mixed policy: half precision is too coarse for logits.
    outputs = layers.Dense(num_classes, kernel_initializer="zeros", dtype="float32", name="logits")(
        features
    )
    return keras.Model(inputs, outputs, name=f"vit{patch}_{width}x{depth}")


def _patches(images: Tensor, patch: int) -> Tensor:
    """The pixels of each patch in a row: (batch, patches, pixels)."""
    missing = [(0, -side % patch) for side in images.shape[1:3]]
    filled = layers.ZeroPadding2D(missing)(images) if any(map(sum, missing)) else images
    height, width, channels = filled.shape[1:]
    rows, columns = height // patch, width // patch
    grid = layers.Reshape((rows, patch, columns, patch * channels))(filled)
    pixels = patch * patch * channels
    return layers.Reshape((rows * columns, pixels))(layers.Permute((1, 3, 2, 4))(grid))


def _embedded(patches: Tensor, width: int) -> Tensor:
    """A token for each patch, behind one for the class: of a patch of zeros its bias is left."""
    with_class = layers.ZeroPadding1D((1, 0))(patches)
    return layers.EinsumDense(
        "bnp,pw->bnw",
        output_shape=(with_class.shape[1], width),
        bias_axes="nw",
        kernel_initializer="lecun_normal",
        bias_initializer=keras.initializers.RandomNormal(stddev=0.02),
        name="embedding",
    )(with_class)


def _block(tokens: Tensor, heads: int) -> Tensor:
    width = tokens.shape[-1]
    inputs = normalised()(tokens)
    attended = layers.MultiHeadAttention(heads, width // heads)(inputs, inputs)
    tokens = layers.Add()([tokens, attended])
    hidden = layers.Dense(MLP_RATIO * width, activation="gelu")(normalised()(tokens))
    return layers.Add()([tokens, layers.Dense(width)(hidden)])


def _first(tokens: Tensor) -> Tensor:
    """What the class token has become."""
    return layers.Flatten()(layers.Cropping1D((0, tokens.shape[1] - 1))(tokens))
