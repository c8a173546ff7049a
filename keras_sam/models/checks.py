"""What every builder of an image classifier asks of its arguments."""


def check_images(input_shape, num_classes):
    """Refuses shapes that are not those of images, and fewer than two classes.

    Args:
        input_shape: Expected to be three positive integers, (height, width, channels).
        num_classes: Expected to be an integer of at least 2.

    Raises:
        ValueError: If either is something else.
    """
    shape = tuple(input_shape)
    if len(shape) != 3 or not all(isinstance(size, int) and size > 0 for size in shape):
        raise ValueError(
            "The input shape must be three positive integers, (height, width, channels), such "
            f"as (32, 32, 3). Received: input_shape={input_shape}"
        )
    if num_classes < 2:
        raise ValueError(
            f"A classifier needs two classes at least. Received: num_classes={num_classes}"
        )
