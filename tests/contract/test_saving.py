"""What is saved goes on as if nothing had happened, here and on another backend."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras.optimizers import SGD, LossScaleOptimizer, schedules

import keras_sam
from keras_sam import methods
from tests import conformance, one_backend
from tests.selection import each_method
from tests.toys import mlp, noisy_mlp, values, vectors

# Three updates an epoch: `late` begins to act in the second one.
OPTIONS = {name: row.brief for name, row in conformance.ROWS.items()} | {"late": {"start": 4}}
# Compiled: a real branch is another program than its eager run; on JAX all, as that is faster.
COMPILED = ("sam", "periodic", "late", "looksam", "ae_sam")
if keras.backend.backend() == "jax":
    COMPILED = tuple(OPTIONS)
ANOTHER_BACKEND = {"jax": "tensorflow", "tensorflow": "torch", "torch": "jax"}
SCHEDULE = schedules.PolynomialDecay(0.5, 10, 0.1)

LOAD = """
import sys
import keras, numpy as np
import keras_sam
model = keras.saving.load_model(sys.argv[1], safe_mode=True)
data = np.load(sys.argv[2])
before = model.predict(data["x"], verbose=0)
model.train_on_batch(data["x"], data["y"])
after = model.predict(data["x"], verbose=0)
iterations, rho = int(model.optimizer.iterations), float(model.rho)
np.savez(sys.argv[3], before=before, after=after, iterations=iterations, rho=rho)
"""

LOAD_BASE_MODEL = """
import sys
sys.modules["keras_sam"] = None  # Importing it would raise an ImportError.
import keras, numpy as np
model = keras.saving.load_model(sys.argv[1], safe_mode=True)
np.savez(sys.argv[3], predictions=model.predict(np.load(sys.argv[2])["x"], verbose=0))
"""


@keras.saving.register_keras_serializable(package="tests")
def is_matrix(variable):
    """A mask: weights with two axes."""
    return len(variable.shape) == 2


def same(left, right):
    """Whether two lists of variables hold the same bits."""
    return all(np.array_equal(a, b) for a, b in zip(values(left), values(right), strict=True))


def compiled(sam, run_eagerly=True):
    """`sam`, compiled; eagerly, as what is saved does not depend on it, and it takes a fraction."""
    needs_sgd = sam.method.descent.needs_plain_sgd
    optimizer = SGD(0.01) if needs_sgd else keras.optimizers.Adam(0.01)
    sam.compile(optimizer, "mse", metrics=["mae"], run_eagerly=run_eagerly)
    return sam


def run_python(code, backend, *arguments):
    """Arrays that a new process with another backend writes, and reads the model and data."""
    output = arguments[0].with_suffix(".out.npz")
    command = [sys.executable, "-c", code, *map(str, arguments), str(output)]
    pipes = {"capture_output": True, "text": True}
    done = subprocess.run(command, env=one_backend.environment(backend), timeout=300, **pipes)
    assert done.returncode == 0, done.stderr
    return np.load(output)


# Keras's files have adapters of LoRA merged, and those of a loaded model are zeros.
@pytest.mark.parametrize("name", each_method(but=conformance.OF_LORA))
def test_resumed_training_is_the_same_bit_for_bit(name, tmp_path):
    x, y = vectors(12)
    method = methods.get(name, **OPTIONS[name])
    sam = keras_sam.SAMModel(noisy_mlp(), method=method, log_sharpness=True)
    compiled(sam, run_eagerly=name not in COMPILED)
    fitting = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}
    saving = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    whole = sam.fit(x, y, callbacks=[saving], **fitting).history

    resumed = keras.saving.load_model(tmp_path / "1.keras", safe_mode=True)
    assert int(resumed.optimizer.iterations) == 3
    rest = resumed.fit(x, y, initial_epoch=1, **fitting).history
    assert rest == {key: logs[1:] for key, logs in whole.items()}
    assert same(resumed.variables, sam.variables)
    assert same(resumed.optimizer.variables, sam.optimizer.variables)
    # Whether or not it is among the variables, and has come to matter yet.
    if sam.memory is not None:
        assert same(*(keras.tree.flatten(model.memory.state) for model in (resumed, sam)))


@pytest.mark.parametrize("rho", [0.2, SCHEDULE])
def test_all_settings_survive(rho, tmp_path):
    method = methods.ASAM(rho, eta=0.02, mask=["kernels", "biases"], every=2, start=1)
    sam = compiled(keras_sam.SAMModel(mlp(), None, method, 2, log_sharpness=True, name="mine"))
    if rho is not SCHEDULE:
        sam.rho = 0.3
    sam.train_on_batch(*vectors())
    sam.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert type(loaded) is keras_sam.SAMModel
    own = ("name", "method", "num_batch_splits", "log_sharpness", "policy")
    assert [loaded.get_config()[key] for key in own] == [sam.get_config()[key] for key in own]
    assert loaded.get_compile_config() == sam.get_compile_config()
    assert float(loaded.rho) == float(sam.rho) == pytest.approx(0.46 if rho is SCHEDULE else 0.3)
    assert same(loaded.variables, sam.variables)
    assert same(loaded.optimizer.variables, sam.optimizer.variables)


def test_load_on_another_backend(backend, tmp_path):
    x, y = vectors()
    # Dropout that drops nothing: its seed is saved, but each backend draws its own masks.
    base_model = mlp(keras.layers.LayerNormalization(), keras.layers.Dropout(1e-9, seed=7))
    sam = keras_sam.SAMModel(base_model, method="asam", num_batch_splits=2)
    sam.compile(SGD(0.02, momentum=0.875), "mse")
    sam.fit(x, y, batch_size=8, epochs=2, verbose=0)
    sam.rho = 0.25
    sam.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", x=x, y=y)
    files = (tmp_path / "model.keras", tmp_path / "data.npz")
    theirs = run_python(LOAD, ANOTHER_BACKEND[backend], *files)
    np.testing.assert_allclose(theirs["before"], sam.predict(x, verbose=0), atol=1e-5)
    sam.train_on_batch(x, y)
    np.testing.assert_allclose(theirs["after"], sam.predict(x, verbose=0), atol=1e-5)
    assert (theirs["iterations"], theirs["rho"]) == (3, 0.25)


@pytest.mark.once
def test_base_model_alone_needs_no_keras_sam(backend, tmp_path):
    x, y = vectors()
    sam = compiled(keras_sam.SAMModel(noisy_mlp()))
    sam.train_on_batch(x, y)
    sam.base_model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", x=x)
    files = (tmp_path / "model.keras", tmp_path / "data.npz")
    theirs = run_python(LOAD_BASE_MODEL, backend, *files)
    np.testing.assert_allclose(theirs["predictions"], sam.predict(x, verbose=0), atol=1e-6)


def test_load_weights_into_a_new_model(tmp_path):
    sam = compiled(keras_sam.SAMModel(noisy_mlp()))
    sam.train_on_batch(*vectors())
    sam.rho = 0.25
    sam.save_weights(tmp_path / "model.weights.h5")
    new = keras_sam.SAMModel(noisy_mlp())
    assert not same(new.weights, sam.weights)
    new.load_weights(tmp_path / "model.weights.h5")
    assert same(new.weights, sam.weights)
    assert float(new.rho) == 0.25


def test_weights_of_a_method_that_keeps_a_batch_load_into_a_new_model(tmp_path):
    """The file says what the batch was like."""
    x, y = vectors()
    sam = compiled(keras_sam.SAMModel(noisy_mlp(), method="sampa"))
    sam.train_on_batch(x, y, sample_weight=y[:, 0] ** 2)
    sam.save_weights(tmp_path / "model.weights.h5")
    new = compiled(keras_sam.SAMModel(noisy_mlp(), method="sampa"))
    new.optimizer.build(new.trainable_variables)
    new.load_weights(tmp_path / "model.weights.h5")
    assert new.memory.last_batch.spec == list(sam.memory.last_batch.spec)
    assert same(new.weights, sam.weights)


@pytest.mark.filterwarnings("ignore:You are saving a model that has not yet been built")
@pytest.mark.parametrize("name", ["ae_sam", "sampa"])
@pytest.mark.parametrize("is_trained", [False, True])
def test_a_model_that_a_batch_builds_is_loaded_as_it_was(name, is_trained, tmp_path):
    x, y = vectors(4)
    sam = compiled(keras_sam.SAMModel(keras.Sequential([keras.layers.Dense(1)]), method=name))
    if is_trained:
        sam.fit(x, y, batch_size=4, verbose=0)
    sam.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert same(loaded.variables, sam.variables)


@pytest.mark.once
def test_a_kept_batch_is_known_from_the_configuration_of_older_files():
    sam = compiled(keras_sam.SAMModel(noisy_mlp(), method="sampa"))
    sam.train_on_batch(*vectors())
    spec = sam.memory.last_batch.spec
    older = keras_sam.SAMModel.from_config({**sam.get_config(), "last_batch": spec})
    assert older.memory.last_batch.spec == spec


@pytest.mark.once
@pytest.mark.parametrize("name", ["ae_sam", "ao_sam"])
def test_state_of_older_files_is_loaded_without_what_came_later(name):
    sam = compiled(keras_sam.SAMModel(noisy_mlp(), method=name))
    sam.train_on_batch(*vectors())
    before, store = values(keras.tree.flatten(sam.memory.state)), {}
    sam.memory.save_own_variables(store)
    store = {key: np.array(keras.ops.convert_to_numpy(store[key])) for key in store}
    for _ in range(2):  # The last square norm came later, and after it the count of updates.
        del store[str(len(store) - 1)]
        sam.memory.load_own_variables(store)
        for old, new in zip(before, values(keras.tree.flatten(sam.memory.state)), strict=True):
            np.testing.assert_array_equal(new, old)
    del store["0"]
    with pytest.raises(ValueError, match="variables"):
        sam.memory.load_own_variables(store)


# The base model's own optimizer has no slots before it steps, and new ones as Keras loads it.
OWN_OPTIMIZER = pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")


@OWN_OPTIMIZER
def test_compiled_base_model_lends_its_settings(tmp_path):
    """Optimizer, loss and metrics are new ones of the same settings; theirs stay untouched."""
    x, y = vectors()
    base_model = mlp()
    error = keras.metrics.MeanAbsoluteError(name="error")
    measured = {"metrics": [error], "weighted_metrics": ["mse"]}
    base_model.compile(SGD(SCHEDULE, 0.875), "mse", run_eagerly=True, **measured)
    sam = keras_sam.SAMModel(base_model)
    assert sam.optimizer is not base_model.optimizer
    logs = sam.train_on_batch(x, y, return_dict=True)
    assert set(logs) == {"loss", "error", "mse"}
    assert int(base_model.optimizer.iterations) == 0
    assert float(error.result()) == 0

    sam.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert loaded.optimizer.get_config() == base_model.optimizer.get_config()
    assert same(loaded.optimizer.variables, sam.optimizer.variables)
    assert evaluated(loaded, x, y) == pytest.approx(evaluated(sam, x, y), rel=1e-6)


def evaluated(model, x, y):
    """The metrics of one batch alone."""
    model.reset_metrics()
    return {name: float(value) for name, value in model.test_on_batch(x, y, None, True).items()}


@pytest.mark.parametrize(
    "settings",
    [
        {"run_eagerly": True},
        {"jit_compile": True},
        {"jit_compile": False},
        {"steps_per_execution": 2},
    ],
)
def test_how_to_run_is_adopted(settings, backend):
    if backend == "torch" and "steps_per_execution" in settings:
        pytest.skip("Keras refuses steps_per_execution on PyTorch")
    base_model = mlp()
    base_model.compile("sgd", "mse", **settings)
    sam = keras_sam.SAMModel(base_model)
    assert {key: getattr(sam, key) for key in settings} == settings


@OWN_OPTIMIZER
@pytest.mark.parametrize("is_explicit", [True, False])
def test_loss_scaling_is_adopted_and_saved(is_explicit, tmp_path):
    base_model = mlp_in_float16()
    optimizer = LossScaleOptimizer(SGD(0.1), initial_scale=8.0) if is_explicit else SGD(0.1)
    base_model.compile(optimizer, "mse", run_eagerly=True)
    sam = keras_sam.SAMModel(base_model)
    sam.train_on_batch(*vectors())
    sam.save(tmp_path / "model.keras")
    for model in (sam, keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)):
        assert isinstance(model.optimizer, LossScaleOptimizer)
        assert isinstance(model.optimizer.inner_optimizer, SGD)
        assert same(model.optimizer.variables, sam.optimizer.variables)
    assert not is_explicit or float(sam.optimizer.scale_loss(1.0)) == 8.0


def mlp_in_float16():
    keras.config.set_dtype_policy("mixed_float16")
    model = mlp()
    keras.config.set_dtype_policy("float32")
    return model


def test_declined_loss_scaling_stays_declined(tmp_path):
    base_model = mlp_in_float16()
    base_model.compile(SGD(0.1), "mse", auto_scale_loss=False)
    sam = keras_sam.SAMModel(base_model)
    sam.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert isinstance(sam.optimizer, SGD) and isinstance(loaded.optimizer, SGD)
    assert loaded.dtype_policy == sam.dtype_policy == base_model.dtype_policy


@pytest.mark.once
@pytest.mark.parametrize("mask", [None, "kernels", ["biases", "normalization"], is_matrix])
@pytest.mark.parametrize("rho", [0.25, SCHEDULE])
@pytest.mark.parametrize("name", methods.list())
def test_methods_go_through_json(name, rho, mask):
    start = {"start": 3} if "start" in methods.options(name) else {}
    method = methods.get(name, rho=rho, mask=mask, **start)
    config = json.loads(json.dumps(methods.serialize(method)))
    copy = methods.deserialize(config)
    assert copy.get_config() == method.get_config()
    assert methods.serialize(copy) == methods.serialize(method)
    assert type(copy.ascent) is type(method.ascent) and type(copy.descent) is type(method.descent)
    assert type(copy.rho) is type(method.rho)
    assert copy.mask == method.mask
