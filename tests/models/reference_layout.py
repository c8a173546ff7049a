"""Checkpoints of EfficientNets as google-research/sam lays them out, written from its code."""

import math

# As in sam_jax/efficientnet/efficientnet.py: inputs, outputs, kernel, repeats, expansion.
BLOCKS = (
    *((32, 16, 3, 1, 1), (16, 24, 3, 2, 6), (24, 40, 5, 2, 6), (40, 80, 3, 3, 6)),
    *((80, 112, 5, 3, 6), (112, 192, 5, 4, 6), (192, 320, 3, 1, 6)),
)


def rounded(filters, width):
    found = max(8, int(filters * width + 4) // 8 * 8)
    return found if found >= 0.9 * filters * width else found + 8


def reference_shapes(width, depth, classes=1000):
    """Paths and shapes of parameters and statistics, module by module as the reference makes them.

    Returns:
        Two dictionaries: from a path such as `Stem_0/conv2d/kernel` to a shape, and from a module
        such as `/Stem_0/batch_normalization` to the number of its channels.
    """
    shapes, statistics = {}, {}

    def convolution(name, *shape, weight="kernel", bias=False):
        shapes[f"{name}/{weight}"] = shape
        shapes.update({f"{name}/bias": shape[-1:]} if bias else {})

    def norm(name, channels):
        shapes.update({f"{name}/scale": (channels,), f"{name}/bias": (channels,)})
        statistics[f"/{name}"] = channels

    convolution("Stem_0/conv2d", 3, 3, 3, rounded(32, width))
    norm("Stem_0/batch_normalization", rounded(32, width))
    number = 1
    for inner, outer, size, repeats, expansion in BLOCKS:
        inner, outer = rounded(inner, width), rounded(outer, width)
        for _ in range(math.ceil(repeats * depth)):
            block, wide, index = f"MBConvBlock_{number}", inner * expansion, 0
            if expansion > 1:
                convolution(f"{block}/expand_conv2d_0", 1, 1, inner, wide)
                norm(f"{block}/batch_normalization_0", wide)
                index = 1
            convolution(f"{block}/depthwise_conv2d", size, size, wide, 1, weight="depthwise_kernel")
            norm(f"{block}/batch_normalization_{index}", wide)
            squeeze, less = f"{block}/SqueezeExcite_0", max(1, inner // 4)
            convolution(f"{squeeze}/reduce_conv2d_0", 1, 1, wide, less, bias=True)
            convolution(f"{squeeze}/expand_conv2d_1", 1, 1, less, wide, bias=True)
            convolution(f"{block}/project_conv2d_{index}", 1, 1, wide, outer)
            norm(f"{block}/batch_normalization_{index + 1}", outer)
            inner, number = outer, number + 1
    convolution(f"Head_{number}/conv2d", 1, 1, outer, rounded(1280, width))
    norm(f"Head_{number}/batch_normalization", rounded(1280, width))
    convolution(f"Head_{number}/dense", rounded(1280, width), classes, bias=True)
    return shapes, statistics


def checkpoint(width, depth, fill):
    """A published checkpoint: a pair of a model and its state, arrays as `fill` makes them."""
    shapes, statistics = reference_shapes(width, depth)
    parameters = {}
    for path, shape in shapes.items():
        tree = parameters
        *modules, weight = path.split("/")
        for module in modules:
            tree = tree.setdefault(module, {})
        tree[weight] = fill(shape)
    state = {
        module: {"mean": fill((channels,)), "var": fill((channels,))}
        for module, channels in statistics.items()
    }
    return {"0": {"params": parameters}, "1": state}


def leaves(tree):
    """The arrays of a nested dictionary."""
    if not isinstance(tree, dict):
        return [tree]
    return [leaf for value in tree.values() for leaf in leaves(value)]
