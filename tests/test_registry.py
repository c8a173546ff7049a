"""Names and options, over the registry."""

import inspect

import keras
import pytest

import keras_sam
from keras_sam.methods.registry import ROWS

METHODS = keras_sam.methods.list()
pytestmark = pytest.mark.once


def test_issue_names_are_there():
    names = (
        "ae_sam ao_sam asam bsam cr_sam delta_sam det_sam esam fgsm friendly frob_sam gsam late "
        "lookahead_sam lookbehind looksam msam multistep mup_sam opt_sam periodic random_sam s2sam "
        "sam sam_on sampa second_order ssam_d ssam_f trace_sam wsam"
    ).split()
    assert set(names) <= set(METHODS)
    assert sorted(METHODS) == METHODS


@pytest.mark.parametrize("name", METHODS)
def test_method_bears_the_name_it_is_found_by(name):
    assert keras_sam.methods.get(name).name == name == ROWS[name].name


@pytest.mark.parametrize("name", METHODS)
def test_factory_is_public_and_documented(name):
    factory = ROWS[name].factory
    assert getattr(keras_sam.methods, factory.__name__) is factory
    assert factory.__name__ in keras_sam.methods.__all__
    assert inspect.getdoc(factory)


@pytest.mark.parametrize("name", METHODS)
def test_every_option_has_a_default_and_survives_serialisation(name):
    given = {"rho": 0.25, "mask": "kernels", "every": 3, "start": 4}
    given = {key: given[key] for key in given if key in keras_sam.methods.options(name)}
    method = keras_sam.methods.get(name, **given)
    config = keras_sam.methods.serialize(method)
    again = keras_sam.methods.deserialize(config)
    assert keras_sam.methods.serialize(again) == config
    assert {key: getattr(again, key) for key in given} == given


@pytest.mark.parametrize("name", METHODS)
def test_unknown_option_is_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match=rf"{name}.*rho.*mask.*Received: rhoo=1$"):
        keras_sam.methods.get(name, rhoo=1)


def test_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"asam.*Received: method='asm'$"):
        keras_sam.methods.get("asm")


def test_get_takes_a_method_and_a_config():
    method = keras_sam.methods.SAM(0.1)
    assert keras_sam.methods.get(method) is method
    assert keras_sam.methods.get(keras_sam.methods.serialize(method)).rho == 0.1
    with pytest.raises(ValueError, match="Received: rho"):
        keras_sam.methods.get(method, rho=0.2)
    with pytest.raises(TypeError, match="Received: method=3"):
        keras_sam.methods.get(3)


def test_deserialize_refuses_another_object():
    config = keras.saving.serialize_keras_object(keras.optimizers.SGD())
    with pytest.raises(ValueError, match="Received: config of a SGD"):
        keras_sam.methods.deserialize(config)


def test_rho_given_beside_a_method_replaces_its_own_and_leaves_it_alone():
    method = keras_sam.methods.ASAM(0.5, mask=lambda variable: True)
    base_model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model = keras_sam.SAMModel(base_model, rho=0.1, method=method)
    assert (method.rho, model.method.rho) == (0.5, 0.1)
    assert model.method.mask is method.mask
