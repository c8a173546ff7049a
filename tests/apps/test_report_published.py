"""The published figures: the numbers, and which of them stand beside a run."""

import pytest
from _published import FIGURES
from _report_published import READINGS, differences, experiment_of, published

from .reported import SETTINGS

SAM = SETTINGS | {"method": "sam", "rho": 0.05}


def texts(**settings):
    return [figure.text for figure in published(SAM | settings)]


def test_every_table_is_there():
    counts = {name: sum(f.experiment == name for f in FIGURES) for name in READINGS}
    # E1: 5 networks x 3 augmentations x 2 data sets x 2 methods; E7 is a reading only.
    assert counts == dict(zip(READINGS, (60, 18, 36, 27, 12, 2, 0, 2, 3)))
    assert all(0 < figure.accuracy < 100 for figure in FIGURES)


def test_gains_of_e6_are_those_of_its_seeds():
    accuracies = {f.method: f.accuracy for f in FIGURES if f.experiment == "e6"}
    assert accuracies["sam"] == pytest.approx((71.22 + 70.77 + 70.98) / 3, abs=0.005)
    assert accuracies["sgd"] == pytest.approx((65.15 + 64.03 + 64.17) / 3, abs=0.005)


@pytest.mark.parametrize(
    "settings, text",
    [
        ({"model": "wide_resnet28_10", "augment": ["basic"], "epochs": 200}, "2.7±.1"),
        ({"model": "wide_resnet28_10", "augment": ["basic"], "epochs": 1500}, "2.4±.1"),
        ({"model": "wide_resnet28_10", "augment": ["basic", "autoaugment"]}, "2.1±<.1"),
        ({"model": "wide_resnet28_10", "augment": "cutout", "method": "sgd"}, "2.6±.1"),
        ({"model": "shake_shake26_2x96d", "augment": "basic", "dataset": "cifar100"}, "15.1±.1"),
        ({"model": "pyramidnet272_a200", "augment": ["basic"]}, "2.7±.1"),
        ({"model": "pyramidnet272_a200_shakedrop", "augment": ["basic"]}, "2.1±.1"),
        ({"model": "resnet101", "dataset": "imagenet", "epochs": 400}, "19.0"),
        ({"model": "EfficientNetB7", "dataset": "oxford_flowers102"}, "0.63"),
        ({"model": "EfficientNetL2", "dataset": "cars196", "method": "sgd"}, "4.93"),
        ({"model": "resnet50", "dataset": "cifar100", "epochs": 90}, "57.6"),
        ({"normalization": "batch"}, "70.99±.23"),
        ({"normalization": "none"}, "67.00±2.65"),
    ],
)
def test_settings_find_their_figure(settings, text):
    assert texts(**settings) == [text]


def test_label_noise_has_two_sources():
    found = published(SAM | {"model": "resnet32", "label_noise": 0.4})
    assert {f.source: f.text for f in found} == {
        "Foret et al. 2021": "93.4",
        "Kwon et al. 2021": "90.62",
    }


@pytest.mark.parametrize(
    "other",
    [
        {"dataset": "cifar100"},
        {"model": "resnet20"},
        {"method": "gsam"},
        {"label_noise": 0.3},
        {"augment": ["basic"]},
        {"model": None},
    ],
)
def test_another_experiment_has_no_figure(other):
    assert texts(**other) == []


def test_a_named_experiment_is_shown_beside_a_shrunken_one():
    small = SAM | {"model": "resnet20", "num_train": 5000, "epochs": 10, "batch_size": 64}
    (figure,) = published(small, "e6")
    assert figure.text == "70.99±.23"
    reasons = "; ".join(differences(small, figure))
    for part in (
        "resnet20, not ResNet-18",
        "5000 training",
        "epochs are 10, not 50",
        "batch size is 64",
    ):
        assert part in reasons


def test_the_full_experiment_has_no_difference():
    (figure,) = published(SAM | {"epochs": 50})
    assert differences(SAM | {"epochs": 50}, figure) == []
    (flowers,) = published(SAM | {"dataset": "flowers12", "model": "EfficientNetB7"}, "e3")[:1]
    assert flowers.dataset == "Flowers-102"
    assert "flowers12, not Flowers-102" in differences(SAM | {"dataset": "flowers12"}, flowers)[1]


def test_a_preset_names_its_experiment():
    assert experiment_of({"preset": "e6_sam"}) == experiment_of({"preset": "e6"}) == "e6"
    assert experiment_of({"preset": "e6"}, "e1") == "e1"
    assert experiment_of({"preset": "e6x"}) is None and experiment_of({"preset": None}) is None
