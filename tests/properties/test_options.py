"""Masks, options and schedules take what they should, whatever comes, and keep it."""

import json
import math

import keras
import numpy as np
import pytest
from hypothesis import strategies as st
from keras import ops

from keras_sam import methods
from keras_sam.experiments.training.entries import assignments
from keras_sam.masks import MASKS, check_mask, is_perturbed
from keras_sam.roles import roles_of
from keras_sam.schedules import FollowLearningRate, rho_at
from tests.toys import noisy_mlp

from .fuzzing import VALUES, fuzzed, refused

pytestmark = pytest.mark.once
OPTIONS = [(name, option) for name in methods.list() for option in methods.options(name)]
ROLES = roles_of(noisy_mlp())
RATES = st.floats(0, 1e3, width=32)


@fuzzed(which=st.sampled_from(OPTIONS), value=VALUES)
def test_an_option_is_refused_or_survives_saving(which, value):
    name, option = which
    if refused(lambda: methods.get(name, **{option: value})):
        return
    config = methods.serialize(methods.get(name, **{option: value}))
    again = methods.deserialize(json.loads(json.dumps(config)))
    assert json.dumps(methods.serialize(again)) == json.dumps(config)


@fuzzed(names=st.lists(st.sampled_from(list(MASKS)), min_size=1))
def test_a_list_of_masks_is_their_union(names):
    check_mask(names)
    for role in ROLES:
        assert is_perturbed(role, names) == any(is_perturbed(role, name) for name in names)


@fuzzed(mask=VALUES)
def test_a_mask_is_refused_or_chooses(mask):
    if not refused(lambda: check_mask(mask)):
        assert all(isinstance(is_perturbed(role, mask), bool) for role in ROLES)


@fuzzed(text=st.text())
def test_any_text_is_an_argument_or_refused(text):
    def read():
        (found,) = assignments("method_arguments", [text]).items()
        assert found[0] == text.partition("=")[0].strip()

    refused(read)


@fuzzed(ends=st.lists(RATES, min_size=4, max_size=4), rates=st.lists(RATES, min_size=2))
def test_a_radius_that_follows_the_rate_stays_within_its_ends_and_rises(ends, rates):
    rho_min, rho_max, lr_min, lr_max = ends
    arguments = {"rho_min": rho_min, "rho_max": rho_max, "lr_min": lr_min, "lr_max": lr_max}
    if refused(lambda: FollowLearningRate(**arguments)):
        assert rho_min > rho_max or lr_min > lr_max or lr_max == 0
        return
    schedule = FollowLearningRate(**arguments)
    found = [float(schedule.at(ops.convert_to_tensor(rate))) for rate in sorted(rates)]
    assert all(rho_min * (1 - 1e-6) <= rho <= rho_max * (1 + 1e-6) for rho in found)
    assert np.all(np.diff(found) >= -1e-6 * rho_max)
    assert FollowLearningRate.from_config(schedule.get_config()).get_config() == arguments


@fuzzed(start=st.floats(-10, 10), rate=st.floats(-2, 2), step=st.integers(0, 2**31 - 1))
def test_no_schedule_makes_a_negative_radius(start, rate, step):
    optimizer = keras.optimizers.SGD()
    optimizer.iterations.assign(step)
    schedule = keras.optimizers.schedules.PolynomialDecay(start, 1000, start * rate)
    radius = float(rho_at(schedule, optimizer))
    assert radius >= 0 and math.isfinite(radius)
