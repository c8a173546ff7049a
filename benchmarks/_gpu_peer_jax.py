"""Steps by hand on JAX: `jax.value_and_grad` through the same Keras network, and Optax."""

from typing import Any

import _gpu_networks
from _cases import Train
from _optax_step import trainer


def build(network: str, words: list[str], setting: dict[str, Any], batch: tuple[Any, Any]) -> Train:
    """A loop by hand.

    Args:
        network: Key of `_gpu_networks.NETWORKS`.
        words: Those of the case's name: its last says which step.
        setting: Dictionary with `tiny`.
        batch: `(images, labels)` on the device.

    Returns:
        Function of a number of steps.
    """
    model = _gpu_networks.build(network, setting["tiny"])
    parameters = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]

    def apply(parameters, others, images):
        logits, others = model.stateless_call(parameters, others, images, training=True)
        return logits.astype("float32"), others

    return trainer(apply, parameters, others, words[-1], lambda _: batch)
