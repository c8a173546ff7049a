"""Fixtures of every test; the backend is the one that KERAS_BACKEND names."""

import functools
import gc
import os
import tempfile
from unittest import mock

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# There are as many test processes as cores: a thread for each is enough.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
# Several CPU devices for the tests of distribution, set before JAX starts; and code that is
# compiled fast rather than fast, as a test runs it only a few times.
# Its fusion emitters take more than half of the time to compile, and so do the parts of a program
# that is split.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0"
    " --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1",
)

# Many tests compile a program twice: as one is resumed, say, or for two models that are alike.
COMPILED = tempfile.TemporaryDirectory(prefix="jax_cache_")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", COMPILED.name)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

# Keras is imported where it is used: the process that hands the tests out needs none.
gc.set_threshold(20_000, 20, 20)


def _for_one_batch(function):
    """Has a method of a batch begin its metrics anew, which Keras 3.13 leaves to the caller."""

    @functools.wraps(function)
    def on_batch(self, *args, **kwargs):
        self.reset_metrics()
        return function(self, *args, **kwargs)

    return on_batch


@pytest.fixture(autouse=True, scope="session")
def collected():
    """Sets what was imported aside: to look through it for garbage takes a tenth of the time.

    So does the collection that Keras asks for when a session is cleared; Python's own goes on.
    """
    gc.collect()
    gc.freeze()
    with mock.patch("gc.collect"):
        yield


@pytest.fixture(autouse=True, scope="session")
def keras_of_today():
    """Makes up for what Keras 3.13 lacks."""
    import keras

    if keras.__version__.startswith("3.13."):
        for name in ("train_on_batch", "test_on_batch"):
            setattr(keras.Model, name, _for_one_batch(getattr(keras.Model, name)))


@pytest.fixture(autouse=True)
def seeded():
    """Every test starts from the same seed, with nothing left over from the one before."""
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    yield


# Tests of what the backend has no part in, but for those that are marked to run everywhere.
WITHOUT_BACKEND = {"apps", "datasets"}


def pytest_itemcollected(item):
    """Marks the tests that `make test` runs on the first backend alone."""
    is_without = item.path.parent.name in WITHOUT_BACKEND
    if is_without and item.get_closest_marker("everywhere") is None:
        item.add_marker(pytest.mark.once)


@pytest.fixture
def backend():
    """Name of the active backend."""
    import keras

    return keras.backend.backend()
