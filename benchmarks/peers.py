"""Other implementations of SAM, to take turns with ours on the same images.

On JAX: `optax.contrib.sam` with a ResNet in Flax. On PyTorch: `pytorch_optimizer`'s `SAM` with a
ResNet in PyTorch. On TensorFlow: the class that Keras 2 had, and a step written by hand. Each comes
with its own plain step, so that the speed of the network and the cost of SAM can be told apart.
"""

import importlib
import importlib.util

import keras
from _cases import Data, Train

# Backend: module here, what it needs, what to install for it, how it differs from ours.
PEERS = {
    "jax": (
        "_peer_optax",
        ("flax", "optax"),
        "flax optax",
        "Peer: optax.contrib.sam in its opaque mode, the one that leaves the BatchNorm statistics "
        "to the clean pass; Flax linen, images channels last as ours, one jitted step.",
    ),
    "torch": (
        "_peer_pytorch_optimizer",
        ("pytorch_optimizer",),
        "pytorch-optimizer",
        "Peer: pytorch_optimizer's SAM, BatchNorm statistics from the clean pass; torch.nn with "
        "fused batch normalization. Plain Keras normalizes in single operations, which keras_sam's "
        "passes do not: compare the SAM rows.",
    ),
    "tensorflow": (
        "_peer_tensorflow",
        ("tf_keras",),
        "tf_keras",
        "Peers: Keras 2's SharpnessAwareMinimization, whose first pass is one of inference; and a "
        "tf.function with two tapes that does what ours does, both with a network in Keras 2.",
    ),
}


def build(model_name: str, batch_size: int, data: Data) -> tuple[dict[str, Train], list[str]]:
    """The peers on the active backend.

    Args:
        model_name: Name of a residual network of depth 6n + 2, `"resnet20"`.
        batch_size: Integer, images a step.
        data: `(images, labels)`, images channels last.

    Returns:
        `(cases, notes)`: a dictionary from a name to a function that trains for a number of
        steps, and a list of lines to print.

    Raises:
        ValueError: If the peers cannot build the network.
    """
    backend = keras.backend.backend()
    if backend not in PEERS:
        return {}, [f"No peer trains on {backend}."]
    module, requirements, packages, note = PEERS[backend]
    if not all(importlib.util.find_spec(name) for name in requirements):
        return {}, [f"No peers: they need `pip install {packages}`."]
    blocks = blocks_of(model_name)
    return importlib.import_module(module).build(blocks, batch_size, data), [note]


def blocks_of(model_name: str) -> int:
    """Blocks a stage of a network for small images: 3 for `"resnet20"`."""
    depth = model_name.removeprefix("resnet")
    if not depth.isdigit() or (int(depth) - 2) % 6 or int(depth) in (18, 50):
        raise ValueError(
            "Peers are networks of depth 6n + 2; give --nopeers for others. "
            f"Received: model={model_name}"
        )
    return (int(depth) - 2) // 6
