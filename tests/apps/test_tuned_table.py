"""The table in which every method is tuned alike: all have as much."""

import math

import pytest

from keras_sam import methods
from keras_sam.experiments.tables import photographs, tuned

pytestmark = pytest.mark.once


def test_a_method_is_in_it_once_or_left_out_for_a_reason():
    """One that is newer than the table is named where the table is made anew."""
    names = [*tuned.METHODS, *tuned.LEFT_OUT]
    assert len(names) == len({*names} & {*methods.list()})
    assert all(tuned.LEFT_OUT.values())


def test_all_have_as_many_trials_and_the_same_fresh_seeds():
    for cell in tuned.CELLS:
        assert math.prod(map(len, cell.grid.values())) == 8, cell.name
        assert cell.seeds == tuned.FRESH and "0" not in cell.seeds


def test_on_photographs_all_have_as_many_trials_of_their_own():
    names = [cell.name for cell in photographs.METHODS_CIFAR10]
    assert names == ["sgd", *photographs.NOISY_METHODS] and len(names) == 9
    for cell in photographs.METHODS_CIFAR10:
        assert math.prod(map(len, cell.grid.values())) == 4, cell.name
        assert cell.seeds == tuned.FRESH


@pytest.mark.parametrize("name", tuned.METHODS)
def test_trials_begin_at_the_defaults(name):
    (cell,) = [cell for cell in tuned.CELLS if cell.place == {"method": name}]
    assert f"{methods.get(name).rho:g}" in cell.grid["rho"]
    if name in tuned.SECOND:
        option, default, other = tuned.SECOND[name]
        assert methods.registry.ROWS[name].own_options[option] == default != other
        methods.get(name, **{option: other})
    else:
        assert "method_arguments" not in cell.grid
