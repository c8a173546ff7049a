"""What `make test` leaves out on the second and third backend has another test in its place."""

import itertools

import pytest

import keras_sam
from keras_sam import descent, methods
from tests import conformance
from tests.selection import deterministic_methods, each_method, traits

pytestmark = pytest.mark.once


def everywhere(**options):
    """The methods whose tests run on every backend."""
    return {parameter.id for parameter in each_method(**options) if not parameter.marks}


def test_all_methods_are_there():
    assert [parameter.id for parameter in each_method()] == methods.list()
    assert "bsam" not in [parameter.id for parameter in each_method(but={"bsam"})]


def pairs(names):
    """The traits of these methods, and those that one of them has two at a time."""
    found = [traits(conformance.short(name)) for name in names]
    return {frozenset(pair) for has in found for pair in itertools.product(has, has)}


def test_every_two_traits_run_everywhere_and_plain_sam_does():
    assert pairs(everywhere()) == pairs(methods.list())
    assert "sam" in everywhere()
    without = {"sampa", "wsam"}
    rest = {*methods.list()} - without
    assert pairs(everywhere(but=without)) == pairs(rest)


def test_of_chance_every_method_that_draws_numbers_runs_everywhere():
    random = {name for name in methods.list() if conformance.short(name).is_random}
    assert random <= everywhere(of_chance=True)


def test_what_runs_once_is_compared_across_the_backends():
    assert {*methods.list()} - everywhere(of_chance=True) <= set(deterministic_methods())


@pytest.mark.parametrize(
    ("options", "trait"),
    [
        ({"every": 2}, "counts"),
        ({"start": 1}, "counts"),
        ({"policy": keras_sam.policy.GradientNormPolicy()}, "decides"),
    ],
)
def test_a_branch_is_a_trait(options, trait):
    assert trait in traits(methods.Method(**options))
    assert not traits(methods.Method())


def test_a_new_kind_of_descent_is_a_trait():
    class Displacing(descent.PerturbedGradient):
        displaces = True

    assert traits(methods.Method(descent=Displacing())) == {"displaces"}
