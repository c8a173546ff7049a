"""Gradients and the train step on TensorFlow."""

import keras
import tensorflow as tf
from keras import ops

from keras_sam.backend.displacement import displace


def value_and_gradient(function, tensors):
    """See `keras_sam.backend.jax.value_and_gradient`."""
    tensors = [tf.convert_to_tensor(tensor) for tensor in tensors]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(tensors)
        value, auxiliary = function(tensors)
    return value, auxiliary, _densify(tape.gradient(value, tensors))


def hessian_vector_product(function, tensors, vectors):
    """See `keras_sam.backend.jax.hessian_vector_product`."""
    tensors = [tf.convert_to_tensor(tensor) for tensor in tensors]
    # Backward twice: TensorFlow's forward mode knows no loops, which recurrent layers are.
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        outer.watch(tensors)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            value, _ = function(tensors)
        gradients = _densify(tape.gradient(value, tensors))
    return _pulled(outer, gradients, tensors, vectors)


def _pulled(tape, outputs, tensors, vectors):
    """Gradients of the outputs' products with the vectors; an output may be `None`."""
    pairs = [pair for pair in zip(outputs, vectors) if pair[0] is not None]
    if not pairs:
        return [None] * len(tensors)
    outputs, vectors = map(list, zip(*pairs))
    return _densify(tape.gradient(outputs, tensors, output_gradients=vectors))


def _densify(gradients):
    """Embedding rows looked up twice are two slices of one row: only a dense sum has a norm."""
    return [None if g is None else tf.convert_to_tensor(g) for g in gradients]


def gauss_newton_vector_product(network, loss, tensors, vectors):
    """See `keras_sam.backend.jax.gauss_newton_vector_product`."""
    tensors = [tf.convert_to_tensor(tensor) for tensor in tensors]
    # J v is the gradient of J'u, which is linear in u, times v.
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            outputs = network(tensors)
        cotangents = [tf.zeros_like(output) for output in outputs]
        outer.watch(cotangents)
        pulled = _pulled(tape, outputs, tensors, cotangents)
    tangents = _filled(_pulled(outer, pulled, cotangents, vectors), outputs)
    curved = _filled(hessian_vector_product(loss, outputs, tangents), outputs)
    return _pulled(tape, outputs, tensors, curved)


def _filled(gradients, tensors):
    return [tf.zeros_like(t) if g is None else g for g, t in zip(gradients, tensors)]


def compiled(function):
    """See `keras_sam.backend.jax.compiled`."""
    return tf.function(function)


def cond(predicate, if_true, if_false):
    """See `keras_sam.backend.jax.cond`."""
    return ops.cond(predicate, if_true, if_false)


def computed_once(tensor):
    """See `keras_sam.backend.jax.computed_once`; nothing to do here."""
    return tensor


def random_state():
    """State of any generator outside Keras's seed variables: none on TensorFlow."""
    return None


def set_random_state(state):
    """Counterpart of `random_state`."""
    del state


def num_replicas():
    """Factor by which Keras has divided the loss under a distribution strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def across_replicas(tensors, is_averaged):
    """See `keras_sam.backend.jax.across_replicas`."""
    replicas = num_replicas()
    if replicas == 1 or not tensors:
        return tensors
    context = tf.distribute.get_replica_context()
    is_first = context.replica_id_in_sync_group == 0
    shares = [
        tensor * tf.cast(1 / replicas if averaged else is_first, tensor.dtype)
        for tensor, averaged in zip(tensors, is_averaged)
    ]
    return context.all_reduce(tf.distribute.ReduceOp.SUM, shares)


class TrainStep:
    """The `train_step` of Keras's TensorFlow trainer around `compute_update`."""

    def train_step(self, data):
        # Without a strategy Keras lets the first call build the model; this one looks at the
        # model through a stateless scope, where variables cannot be made.
        if not self.is_ready:
            keras.Model._symbolic_build(self, data_batch=data)
        gradients, displacement, logs = self.compute_update(data)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        displace(self.trainable_variables, displacement)
        return logs


def on_all_devices():
    """See `keras_sam.backend.jax.on_all_devices`."""
    return tf.distribute.MirroredStrategy().scope()


def keep_compiled(folder):
    """See `keras_sam.backend.jax.keep_compiled`; nothing here can be kept."""
