"""Examples dealt out to clients."""

import numpy as np
import pytest

from keras_sam.federated import dirichlet_parts

pytestmark = pytest.mark.once
LABELS = np.random.default_rng(0).integers(0, 10, 1000)


def test_each_example_is_dealt_out_once_and_the_same_way_again():
    parts = dirichlet_parts(LABELS, 20, 0.1, seed=3, least=1)
    assert sorted(np.concatenate(parts)) == list(range(1000))
    again = dirichlet_parts(LABELS, 20, 0.1, seed=3, least=1)
    assert all(np.array_equal(part, other) for part, other in zip(parts, again))


def test_a_small_alpha_leaves_a_client_few_classes():
    def classes(alpha):
        parts = dirichlet_parts(LABELS, 10, alpha, least=1)
        return np.mean([len(np.unique(LABELS[part])) for part in parts])

    assert classes(0.05) < 5 and classes(100.0) == 10


def test_clients_without_enough_examples_are_refused():
    with pytest.raises(ValueError, match=r"fewer than 10 of the 50 examples.*Received: clients=20"):
        dirichlet_parts(LABELS[:50], 20, 0.1)
