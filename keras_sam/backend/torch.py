"""Gradients and the train step on PyTorch."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import torch
from keras import ops, tree

from keras_sam.backend.displacement import displace
from keras_sam.backend.one_process import own_parts  # noqa: F401  (To be had here.)
from keras_sam.backend.torch_curvature import (  # noqa: F401  (To be had here.)
    gauss_newton_vector_product,
    hessian_at,
    hessian_vector_product,
    kept_products,
    leaves,
)
from keras_sam.backend.torch_kernels import fused_kernels  # noqa: F401
from keras_sam.backend.torch_modules import (  # noqa: F401  (To be had here.)
    plain_modules,
    wrapped_modules,
)
from keras_sam.backend.torch_processes import (  # noqa: F401  (To be had here.)
    across_replicas,
    is_joined,
    is_shared,
    joined,
    num_processes,
    process,
    sharded_part,
    told_by_first,
    told_to_all,
)
from keras_sam.backend.torch_vectors import (  # noqa: F401  (To be had here.)
    added,
    multiplied,
    scaled,
    sums,
)
from keras_sam.backend.types import Function, Gradients, ModelMixin, Nested, Tensor
from keras_sam.backend.unrolled import repeated  # noqa: F401  (To be had here.)


def value_and_gradient(
    function: Callable[..., Any], tensors: list[Tensor]
) -> tuple[Tensor, Any, Gradients]:
    """See `keras_sam.backend.jax.value_and_gradient`."""
    tensors = leaves(tensors)
    with torch.enable_grad():
        value, auxiliary = function(tensors)
        gradients = torch.autograd.grad(value, tensors, allow_unused=True)
    # Attached to its graph, the auxiliary output would keep activations through the next pass.
    return value.detach(), _detached(auxiliary), list(gradients)


@torch.compiler.disable  # The compiler does not follow a tensor's own attributes.
def _detached(structure):
    return tree.map_structure(_detached_leaf, structure)


def _detached_leaf(leaf):
    if not torch.is_tensor(leaf):
        return leaf
    detached = leaf.detach()
    vars(detached).update(vars(leaf))  # Keras notes a prediction's mask on the tensor.
    return detached


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """See `keras_sam.backend.jax.compiled`; PyTorch runs it as it is."""
    return function


def free_memory() -> int | None:
    """See `keras_sam.backend.jax.free_memory`."""
    device = ops.zeros(()).device
    if device.type != "cuda":
        return None if device.type == "cpu" else 0
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + unused


def cond(predicate: Tensor, if_true: Callable[[], Any], if_false: Callable[[], Any]) -> Any:
    """See `keras_sam.backend.jax.cond`. On a GPU this waits for the predicate."""
    return ops.cond(predicate, if_true, if_false)


def runs_one_branch() -> bool:
    """See `keras_sam.backend.jax.runs_one_branch`; PyTorch has decided, its compiler as well."""
    return True


def computed_once(tensor: Tensor) -> Tensor:
    """See `keras_sam.backend.jax.computed_once`; nothing to do here."""
    return tensor


def once_known(tensor: Tensor, others: list[Tensor]) -> Tensor:
    """See `keras_sam.backend.jax.once_known`; PyTorch computes one after another."""
    del others
    return tensor


def random_state() -> Any:
    """State of PyTorch's own generators, which a Keras dropout layer without a seed draws from."""
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return torch.get_rng_state(), devices


def set_random_state(state: Any) -> None:
    """Counterpart of `random_state`."""
    cpu, devices = state
    torch.set_rng_state(cpu)
    if devices:
        torch.cuda.set_rng_state_all(devices)


def num_replicas() -> int:
    """Factor by which Keras has divided the loss: none on PyTorch, whose loss is of the process."""
    return 1


def test_step_of(base_model: keras.Model, model: keras.Model, data: Nested) -> dict[str, Any]:
    """See `keras_sam.backend.jax.test_step_of`; here a step finds its variables by itself."""
    del model
    return base_model.test_step(data)


def without_graph() -> contextlib.AbstractContextManager[Any]:
    """See `keras_sam.backend.jax.without_graph`."""
    return torch.no_grad()


def unconverted(function: Function) -> Function:
    """See `keras_sam.backend.jax.unconverted`."""
    return function


def is_recorded() -> bool:
    """See `keras_sam.backend.jax.is_recorded`; an evaluation here has a graph of its own."""
    return False


def neutral_train_step(function: Function) -> Function:
    """See `keras_sam.neutral_train_step`; Keras calls it so already."""
    return function


class TrainStep(ModelMixin):
    """The `train_step` of Keras's PyTorch trainer around `compute_update`."""

    def train_step(self, data: Nested) -> dict[str, Any]:
        if not self.trainable_variables:  # Keras says so.
            return super().train_step(data)
        outcome, logs = self.compute_update(data)
        # Where it is a tensor, this waits for the device.
        if outcome.is_made is True or bool(outcome.is_made):
            with torch.no_grad():
                self.optimizer.apply(outcome.gradients, self.trainable_variables)
                displace(self.trainable_variables, outcome.displacement)
        return logs


def on_all_devices() -> contextlib.AbstractContextManager[Any]:
    """See `keras_sam.backend.jax.on_all_devices`; here each device has a process of its own."""
    if is_joined():
        return contextlib.nullcontext()
    raise ValueError(
        "PyTorch trains on several devices by a process for each: start a training app by "
        "torchrun, as in `torchrun --nproc_per_node=2 apps/train_resnet.py --distribute=all`, or "
        "leave the distribution out. Received: KERAS_BACKEND=torch in a process of its own"
    )


def device_name() -> str:
    """See `keras_sam.backend.jax.device_name`."""
    where = ops.zeros(()).device.type
    return torch.cuda.get_device_name() if where == "cuda" else where


def keep_compiled(folder: Path) -> None:
    """See `keras_sam.backend.jax.keep_compiled`; nothing here can be kept."""
