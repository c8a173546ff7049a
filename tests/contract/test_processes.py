"""Training by two PyTorch processes: one model, whose numbers are those of one process."""

import re

import keras
import numpy as np
import pytest

import keras_sam
from tests import conformance
from tests.contract import processes
from tests.contract.processes import KINDS, largest_difference
from tests.toys import mlp, vectors

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="torch.distributed is PyTorch's"
)
# They choose among the examples of a batch: a process knows but its own.
NOT_IN_SYNC = ["delta_sam", "esam", "focal_sam", "imb_sam", "ssam_f"]
# Between a batch's parts and the processes' batches there is no difference, but for chance.
AS_PARTS = [name for name in conformance.NAMES if name not in conformance.NOT_IN_PARTS]
ROUNDING = 1e-4  # Of sums in another order, after some steps.


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What each of two processes ends with, from one pair of them for all tests."""
    return processes.run(tmp_path_factory.mktemp("processes"))


def assert_equal(both, *path):
    """The processes end with the same bits."""
    first, second = both
    for key in path:
        first, second = first[key], second[key]
    for kind in KINDS:
        np.testing.assert_equal(second[kind], first[kind], err_msg=f"{path} {kind}")


@pytest.mark.parametrize("name", conformance.NAMES)
def test_processes_end_with_the_same_bits(both, name):
    assert_equal(both, name, False)
    if name not in NOT_IN_SYNC:
        assert_equal(both, name, True)


@pytest.mark.parametrize("name", AS_PARTS)
def test_each_process_perturbs_for_its_own_batch(both, name):
    """As the micro-batches of one process do."""
    alone = processes.ends(processes.trained(name, num_batch_splits=processes.PROCESSES))
    for kind in KINDS:
        assert largest_difference(both[0][name][False][kind], alone[kind]) < ROUNDING, kind


@pytest.mark.parametrize("name", conformance.NAMES)
def test_in_sync_they_are_one_process(both, name):
    if name in NOT_IN_SYNC:
        for found in both:
            assert f"{name!r} chooses among the examples" in found[name][True]
            assert found[name][True].endswith("Received: sync_perturbation=True")
        return
    alone = processes.ends(processes.trained(name))
    for kind in KINDS:
        assert largest_difference(both[0][name][True][kind], alone[kind]) < ROUNDING, kind


def test_the_mean_of_the_perturbations_is_exact(both):
    """By hand: w = (3, 2), rho 0.05, rate 0.1, gradients (3, 4) and (6, 2), mean Hessian 1.5."""
    ascent = 0.05 / 2 * (np.array([3, 4]) / 5 + np.array([6, 2]) / np.sqrt(40))
    expected = np.array([3, 2]) - 0.1 * 1.5 * (np.array([3, 2]) + ascent)
    for found in both:
        np.testing.assert_allclose(found["mean of perturbations"], expected, rtol=1e-6)


@pytest.mark.parametrize("name", processes.IN_MEAN)
def test_with_the_mean_of_perturbations_they_end_with_the_same_bits(both, name):
    assert_equal(both, name, "mean")
    apart = largest_difference(both[0][name]["mean"]["weights"], both[0][name][False]["weights"])
    assert (apart > 0) == (name != "rwp")  # Whose chance is the same everywhere.


@pytest.mark.parametrize("name, reason", [("ae_sam", "may be alone"), ("second_order", "no mean")])
def test_a_mean_that_would_be_another_method_is_refused(name, reason):
    with pytest.raises(ValueError, match=f"{reason}.*Received: sync_perturbation='mean'"):
        keras_sam.SAMModel(mlp(), method=name, sync_perturbation="mean")


def test_batch_norm_goes_on_from_the_mean_of_the_statistics(both):
    assert_equal(both, "batch norm")
    x, _ = vectors(processes.STEPS * processes.PROCESSES * processes.SHARE)
    mean = np.zeros(4)
    for batch in x.reshape(processes.STEPS, -1, 4):
        mean = 0.99 * mean + 0.01 * batch.mean(axis=0)
    found = both[0]["batch norm"]["weights"]
    assert any(w.shape == (4,) and np.allclose(w, mean, atol=1e-6) for w in found)


@pytest.mark.parametrize("case", ["bad rows", "loss scaling"])
def test_what_is_bad_in_one_process_is_skipped_in_all(both, case):
    assert_equal(both, case)
    for found in both:
        assert found[case]["skipped"] == [1]
        assert all(np.isfinite(weight).all() for weight in found[case]["weights"])


def test_a_loader_with_a_distributed_sampler(both):
    assert_equal(both, "sampler")
    keras.utils.set_random_seed(0)
    x, y = vectors(16)
    order = np.arange(16).reshape(2, 4, 2).swapaxes(1, 2).ravel()
    sam = keras_sam.SAMModel(mlp(), rho=0.1)
    sam.compile(keras.optimizers.Adam(0.01), "mse")
    sam.fit(x[order], y[order], batch_size=8, shuffle=False, verbose=0)
    alone = processes.ends(sam)
    assert largest_difference(both[0]["sampler"]["weights"], alone["weights"]) < 1e-5


def test_one_message_a_step_and_one_more_a_pass_in_sync(both):
    for found in both:
        assert len(found["messages"][0]) == 1
        assert len(found["messages in sync"][0]) == 3
        assert len(found["messages in mean"][0]) == 2


def test_a_model_that_keras_has_wrapped_averages_once(both):
    """Its next release makes a `DistributedDataParallel` of the model before `fit`."""
    for found in both:
        assert found["messages beside DDP"][0] == found["messages"][0]
        for ours, plain in zip(found["messages beside DDP"][1], found["messages"][1], strict=True):
            np.testing.assert_equal(ours, plain)


def test_a_group_that_comes_after_compile(both):
    assert_equal(both, "late group")


@pytest.mark.parametrize(
    "case, ending",
    [
        ("other method", "method=sam in process 0, method=asam in process 1"),
        ("other rho", r"rho=0\.1 in process 0, rho=0\.2 in process 1"),
        ("other model", r"variables=.* in process 0, variables=.* in process 1"),
        ("other way", "sync_perturbation=False in process 0, .*=True in process 1"),
        ("other shard", "3 in process 0, 2 in process 1"),
        ("sharded", ".* is sharded"),
    ],
)
def test_what_does_not_fit_together_is_refused_in_all_processes(both, case, ending):
    for found in both:
        assert re.search(f"Received: {ending}$", found[case]), found[case]


def test_a_process_that_is_left_alone_ends_with_an_error(both):
    assert both[0]["death"] not in (None, "no error")


def test_without_processes_nothing_is_exchanged(monkeypatch):
    from torch import distributed

    def fail(*args, **kwargs):
        raise AssertionError("Nothing is to be exchanged.")

    for name in ("all_reduce", "all_gather_object"):
        monkeypatch.setattr(distributed, name, fail)
    for sync in (False, True):
        sam = keras_sam.SAMModel(mlp(), sync_perturbation=sync)
        sam.compile("sgd", "mse")
        sam.fit(*vectors(), verbose=0)
