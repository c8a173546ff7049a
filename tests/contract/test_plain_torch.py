"""Plain PyTorch modules: the same numbers as by hand, and nothing left behind."""

import keras
import numpy as np
import pytest

import keras_sam

torch = pytest.importorskip("torch")
if keras.backend.backend() != "torch":
    pytest.skip("plain modules are PyTorch's", allow_module_level=True)

nn = torch.nn


def network():
    """A classifier with BatchNorm and dropout."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3)
    )


def data():
    torch.manual_seed(2)
    return torch.randn(16, 4), torch.randint(0, 3, (16,))


def loss_of(module):
    x, y = data()
    return lambda: nn.functional.cross_entropy(module(x), y)


def by_hand(module, rho):
    """SAM's gradients, its parameters perturbed in place and the same masks in both passes."""
    parameters, loss_fn = list(module.parameters()), loss_of(module)
    state = torch.get_rng_state()
    clean = torch.autograd.grad(loss_fn(), parameters)
    later = torch.get_rng_state()
    norm = torch.sqrt(sum((g**2).sum() for g in clean))
    with torch.no_grad():
        for parameter, gradient in zip(parameters, clean):
            parameter += rho * gradient / norm
    torch.set_rng_state(state)
    for layer in module:
        if isinstance(layer, nn.BatchNorm1d):
            layer.momentum = 0.0
    gradients = torch.autograd.grad(loss_fn(), parameters)
    torch.set_rng_state(later)
    return gradients


@pytest.mark.parametrize("whole", [True, False], ids=["module", "parameters"])
def test_gradients_are_those_by_hand(whole):
    module, other = network(), network()
    before = [parameter.detach().clone() for parameter in module.parameters()]
    step = keras_sam.SAMStep(module if whole else module.parameters(), rho=0.5)
    torch.manual_seed(5)
    gradients = step.gradients(loss_of(module))[1]
    torch.manual_seed(5)
    expected = by_hand(other, 0.5)
    for parameter, start, gradient, hand in zip(
        module.parameters(), before, gradients, expected, strict=True
    ):
        assert torch.equal(parameter, start) and torch.equal(parameter.grad, gradient)
        np.testing.assert_allclose(gradient, hand, rtol=1e-4, atol=1e-6)
    if whole:  # Statistics, and how often they were taken, are of the first evaluation.
        for mine, theirs in zip(module.buffers(), other.buffers(), strict=True):
            if mine.dim():
                np.testing.assert_allclose(mine, theirs, rtol=1e-5)
            else:
                assert int(mine) == 1


@pytest.mark.parametrize("name", ["sam", "wsam", "opt_sam", "looksam", "ae_sam", "second_order"])
def test_methods_train_with_an_optimizer_of_pytorch(name):
    module = network()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    step = keras_sam.SAMStep(module, name, rho=0.05)
    losses = [float(step.minimize(loss_of(module), optimizer)[0]) for _ in range(30)]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    assert int(step.steps) == 30


def test_roles_are_those_of_the_layers():
    module = nn.ModuleList([nn.Embedding(5, 2), nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(3, 4, 3)])
    module.append(nn.LayerNorm(4))
    roles = [
        (role.kind, role.in_normalization, role.filter_axes)
        for role in keras_sam.SAMStep(module).roles
    ]
    kernels = [("kernel", False, (0,)), ("kernel", False, (1,))]
    bias = ("bias", False, ())
    normalization = [("scale", True, ()), ("bias", True, ())]
    assert roles == [("embedding", False, (0,)), kernels[0], bias, kernels[1], bias, *normalization]
    with pytest.raises(ValueError, match="mask must leave at least one"):
        keras_sam.SAMStep(nn.Linear(2, 2), "sam_on")


def test_frozen_parameters_stay():
    module = network()
    module[0].requires_grad_(False)
    frozen = module[0].weight.detach().clone()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    keras_sam.SAMStep(module).minimize(loss_of(module), optimizer)
    assert torch.equal(module[0].weight, frozen) and module[0].weight.grad is None
