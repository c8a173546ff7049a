"""A `SAMModel` shows the model that it trains: weights, files, layers, and what it lacks."""

import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from keras_sam import methods
from tests.toys import mlp, noisy_mlp, twin, values, vectors


def fitted(model, epochs=1):
    """`model`, compiled and trained on a few batches."""
    x, y = vectors(8)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    model.fit(x, y, batch_size=4, epochs=epochs, shuffle=False, verbose=0)
    return model


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(values(left), values(right), strict=True))


def test_weights_are_those_of_the_base_model():
    base_model = noisy_mlp()
    sam = keras_sam.SAMModel(base_model, method="ae_sam")
    fitted(sam)
    assert [id(v) for v in sam.weights] == [id(v) for v in base_model.weights]
    assert sam.count_params() == base_model.count_params()
    plain = twin(base_model)
    sam.set_weights(plain.get_weights())
    assert all(map(np.array_equal, sam.get_weights(), base_model.get_weights()))
    known = {id(v) for v in sam.variables}
    assert {id(sam.rho), *map(id, keras.tree.flatten(sam.memory.state))} <= known


@pytest.mark.parametrize("method", ["sam", "looksam", "ssam_f"])
def test_a_file_of_weights_goes_to_the_plain_model_and_back(method, tmp_path):
    sam = fitted(keras_sam.SAMModel(noisy_mlp(), method=method))
    plain = twin(sam.base_model)
    plain.compile(keras.optimizers.Adam(0.01), "mse")
    plain.optimizer.build(plain.trainable_variables)
    sam.save_weights(tmp_path / "sam.weights.h5")
    plain.load_weights(tmp_path / "sam.weights.h5")
    assert same(plain.weights, sam.base_model.weights)
    assert same(plain.optimizer.variables, sam.optimizer.variables)

    other = fitted(keras_sam.SAMModel(noisy_mlp(), method=method, rho=0.5), epochs=2)
    state = values(other.memory.variables) if other.memory else []
    fitted(plain).save_weights(tmp_path / "plain.weights.h5")
    other.load_weights(tmp_path / "plain.weights.h5")
    assert same(other.weights, plain.weights) and float(other.rho) == 0.5
    assert not other.memory or all(map(np.array_equal, values(other.memory.variables), state))


@pytest.mark.parametrize("method", ["looksam", "sampa", "ssam_f"])
def test_a_file_of_weights_has_all_that_training_needs(method, tmp_path):
    sam = fitted(keras_sam.SAMModel(noisy_mlp(), method=method))
    sam.rho = 0.3
    sam.save_weights(tmp_path / "sam.weights.h5")
    other = fitted(keras_sam.SAMModel(noisy_mlp(), method=method), epochs=2)
    other.load_weights(tmp_path / "sam.weights.h5")
    assert same(other.variables, sam.variables)
    assert same(other.optimizer.variables, sam.optimizer.variables)


@pytest.mark.once
def test_the_legacy_format_is_refused(tmp_path):
    sam = keras_sam.SAMModel(mlp())
    with pytest.raises(
        ValueError, match=r"must be a path that ends in \.keras.*Received: filepath="
    ):
        sam.save(tmp_path / "model.h5")


def test_a_file_of_an_older_version_is_loaded(tmp_path):
    sam = fitted(keras_sam.SAMModel(noisy_mlp(), method="looksam"))
    keras.Model.save_weights(sam, tmp_path / "older.weights.h5")  # The base model as a part.
    other = fitted(keras_sam.SAMModel(noisy_mlp(), method="looksam"), epochs=2)
    other.load_weights(tmp_path / "older.weights.h5")
    assert same(other.variables, sam.variables)


@pytest.mark.once
def test_a_whole_file_has_the_state_where_older_versions_have_it(tmp_path):
    sam = fitted(keras_sam.SAMModel(noisy_mlp(), method="looksam"))
    sam.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        archive.extract("model.weights.h5", tmp_path)
    with h5py.File(tmp_path / "model.weights.h5") as file:
        assert "layers/memory/vars/0" in file and "base_model/layers" in file
    assert sam.layers == sam.base_model.layers


@pytest.mark.once
def test_weights_of_another_model_are_refused_as_keras_refuses_them(tmp_path):
    fitted(mlp()).save_weights(tmp_path / "mlp.weights.h5")
    small = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    with pytest.raises(ValueError, match="could not be loaded"):
        keras_sam.SAMModel(small).load_weights(tmp_path / "mlp.weights.h5")
    with pytest.warns(UserWarning, match="could not be loaded"):
        keras_sam.SAMModel(small).load_weights(tmp_path / "mlp.weights.h5", skip_mismatch=True)


@pytest.mark.once
def test_layers_and_shapes_are_those_of_the_base_model():
    base_model = mlp()
    sam = keras_sam.SAMModel(base_model)
    assert sam.layers == base_model.layers
    assert sam.get_layer(index=0) is base_model.layers[0]
    for name in ("inputs", "outputs", "input_shape", "output_shape"):
        assert getattr(sam, name) == getattr(base_model, name)
    with pytest.raises(AttributeError, match="'Sequential' object has no attribute 'encoder'"):
        _ = sam.encoder
    base_model.encoder = 3
    assert sam.encoder == 3


@pytest.mark.once
def test_summary_has_the_optimizer_and_a_line_for_the_method():
    lines = []
    sam = fitted(keras_sam.SAMModel(mlp(), method="asam"))
    sam.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "Optimizer params" in text and lines[-1].startswith(" Trained with: ASAM(rho=0.5, p=2")


def test_exports_are_those_of_the_base_model(tmp_path, backend):
    sam = fitted(keras_sam.SAMModel(mlp()))
    ending = {"tensorflow": "tf_saved_model", "jax": "onnx", "torch": "torch"}[backend]
    file = str(tmp_path / ("model.pt2" if ending == "torch" else "model"))
    try:
        sam.base_model.export(file, format=ending, verbose=False)
    except (ImportError, ValueError) as plain:  # A package or format is missing.
        with pytest.raises(type(plain)) as ours:
            sam.export(file, format=ending, verbose=False)
        assert str(ours.value) == str(plain)
        return
    sam.export(file, format=ending, verbose=False)
    if backend == "tensorflow":
        x, _ = vectors(3)
        served = keras.layers.TFSMLayer(file, call_endpoint="serve")(x)
        np.testing.assert_allclose(served, sam.predict(x, verbose=0), atol=1e-5)


class Masked(keras.Model):
    """Takes arguments of its own."""

    def __init__(self):
        super().__init__()
        self.supports_masking = True
        self.dense = layers.Dense(2)

    def call(self, inputs, mask=None, twice=False):
        outputs = self.dense(inputs)
        outputs = outputs if mask is None else outputs * keras.ops.cast(mask, "float32")[:, None]
        return 2 * outputs if twice else outputs


def test_call_takes_what_the_base_model_takes():
    x, _ = vectors(4)
    base_model = Masked()
    once = keras.ops.convert_to_numpy(base_model(x))
    sam = keras_sam.SAMModel(base_model)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(sam(x, twice=True)), 2 * once, rtol=1e-6)
    masked = sam(x, mask=np.array([True, False, True, False]))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(masked)[1::2], 0.0)


def test_a_model_without_trainable_weights_warns_as_keras_does(backend):
    x, y = vectors(4)
    base_model = mlp()
    base_model.trainable = False
    sam = keras_sam.SAMModel(base_model)
    sam.compile("sgd", "mse")
    before = sam.get_weights()
    if backend == "jax":  # Keras does not say it there.
        sam.fit(x, y, verbose=0)
    else:
        with pytest.warns(UserWarning, match="does not have any trainable weights"):
            sam.fit(x, y, verbose=0)
    assert all(map(np.array_equal, sam.get_weights(), before))

    base_model.trainable = True
    sam.compile("sgd", "mse")
    sam.fit(x, y, verbose=0)
    assert not all(map(np.array_equal, sam.get_weights(), before))


@pytest.mark.once
def test_a_sam_model_is_no_layer():
    sam = keras_sam.SAMModel(mlp())
    with pytest.raises(ValueError, match=r"no layer of another one.*Received: "):
        keras.Sequential([keras.Input((4,)), sam])
    outer = Masked()
    outer.inner = sam
    with pytest.raises(ValueError, match=r"no part of another one.*Received: "):
        keras_sam.SAMModel(outer)


@pytest.mark.once
def test_what_cannot_be_changed_or_meant_is_said():
    sam = keras_sam.SAMModel(mlp())
    with pytest.raises(AttributeError, match=r"build another one.*Received: method='asam'"):
        sam.method = "asam"
    with pytest.raises(ValueError, match=r"an optimizer into compile.*Received: rho='adam'"):
        keras_sam.SAMModel(mlp(), "adam")
    with pytest.raises(TypeError, match=r"call it: method=SAM\(\).*Received: "):
        keras_sam.SAMModel(mlp(), method=methods.SAM)
    with pytest.raises(ValueError, match=r"Options go with a method.*Received: .*eta=0.1"):
        keras_sam.SAMModel(mlp(), method=methods.ASAM(), eta=0.1)
    assert keras_sam.SAMModel(mlp(), method="asam", eta=0.1).method.ascent.eta == 0.1


@pytest.mark.once
def test_a_repr_says_what_a_thing_is():
    assert repr(methods.SAM()) == "SAM(rho=0.05, p=2)"
    rare = methods.SAM(keras.optimizers.schedules.CosineDecay(0.1, 10), mask="kernels", every=3)
    assert repr(rare) == "SAM(rho=CosineDecay, p=2, mask='kernels', every=3)"
    assert all("<" not in repr(methods.get(name)) for name in methods.list())
    own = methods.Method(name="own")
    assert repr(own) == "own(rho=0.05, p=2)"
    base_model = mlp()
    assert repr(
        keras_sam.SAMModel(base_model)
    ) == f"SAMModel({base_model!r}, method={own!r})".replace("own", "SAM")


def trained(method, start=0, **options):
    sam = keras_sam.SAMModel(mlp(), method=method, **options)
    sam.compile("sgd", "mse")
    sam.optimizer.iterations.assign(start)
    sam.fit(*vectors(8), batch_size=4, epochs=2, verbose=0)
    return sam


@pytest.mark.parametrize(
    ("method", "start", "updates"),
    [
        ("late", 0, "0 to 3"),
        ("late", 996, "996 to 999"),
        ("periodic", 1, "1 to 4"),
        (methods.AESAM(l1=1e9, l2=1e9), 0, "0 to 3"),
    ],
    ids=repr,
)
def test_a_method_that_never_acted_is_said(method, start, updates):
    with pytest.warns(UserWarning, match=rf"none of the updates {updates}: .*Received: "):
        trained(method, start)


@pytest.mark.filterwarnings("error:(rho was 0|The method acted on none):UserWarning")
@pytest.mark.parametrize(
    ("method", "start"), [("late", 997), ("periodic", 2), ("sam", 0), ("ae_sam", 0)]
)
def test_a_method_that_acted_is_not(method, start):
    trained(method, start)


def test_a_radius_of_zero_is_said():
    with pytest.warns(UserWarning, match=r"rho was 0 .*Received: SAM\(rho=0, p=2\)"):
        trained("sam", rho=0.0)


@pytest.mark.once
@pytest.mark.parametrize("options", [{}, {"every": 3}, {"start": 4}, {"every": 3, "start": 4}])
def test_the_next_update_to_act_on_is_the_next_that_is_due(options):
    method = methods.SAM(**options)
    due = [i for i in range(20) if method.is_due(i) is True or bool(method.is_due(i))]
    assert [method.next_due(i) for i in range(10)] == [
        min(d for d in due if d >= i) for i in range(10)
    ]


@pytest.mark.once
def test_data_results_and_the_package_show_what_they_hold():
    data = keras_sam.datasets.digits(num_train=20, num_test=10)
    parts = "20 training and 10 test images of shape (8, 8, 1), 10 classes"
    assert repr(data) == f"Dataset('digits', {parts})"
    rise = keras_sam.sharpness.Sharpness(0.5, 0.25, np.ones(2), np.ones(2, "int32"))
    expected = "Sharpness(value=0.5, standard_error=0.25, values=float64 (2,), sizes=int32 (2,))"
    assert repr(rise) == expected
    assert dir(keras_sam) == keras_sam.__all__
    line = keras_sam.sharpness.Landscape(np.zeros(3), (np.arange(3),), ("step",))
    figure = keras_sam.sharpness.plots.profiles({"line": line})
    assert figure._repr_png_()[1:4] == b"PNG"  # What a notebook shows.
