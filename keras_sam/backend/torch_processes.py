"""One training by several PyTorch processes, as `torchrun` starts them."""

import contextlib
import datetime
import functools
import itertools
import os
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import torch
from torch import distributed

from keras_sam.backend.types import Tensor


def is_joined() -> bool:
    """Whether `torch.distributed` is in use, be it by a single process."""
    return distributed.is_available() and distributed.is_initialized()


def num_processes() -> int:
    """See `keras_sam.backend.one_process.num_processes`."""
    return distributed.get_world_size() if is_joined() else 1


def process() -> int:
    """See `keras_sam.backend.one_process.process`."""
    return 0 if num_processes() == 1 else distributed.get_rank()


def is_shared(model: keras.Model) -> bool:
    """See `keras_sam.backend.one_process.is_shared`."""
    del model
    return num_processes() > 1


@contextlib.contextmanager
def joined(seconds: float) -> Iterator[None]:
    """See `keras_sam.backend.one_process.joined`."""
    kinds = "gloo"
    if torch.cuda.is_available():
        kinds = "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(_own_device(int(os.environ.get("LOCAL_RANK", 0))))
    try:
        distributed.init_process_group(kinds, timeout=datetime.timedelta(seconds=seconds))
    except RuntimeError as error:
        raise ValueError(
            "Processes must find each other at the address and port of the first, which torchrun "
            f"tells them, or MASTER_ADDR and MASTER_PORT. Received: {error}"
        ) from error
    _line.cache_clear()
    yield
    # Not after an error: to take leave of processes that are gone may take for ever.
    distributed.destroy_process_group()


def _own_device(position):
    devices = torch.cuda.device_count()
    if position >= devices:
        raise ValueError(
            f"Each process must have a device of its own: start {devices} of them here, or none "
            f"on a GPU (CUDA_VISIBLE_DEVICES=). Received: process {position}, counted from 0"
        )
    return position


@functools.cache
def _line():
    """The group for what the first process tells: the others may wait long for that."""
    return distributed.new_group(backend="gloo", timeout=datetime.timedelta(days=30))


def told_by_first(fact: Any) -> Any:
    """See `keras_sam.backend.one_process.told_by_first`."""
    if num_processes() == 1:
        return fact
    told = [fact]
    distributed.broadcast_object_list(told, src=0, group=_line())
    return told[0]


@torch.compiler.disable  # What is not on one device alone is not the compiler's.
def across_replicas(tensors: list[Tensor], is_averaged: Sequence[bool]) -> list[Tensor]:
    """See `keras_sam.backend.jax.across_replicas`; all tensors of a kind go in one message."""
    processes = num_processes()
    if processes == 1 or not tensors:
        return tensors
    is_first = distributed.get_rank() == 0
    agreed: list[Tensor] = list(tensors)
    for positions in _kinds(tensors):
        sums = _summed(
            [
                tensors[n] if is_averaged[n] or is_first else torch.zeros_like(tensors[n])
                for n in positions
            ]
        )
        for n, total in zip(positions, sums, strict=True):
            value = total / processes if is_averaged[n] else total
            agreed[n] = value.to(tensors[n].dtype)
    return agreed


def _summed(tensors):
    """The sums over the processes of tensors that go in one message."""
    with torch.no_grad():
        flat = torch.cat([tensor.detach().reshape(-1).to(_wide(tensor)) for tensor in tensors])
        distributed.all_reduce(flat)
        parts = flat.split([tensor.numel() for tensor in tensors])
        return [part.reshape(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]


def _kinds(tensors):
    """Positions of the tensors that can share a message, for each kind of them."""

    def kind(position):
        return str(_wide(tensors[position])), str(tensors[position].device)

    positions = sorted(range(len(tensors)), key=kind)
    return [list(group) for _, group in itertools.groupby(positions, kind)]


def _wide(tensor):
    """The dtype in which a tensor is summed: half precision in float32, whole numbers in int64."""
    if tensor.is_floating_point():
        return torch.promote_types(tensor.dtype, torch.float32)
    return torch.int64


def told_to_all(facts: dict[str, str]) -> list[dict[str, str]]:
    """See `keras_sam.backend.one_process.told_to_all`."""
    told: list[Any] = [None] * num_processes()
    distributed.all_gather_object(told, facts)
    return told


def sharded_part(model: keras.Model) -> str:
    """See `keras_sam.backend.one_process.sharded_part`; Keras may have put whole weights back."""
    from torch.distributed.fsdp import FSDPModule  # Which takes a second.

    named = [
        *(name for name, tensor in model.named_parameters() if hasattr(tensor, "device_mesh")),
        *(type(module).__name__ for module in model.modules() if isinstance(module, FSDPModule)),
    ]
    return named[0] if named else ""
