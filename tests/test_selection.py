"""What `make test` leaves out on the second and third backend has another test in its place."""

import pytest

import keras_sam
from keras_sam import descent, methods
from tests import conformance
from tests.selection import deterministic_methods, each_method, signature

pytestmark = pytest.mark.once


def everywhere(**options):
    """The methods whose tests run on every backend."""
    return {parameter.id for parameter in each_method(**options) if not parameter.marks}


def test_all_methods_are_there():
    assert [parameter.id for parameter in each_method()] == methods.list()
    assert "bsam" not in [parameter.id for parameter in each_method(but={"bsam"})]


def test_every_trait_runs_everywhere_and_plain_sam_shows_its_own():
    shown = {signature(conformance.short(name)) for name in everywhere()}
    assert {signature(conformance.short(name)) for name in methods.list()} == shown
    assert "sam" in everywhere()


def test_of_chance_every_method_that_draws_numbers_runs_everywhere():
    random = {name for name in methods.list() if conformance.short(name).is_random}
    assert random <= everywhere(of_chance=True)


def test_what_runs_once_is_compared_across_the_backends():
    assert {*methods.list()} - everywhere(of_chance=True) <= set(deterministic_methods())


@pytest.mark.parametrize(
    "options", [{"every": 2}, {"start": 1}, {"policy": keras_sam.policy.GradientNormPolicy()}]
)
def test_a_branch_is_a_trait(options):
    assert signature(methods.Method(**options)) != signature(methods.Method())


def test_a_new_kind_of_descent_is_another_signature():
    class Displacing(descent.PerturbedGradient):
        displaces = True

    assert signature(methods.Method(descent=Displacing())) != signature(methods.Method())
