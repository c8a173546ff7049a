"""One gradient of another scale leaves no mark on what a method remembers."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_sam
from keras_sam import methods
from keras_sam.policy import GradientNormPolicy
from keras_sam.training.carriers import Context
from tests import conformance
from tests.toys import mlp, values, vectors

pytestmark = pytest.mark.once

SIZES = [1e3, 1e6, 1e10, 1e15, 1e19, 1e25, float("inf"), float("nan")]
NORMS = np.exp(np.random.default_rng(0).normal(0, 0.4, 80)).astype("float32")


def decisions(norms, policy=None):
    """On which of these lengths of the gradient a policy acts, and its mean at the end."""
    policy = GradientNormPolicy() if policy is None else policy
    state = {name: keras.Variable(0.0) for name in policy.slots()}
    optimizer = keras.optimizers.SGD()
    acted = [
        bool(policy.acts([ops.convert_to_tensor([norm])], Context(0.1, optimizer, state)))
        for norm in np.float32(norms)
    ]
    assert all(np.isfinite(values(state.values())))
    return acted, float(values([state["square_norm_mean"]])[0])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("at", [0, 1, 29])
def test_policy_acts_after_a_spike_as_without_it(size, at):
    after, _ = decisions([*NORMS[:at], size, *NORMS[at:]])
    without, _ = decisions(NORMS)
    assert after[:at] + after[at + 1 :] == without


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.99])
def test_policy_forgets_two_spikes_in_a_row(decay):
    """They are set aside, or the statistics start again: they are not full of them for long."""
    policy = GradientNormPolicy(decay=decay)
    acted, mean = decisions([*NORMS[:30], 1e9, 1.1e9, *NORMS[:50]], policy)
    assert mean < 10 and 10 < sum(acted[32:])


@pytest.mark.parametrize("factor", [50, 1e4, 1e8])
def test_policy_learns_a_scale_that_lasts(factor):
    """Within some thirty steps it acts as it would have, had the scale never been another one."""
    changed, mean = decisions([*NORMS[:20], *(factor * NORMS)])
    always, expected = decisions(factor * NORMS)
    assert changed[50:] == always[30:]
    assert mean == pytest.approx(expected, rel=0.01)


def acts(name, spike):
    """How often a method acts in the fifty clean steps of a training after a spiked label."""
    keras.utils.set_random_seed(0)
    sam = keras_sam.SAMModel(mlp(), method=name, log_sharpness=True)
    sam.compile(keras.optimizers.SGD(0.002, clipvalue=1.0), "mse")
    x, y = vectors(8 * 71)
    y[8 * 20] = y[8 * 20] if spike is None else spike
    logs = [
        sam.train_on_batch(x[i : i + 8], y[i : i + 8], return_dict=True)
        for i in range(0, len(x), 8)
    ]
    assert all(np.isfinite(value).all() for value in values(sam.variables))
    return sum(line["perturbation_norm"] > 0 for line in logs[21:])


@pytest.mark.parametrize("name", ["ae_sam", "ao_sam"])
def test_training_acts_after_a_spike_as_often_as_without_it(name):
    without = acts(name, None)
    assert 5 < without < 45
    for spike in (1e10, 1e25):
        assert acts(name, spike) == pytest.approx(without, rel=0.1)


AHEAD = ["ao_sam", "opt_sam", "sampa", methods.SAMPa(momentum=0.9)]


@pytest.mark.parametrize("method", AHEAD)
@pytest.mark.parametrize("spike", [1e6, 1e15, 1e25])
def test_no_step_looks_ahead_along_a_spike(method, spike):
    """It would lead far away: to a longer gradient, and to NaN where SGD's weights are finite."""
    sam = keras_sam.SAMModel(mlp(), method=method)
    sam.compile(keras.optimizers.SGD(0.01, clipvalue=1.0), "mse")
    x, y = vectors()
    losses = [
        sam.train_on_batch(x, y * (spike if step in (4, 5) else 1), return_dict=True)["loss"]
        for step in range(12)
    ]
    assert all(np.isfinite(value).all() for value in values(sam.variables))
    assert max(losses[6:]) < 2 * losses[3]


@pytest.mark.parametrize("name", conformance.NAMES)
def test_training_goes_on_after_spikes_where_it_skips(name):
    """Some spikes are skipped and some are clipped; none makes the clean steps after it NaN."""
    method = conformance.short(name)
    model = conformance.suited(name, mlp())
    sam = keras_sam.SAMModel(model, method=method, skip_nonfinite=True)
    sam.compile(conformance.optimizer(method, 0.01, clipvalue=1.0), "mse")
    x, y = vectors()
    for spike in (1, 1, 1e20, 1, 1e25, 1, 1):
        sam.train_on_batch(x, y * spike)
    assert all(np.isfinite(value).all() for value in values(sam.variables))
    assert int(sam.optimizer.iterations) >= 5
