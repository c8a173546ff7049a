"""What every builder of an image classifier asks of its arguments."""

from collections.abc import Sequence

from keras_sam import checks

NORMALIZATIONS = ("batch", "group", "layer")


def check_images(input_shape: tuple[int, int, int], num_classes: int) -> None:
    """Refuses shapes that are not those of images, and fewer than two classes.

    Args:
        input_shape: Expected to be three positive integers, (height, width, channels).
        num_classes: Expected to be an integer of at least 2.

    Raises:
        ValueError: If either is something else.
    """
    sizes = list(input_shape) if isinstance(input_shape, Sequence) else []
    if len(sizes) != 3 or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise ValueError(
            "The input shape must be three positive integers, (height, width, channels), such "
            f"as (32, 32, 3). Received: {checks.received(input_shape=input_shape)}"
        )
    check_classes(num_classes)


def check_classes(num_classes: int) -> None:
    """Refuses fewer than two classes.

    Args:
        num_classes: Expected to be an integer of at least 2.

    Raises:
        ValueError: If it is something else.
    """
    if not checks.is_number(num_classes) or num_classes < 2:
        raise ValueError(
            "A classifier needs two classes at least. "
            f"Received: {checks.received(num_classes=num_classes)}"
        )


def check_normalization(normalization: str | None) -> str | None:
    """`normalization`, if it is `"batch"`, `"group"`, `"layer"` or `None`.

    Raises:
        ValueError: If it is something else.
    """
    if normalization is not None:
        checks.one_of("normalization", normalization, (*NORMALIZATIONS, None))
    return normalization


def check_depth(family: str, depth: int, step: int, rest: int) -> int:
    """Number n of blocks in a stage of a network whose depth is `step * n + rest`.

    Args:
        family: String, what the error calls the network.
        depth: Integer, number of layers.
        step: Integer, layers of the blocks that a further n adds.
        rest: Integer, layers outside of the blocks.

    Raises:
        ValueError: If the depth is another, or n would be 0.
    """
    blocks, left = divmod(depth - rest, step)
    if blocks < 1 or left:
        nearest = [step * n + rest for n in range(max(blocks, 1), max(blocks, 1) + 2)]
        raise ValueError(
            f"The depth of a {family} must be {step}n + {rest}, such as {nearest[0]} or "
            f"{nearest[1]}. Received: depth={depth}"
        )
    return blocks


def check_patches(patch: int, width: int, depth: int, heads: int) -> None:
    """Refuses a Vision Transformer that cannot be built.

    Raises:
        ValueError: If a size is no positive integer, or the heads do not divide the width.
    """
    sizes = {"patch": patch, "width": width, "depth": depth, "heads": heads}
    for name, size in sizes.items():
        checks.positive_integer(name, size)
    if width % heads:
        raise ValueError(
            "Each head takes as many channels: the width must be a multiple of the heads. "
            f"Received: {checks.received(width=width, heads=heads)}"
        )
