"""The published figures: the numbers, and which of them stand beside a run."""

import pytest

from keras_sam import methods
from keras_sam.experiments.report.groups import tables
from keras_sam.experiments.report.published import (
    READINGS,
    differences,
    elsewhere,
    experiment_of,
    published,
)
from keras_sam.experiments.report.published_figures import FIGURES
from keras_sam.experiments.report.sections import sections
from keras_sam.experiments.report.table import published_text
from keras_sam.experiments.results.runs import find

from .reported import SETTINGS, make_run

SAM = SETTINGS | {"method": "sam", "rho": 0.05}


def texts(**settings):
    return [figure.text for figure in published(SAM | settings)]


def test_every_table_is_there():
    counts = {name: sum(f.experiment == name for f in FIGURES) for name in READINGS}
    # E1: 5 networks x 3 augmentations x 2 data sets x 2 methods, 2 x 2 x 2 x 2 for SVHN and
    # Fashion-MNIST; E3: 8 more with a common rho; E4: 24 of other methods; E7 is a reading only.
    assert counts == dict(zip(READINGS, (76, 18, 44, 51, 12, 2, 0, 2, 3, 0)))
    assert all(0 < figure.accuracy < 100 for figure in FIGURES)


def test_single_seeds_and_losses_are_there_with_their_mean():
    found = {(f.experiment, f.method): f for f in FIGURES if f.experiment in ("e6", "e8", "e9")}
    assert found["e6", "sgd"].seeds == (("20", 65.15), ("30", 64.03), ("40", 64.17))
    assert found["e6", "sgd"].accuracy == pytest.approx((65.15 + 64.03 + 64.17) / 3, abs=0.005)
    assert published_text([found["e6", "sam"]]).split("\n") == [
        "accuracy 70.99 ± 0.23 (Coldenhoff et al.)",
        "seed 20: 71.22, seed 30: 70.77, seed 40: 70.98",
    ]
    assert published_text([found["e8", "asam"]]).split("\n")[1:] == [
        "seed 1: 68.65, seed 2: 65.77, seed 3: 66.23",
        "training loss 27.5e-5, 25.0e-5, 24.7e-5",
    ]
    assert published_text([found["e9", "asam"]]) == "accuracy 75.74 (K. Lee)\nloss .59017"


def test_methods_that_are_not_here_are_told_beside_their_conditions():
    noisy = SAM | {"model": "resnet32", "label_noise": 0.6}
    assert {f.method: f.text for f in elsewhere(noisy)} == {
        "Bootstrap + Mixup": "87.6",
        "Bootstrap + SAM": "91.8",
        "MentorMix": "91.3",
        "MentorNet": "74.2",
        "Mixup, as its authors have it": "86.8",
        "Sanchez et al. 2019": "90.3",
    }
    assert elsewhere(SAM) == elsewhere(noisy | {"dataset": "cifar100"}) == []
    known = {"sgd", *methods.list()}
    assert all(figure.is_elsewhere or figure.method in known for figure in FIGURES)


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
        ({"model": "wide_resnet28_10", "augment": ["basic"], "dataset": "svhn"}, "1.42"),
        ({"model": "EfficientNetB7", "dataset": "oxford_flowers102"}, "0.81"),
        ({"model": "EfficientNetB7", "dataset": "oxford_flowers102", "rho": 0.1}, "0.63"),
        ({"model": "efficientnet_l2", "dataset": "oxford_flowers102"}, "0.35"),
        ({"model": "EfficientNetL2", "dataset": "cars196", "method": "sgd"}, "4.93"),
        ({"model": "resnet50", "dataset": "cifar100", "epochs": 90}, "57.6"),
        ({"normalization": "batch"}, "70.99±0.23"),
        ({"normalization": "none"}, "67.00±2.65"),
        ({"method": "asam", "model": "convnet", "batch_size": 64}, "75.74"),
    ],
)
def test_settings_find_their_figure(settings, text):
    assert texts(**settings) == [text]


def test_training_on_a_networks_labels_is_a_method_of_its_own():
    noisy = {"model": "resnet32", "label_noise": 0.6, "bootstrap_from": "runs/plain"}
    assert texts(**noisy) == ["91.8"]
    assert texts(**noisy, method="sgd") == []


@pytest.mark.parametrize("experiment", [None, "e4"])
@pytest.mark.parametrize(
    "augment, expected", [(["basic", "mixup"], ["93.0"]), (["basic"], ["84.8", "91.32"])]
)
def test_mixup_stands_beside_mixup_alone(augment, expected, experiment):
    run = {"method": "sgd", "model": "resnet32", "label_noise": 0.2, "augment": augment}
    assert [figure.text for figure in published(SETTINGS | run, experiment)] == expected


def test_fashion_mnist_has_figures():
    run = {"model": "shake_shake26_2x96d", "dataset": "fashion_mnist"}
    assert texts(**run, augment=["basic", "autoaugment"]) == ["3.59"]
    assert texts(**run, augment=["basic"], method="sgd") == ["4.37"]


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
        {"model": "resnet32", "label_noise": 0.4, "noise_kind": "pair"},
        {"model": "resnet50", "augment": ["basic", "cutmix"]},
    ],
)
def test_another_experiment_has_no_figure(other):
    assert texts(**other) == []


def test_a_named_experiment_is_shown_beside_a_shrunken_one():
    small = SAM | {"model": "resnet20", "num_train": 5000, "epochs": 10, "batch_size": 64}
    small["image_size"] = 16
    (figure,) = published(small, "e6")
    assert figure.text == "70.99±0.23"
    reasons = "; ".join(differences(small, figure))
    for part in (
        "resnet20, not ResNet-18",
        "5000 training",
        "epochs are 10, not 50",
        "batch size is 64",
        "images are made 16x16",
    ):
        assert part in reasons


def test_norm_and_batch_size_are_differences():
    run = SAM | {"model": "wide_resnet28_10", "augment": ["basic"], "epochs": 200}
    (figure,) = published(run)
    assert differences(run, figure) == ["the batch size is 128, not 256"]
    run |= {"batch_size": 256, "method_arguments": {"p": float("inf")}}
    assert differences(run, figure) == ["the perturbation has p=inf, not 2"]


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


@pytest.mark.parametrize("experiment, name", [("e2", "top-5"), ("e5", "top-k")])
def test_errors_of_several_guesses_are_called_as_published(experiment, name):
    found = [figure for figure in FIGURES if figure.experiment == experiment]
    lines = published_text(found).split("\n")
    assert len(lines) == len(found) and all(f", {name} error " in line for line in lines)


def test_a_page_says_whose_reading_it_is_and_what_others_came_to(tmp_path):
    for number, preset in enumerate(("e7", "e8")):
        make_run(tmp_path / preset, 60, preset=preset, num_train=number)
    make_run(tmp_path / "e4", 60, model="resnet32", preset="e4_noise20", label_noise=0.2)
    parts = sections(tables(find([tmp_path])), tmp_path)
    remarks = "\n".join(remark for part in parts for remark in part.remarks)
    assert "Published reading of E7: Smaller batches" in remarks
    assert "Our reading of the published figures of E8: Without BatchNorm" in remarks
    assert "Published with 20 % wrong labels by other means: Bootstrap + Mixup 93.3 %" in remarks
    assert "Sanchez et al. 2019 94.0 % (Foret et al. 2021)." in remarks
