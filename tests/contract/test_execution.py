"""Ways to run a step change nothing but speed, and a pass that is skipped is not run."""

import functools
import itertools
import weakref

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from keras_sam import backend as active
from keras_sam.training.weighting import Weighting
from tests import conformance
from tests.selection import each_method
from tests.toys import mlp, values, vectors

STEPS = 6


def data(rows=8):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows * STEPS, 4)).astype("float32")
    return x, generator.normal(size=(rows * STEPS, 2)).astype("float32")


def network(*extra):
    keras.utils.set_random_seed(1)
    hidden = [layers.Dense(6, activation="tanh"), layers.BatchNormalization()]
    return keras.Sequential([keras.Input((4,)), *hidden, *extra, layers.Dense(2)])


def small_network():
    """Of few variables, as PyTorch's compiler traces what the optimizer does with each."""
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((4,)), layers.BatchNormalization(), layers.Dense(2)])


def wrapped(model, method="sam", num_batch_splits=None, log_sharpness=False, **arguments):
    """A compiled SAMModel, with which a method acts and rests in the first steps already."""
    chosen = conformance.short(method) if isinstance(method, str) else method
    sam = keras_sam.SAMModel(model, None, chosen, num_batch_splits, log_sharpness)
    is_plain = chosen.descent.needs_plain_sgd
    optimizer = keras.optimizers.SGD(0.1, momentum=0.0 if is_plain else 0.9)
    sam.compile(optimizer, loss="mse", **arguments)
    return sam


def trained(method, num_batch_splits=None, rows=11, **arguments):
    """Weights and logs after an epoch in batches of 8, the last of them smaller."""
    model = small_network()
    sam = wrapped(model, method, num_batch_splits, log_sharpness=True, **arguments)
    x, y = data()
    logs = sam.fit(x[:rows], y[:rows], batch_size=8, shuffle=False, verbose=0).history
    return values(model.variables), logs


def assert_same(left, right):
    for a, b in zip(left[0], right[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    for name in right[1]:
        np.testing.assert_allclose(left[1][name], right[1][name], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("method", "num_batch_splits"), [("sam", 2), ("periodic", None)])
def test_several_steps_per_execution(method, num_batch_splits, backend):
    if backend == "torch":
        pytest.skip("Keras refuses steps_per_execution above 1 on PyTorch")
    together = trained(method, num_batch_splits, rows=45, steps_per_execution=2)
    assert_same(together, trained(method, num_batch_splits, rows=45))


WAYS = [("sam", None), ("periodic", 2), ("second_order", None)]
if keras.backend.backend() != "tensorflow":
    del WAYS[1:]  # Eager steps take long on JAX, and compiling them on PyTorch: one stands for all.


@pytest.fixture
def captured(backend, monkeypatch):
    """Has PyTorch run the graphs that it finds as they are: to make C++ of them takes a minute."""
    if backend == "torch":
        import torch

        monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))


@pytest.mark.parametrize(("method", "num_batch_splits"), WAYS)
def test_eager_graph_and_compiled_steps_agree(method, num_batch_splits, backend, captured):
    # PyTorch looks for its graphs anew in a last batch that is smaller.
    options = {"num_batch_splits": num_batch_splits, "rows": 16 if backend == "torch" else 11}
    eager = trained(method, run_eagerly=True, **options)
    if backend == "tensorflow":
        assert_same(trained(method, jit_compile=False, **options), eager)
    assert_same(trained(method, jit_compile=True, **options), eager)


class Count(layers.Layer):
    """Counts its calls in Python, and its training passes at run time."""

    def __init__(self):
        super().__init__()
        self.calls = 0
        self.passes = 0

    def count(self, *_):
        self.passes += 1

    def call(self, x, training=False):
        self.calls += 1
        return self.observed(x) if training else x

    def observed(self, x):
        """`x`, once `count` has been told; in the backend's own way."""
        if keras.backend.backend() == "jax":
            import jax

            jax.debug.callback(self.count)
        elif keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            # Part of the value, or an unused observer would be pruned from the graph.
            zero = tf.numpy_function(lambda: (self.count(), np.float32(0))[1], [], tf.float32)
            return x + tf.stop_gradient(tf.ensure_shape(zero, ()))
        else:
            self.count()
        return x


def passes_per_step(method, num_batch_splits=None):
    """How often the model really ran in each of four training steps; no later one retraces."""
    counter = Count()
    # XLA has no place for Python code on TensorFlow.
    jit_compile = "auto" if keras.backend.backend() == "jax" else False
    model = conformance.suited(method, network(counter))
    sam = wrapped(model, method, num_batch_splits, jit_compile=jit_compile)
    x, y = data()
    passes, calls = [0], []
    for start in range(0, 32, 8):
        sam.train_on_batch(x[start : start + 8], y[start : start + 8])
        if keras.backend.backend() == "jax":
            import jax

            jax.effects_barrier()
        passes.append(counter.passes)
        calls.append(counter.calls)
    if keras.backend.backend() != "torch":
        assert len(set(calls)) == 1
    return [after - before for before, after in itertools.pairwise(passes)]


@pytest.mark.parametrize("name", each_method())
def test_passes_are_what_the_registry_says(name):
    """The Fisher information of single examples is in inference mode, which is not counted."""
    row = conformance.ROWS[name]
    assert passes_per_step(row.name) == passes_of(row)


def passes_of(row):
    """Of a policy, with a threshold that no gradient misses; the other one is below."""
    options = {**row.own_options, **row.brief}
    return [row.cost.passes(options, step) for step in range(4)]


@pytest.mark.parametrize("name", ["ae_sam", "ao_sam"])
def test_passes_that_a_policy_skips_do_not_run(name):
    never = keras_sam.methods.get(name, l1=1e9, l2=1e9)
    assert passes_per_step(never) == [1, 1, 1, 1]


def test_part_of_the_batch_is_all_that_the_ascent_evaluates():
    rows = []

    class Rows(layers.Layer):
        def call(self, x):
            rows.append(x.shape[0])
            return x

    passes_of_rows = keras_sam.methods.get("sam", ascent_fraction=0.25)
    sam = wrapped(network(Rows()), passes_of_rows)
    x, y = data()
    rows.clear()  # Of the building of the model.
    sam.train_on_batch(x[:8], y[:8])
    assert rows[-2:] == [2, 8]


@pytest.mark.parametrize("method", ["periodic", "late"])
def test_passes_that_are_skipped_do_not_run_on_micro_batches(method):
    once = passes_of(conformance.ROWS[method])
    assert passes_per_step(method, 2) == [2 * passes for passes in once]


@pytest.mark.parametrize("method", ["sam", "periodic"])
def test_second_fit_does_not_retrace(method, backend):
    if backend == "torch":
        pytest.skip("PyTorch does not trace: the model runs in Python on every step")
    counter = Count()
    counter.observed = lambda x: x
    sam = wrapped(network(counter), method)
    x, y = data()
    sam.fit(x, y, batch_size=8, epochs=1, verbose=0)
    traced = counter.calls
    sam.fit(x, y, batch_size=8, epochs=2, verbose=0)
    assert counter.calls == traced > 0


@pytest.mark.parametrize("is_fit", [True, False])
def test_the_first_step_is_traced_once(is_fit, backend):
    """Optimizers and metrics make their variables before it, not on its way."""
    if backend == "torch":
        pytest.skip("PyTorch does not trace: the model runs in Python on every step")
    sam = keras_sam.SAMModel(mlp())
    sam.compile(keras.optimizers.SGD(0.1, momentum=0.5), "mse", metrics=["mae"])
    traced, update = [], sam.compute_update
    sam.compute_update = lambda batch: traced.append(1) or update(batch)
    _ = sam.fit(*vectors(), verbose=0) if is_fit else sam.train_on_batch(*vectors())
    assert len(traced) == 1


@pytest.fixture
def alive(backend, monkeypatch):
    """How many of all gradients so far are still there as a pass begins: list, one entry a pass."""
    if backend != "torch":
        pytest.skip("a compiler frees what a program does not use again")
    found, counts = [], []

    def watched(function, tensors):
        counts.append(sum(reference() is not None for reference in found))
        value, others, gradients = value_and_gradient(function, tensors)
        found.extend(map(weakref.ref, gradients))
        return value, others, gradients

    def shared(weighting, gradients, factor):
        shares = scaled(weighting, gradients, factor)
        found.extend(map(weakref.ref, shares))
        return shares

    value_and_gradient, scaled = active.value_and_gradient, Weighting.scaled
    monkeypatch.setattr(active, "value_and_gradient", watched)
    monkeypatch.setattr(Weighting, "scaled", shared)
    return counts


# `periodic` has a branch, and the first step takes it.
@pytest.mark.parametrize(
    ("method", "is_kept"), [("sam", False), ("periodic", False), ("gsam", True)]
)
def test_pytorch_gets_the_clean_gradients_back_before_the_second_pass(method, is_kept, alive):
    passes_per_step(method)
    assert alive[0] == 0 and bool(alive[1]) == is_kept


@pytest.mark.skipif(
    keras.__version__.startswith("3.13."), reason="its trees keep them until Python collects them"
)
@pytest.mark.parametrize("method", ["sam", "gsam"])
def test_pytorch_gets_the_gradients_of_a_micro_batch_back_before_the_next_one(method, alive):
    passes_per_step(method, num_batch_splits=4)
    first, second, *later = alive[:8:2]
    assert first == 0 and second > 0  # The sum so far is the first share itself.
    assert later == [0, 0]


def test_tensorflow_begins_a_micro_batch_when_the_one_before_is_done(backend):
    """It would else hold the activations of all of them at once."""
    if backend != "tensorflow":
        pytest.skip("PyTorch has an order, XLA its own")
    import tensorflow as tf

    model = wrapped(network(), num_batch_splits=3)
    x, y = data(2)
    model.make_variables((x, y))
    step = tf.function(lambda x, y: model.compute_update((x, y))[0].gradients)
    operations = step.get_concrete_function(x, y).graph.get_operations()
    waiting = [
        operation.control_inputs
        for operation in operations
        if operation.type == "Identity" and operation.inputs[0].op.type == "StridedSlice"
    ]
    assert len(waiting) == 4  # Inputs and targets of the second and the third.
    assert all(len(waited_for) >= len(model.trainable_variables) for waited_for in waiting)
