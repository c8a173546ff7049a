"""Training by two JAX processes of two devices: the step is that of one device."""

import re

import keras
import numpy as np
import pytest

from tests.contract import jax_processes
from tests.contract.processes import KINDS, largest_difference, trained

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="keras.distribution is for Keras on JAX"
)
# A memory, and one perturbation a device; `benchmarks/processes.py` makes the table of all.
METHODS = ["friendly in parts"]
ROUNDING = 1e-4  # Of sums in another order, after some steps.


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What each of two processes ends with, from one pair of them for all tests."""
    folder = tmp_path_factory.mktemp("processes")
    return jax_processes.run(folder, [*METHODS, *jax_processes.OTHERS])


def assert_one(both, case, alone):
    """The processes end with the same bits, and with one device's numbers."""
    for kind in KINDS:
        np.testing.assert_equal(both[1][case][kind], both[0][case][kind], err_msg=kind)
        assert largest_difference(both[0][case][kind], alone[kind]) < ROUNDING, kind


@pytest.mark.parametrize("case", METHODS)
def test_processes_are_one_device(both, case):
    assert_one(both, case, jax_processes.of_method(case))


def assert_same_logs(both, case, alone):
    for found in both:
        assert found[case]["logs"].keys() == alone["logs"].keys()
        for name, expected in alone["logs"].items():
            np.testing.assert_allclose(found[case]["logs"][name], expected, 1e-4, err_msg=name)


def test_batch_norm_and_the_metrics_are_of_the_global_batch(both):
    alone = jax_processes.with_batch_norm()
    assert_one(both, "batch norm", alone)
    assert_same_logs(both, "batch norm", alone)


def test_weights_that_are_cut_up(both):
    assert_same_logs(both, "mesh", jax_processes.on_a_mesh())
    assert all(found["mesh"]["is cut"] for found in both)


def test_devices_with_parts_of_their_own_send_one_message():
    """And the metrics are those of one device, in a process as in several."""
    import jax

    arguments = {"num_batch_splits": jax_processes.DEVICES, "log_sharpness": True}
    alone = trained("sam", **arguments).history.history
    with keras.distribution.DataParallel().scope():
        sam = trained("sam", **arguments)
        state = sam._get_jax_state(True, True, True, True)
        data = [np.zeros((8, size), "float32") for size in (4, 1)]
        shardings = (None, sam._get_state_sharding_spec())
        program = jax.jit(sam.train_step, out_shardings=shardings).lower(state, data).compile()
    for name, expected in alone.items():
        np.testing.assert_allclose(sam.history.history[name], expected, 1e-4, err_msg=name)
    sent = re.findall(
        r" (all-\w+|collective-permute|reduce-scatter)(?:-start)?\(", program.as_text()
    )
    assert sent == ["all-reduce"]


def test_another_method_is_refused_in_all_processes(both):
    ending = "Received: method=sam in process 0, method=asam in process 1"
    for found in both:
        assert found["other method"].endswith(ending)
