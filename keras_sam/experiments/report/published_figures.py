"""The figures that the papers and reports publish, as data, in percent."""

import dataclasses

C10, C100, IMAGENET = "CIFAR-10", "CIFAR-100", "ImageNet"
SVHN, FASHION = "SVHN", "Fashion-MNIST"
FORET = "Foret et al. 2021"
ANY = None  # Not stated, or the same for all.


@dataclasses.dataclass(frozen=True)
class Published:
    """One published figure.

    Args:
        experiment: String such as `"e6"`.
        source: String, who published it.
        model: String as published.
        dataset: String as published.
        method: String, a name of the registry or `"sgd"`.
        kind: `"accuracy"` or `"error"`.
        text: String as published, `"2.7±.1"`: a mean, and its spread where there is one.
        epochs: Integer; `None` where it is not stated.
        augment: String; `None` where it is not stated.
        noise: Share of wrong training labels. Defaults to 0.
        top_k: Top-k error. Defaults to `None`.
        k: String, the k of `top_k` as published. Defaults to `"5"`.
        only: Tuple of `(key, values)`: settings without which it is another experiment.
        like: Tuple of `(key, value)`: settings that make a comparison of size fair.
    """

    experiment: str
    source: str
    model: str
    dataset: str
    method: str
    kind: str
    text: str
    epochs: int | None = ANY
    augment: str | None = ANY
    noise: float = 0.0
    top_k: float | None = None
    k: str = "5"
    only: tuple = ()
    like: tuple = ()

    @property
    def accuracy(self):
        """Float, in percent."""
        value = float(self.text.split("±")[0])
        return value if self.kind == "accuracy" else 100 - value


# Model, epochs of SAM and of SGD; SAM and SGD with basic / Cutout / AutoAugment, on each data set.
_E1 = """
WRN-28-10|200|400|2.7±.1 2.3±.1 2.1±<.1|3.5±.1 2.6±.1 2.3±.1|16.5±.2 14.9±.2 13.6±.2|18.8±.2 16.9±.1 15.8±.2
WRN-28-10|1800|1800|2.4±.1 2.1±.1 1.6±.1|3.5±.1 2.7±.1 2.2±<.1|16.3±.2 14.0±.1 12.8±.2|19.1±.1 17.4±.1 16.1±.2
Shake-Shake 26 2x96d|1800|1800|2.3±<.1 2.0±<.1 1.6±<.1|2.7±.1 2.3±.1 1.9±.1|15.1±.1 14.2±.2 12.8±.1|17.0±.1 15.7±.2 14.1±.2
PyramidNet|1800|1800|2.7±.1 1.9±.1 1.6±.1|4.0±.1 2.5±.1 1.9±.1|14.6±.4 12.6±.2 11.6±.1|19.7±.3 16.4±.1 14.6±.1
PyramidNet+ShakeDrop|1800|1800|2.1±.1 1.6±<.1 1.4±<.1|2.5±.1 1.9±.1 1.6±<.1|13.3±.2 11.3±.1 10.3±.1|14.5±.1 11.8±.2 10.6±.1
"""  # noqa: E501  (A line a row of the table.)

# Model, augmentation; error of SAM and SGD on SVHN, on Fashion-MNIST.
_E1_OTHERS = """
WRN-28-10|basic|1.42 1.58|3.98 4.57
WRN-28-10|autoaugment|0.99 1.14|3.61 3.86
Shake-Shake 26 2x96d|basic|1.44 1.58|3.97 4.37
Shake-Shake 26 2x96d|autoaugment|1.07 1.03|3.59 3.76
"""

# Model; SAM and standard training at 100, 200 and 400 epochs: top-1, top-5.
_E2 = """
ResNet-50|22.5,6.28 21.4,5.82 20.9,5.51|22.9,6.62 22.3,6.37 22.3,6.40
ResNet-101|20.2,5.12 19.4,4.76 19.0,4.65|21.2,5.66 20.9,5.66 22.3,6.41
ResNet-152|19.2,4.69 18.5,4.37 18.4,4.35|20.4,5.39 20.3,5.39 20.9,5.84
"""

# Data set; EfficientNet-b7 with SAM, without; L2 with SAM, without; b7 with SAM where rho is 0.05
# for all data sets and not the best for each.
_E3 = """
FGVC-Aircraft|6.80|8.15|4.82|5.80|7.06
Flowers-102|0.63|1.16|0.35|0.40|0.81
Oxford-IIIT Pets|3.97|4.24|2.90|3.08|4.15
Stanford Cars|5.18|5.94|4.04|4.93|5.57
CIFAR-10|0.88|0.95|0.30|0.34|0.88
CIFAR-100|7.44|7.68|3.92|4.07|7.56
Birdsnap|13.64|14.30|9.93|10.31|13.64
Food-101|7.02|7.17|3.82|3.97|7.06
ImageNet|15.14|15.3|11.39|11.8|-
"""

# Source, method, augmentation; accuracy at 0, 20, 40, 60 and 80 % of wrong labels.
_E4 = """
Foret et al. 2021|sgd||- 84.8 68.8 48.2 26.2
Foret et al. 2021|sgd|mixup|- 93.0 90.0 83.8 70.2
Foret et al. 2021|sam||- 95.1 93.4 90.5 77.9
Kwon et al. 2021|sgd||94.50 91.32 87.68 82.50 68.35
Kwon et al. 2021|sam||94.80 92.94 90.62 86.58 69.92
Kwon et al. 2021|asam||94.88 93.21 90.89 87.41 67.69
"""

# Data set; with SAM and without at 100, 200 and 400 epochs: top-1, top-k.
_E5 = """
CIFAR-10|14.5,.70 12.48,.55 11.07,1.08|15.34,.91 12.94,.89 11.24,.80
CIFAR-100|57.6,25.5 55.25,24.93 78.09,43.27|89.93,66.33 90.19,66.19 48.98,20.6
"""


def _lines(table):
    return table.strip().split("\n")


def _e1():
    for line in _lines(_E1):
        model, *epochs, sam10, sgd10, sam100, sgd100 = line.split("|")
        cells = ((C10, "sam", sam10), (C10, "sgd", sgd10))
        cells += ((C100, "sam", sam100), (C100, "sgd", sgd100))
        for dataset, method, texts in cells:
            count = int(epochs[method == "sgd"])
            for augment, text in zip(("basic", "cutout", "autoaugment"), texts.split()):
                yield _of_e1(model, dataset, method, text, count, augment)
    for line in _lines(_E1_OTHERS):
        model, augment, *pairs = line.split("|")
        for dataset, pair in zip((SVHN, FASHION), pairs):
            for method, text in zip(("sam", "sgd"), pair.split()):
                yield _of_e1(model, dataset, method, text, ANY, augment)


def _of_e1(model, dataset, method, text, epochs, augment):
    same = (("batch_size", 256),)
    return Published("e1", FORET, model, dataset, method, "error", text, epochs, augment, like=same)


def _by_epochs(experiment, source, model, dataset, pairs, **other):
    for method, texts in zip(("sam", "sgd"), pairs):
        for epochs, text in zip((100, 200, 400), texts.split()):
            top1, top = text.split(",")
            run = (experiment, source, model, dataset, method)
            yield Published(*run, "error", top1, epochs, top_k=float(top), **other)


def _e2():
    for line in _lines(_E2):
        model, *pairs = line.split("|")
        same = (("batch_size", 4096),)
        yield from _by_epochs("e2", FORET, model, IMAGENET, pairs, like=same)


def _e3():
    for line in _lines(_E3):
        dataset, *texts, common = line.split("|")
        # First, as the first of figures that are equally near is shown.
        if common != "-":
            yield _of_e3("b7", dataset, "sam", common, only=(("rho", (0.05,)),))
        columns = [(size, method) for size in ("b7", "L2") for method in ("sam", "sgd")]
        for (size, method), text in zip(columns, texts):
            yield _of_e3(size, dataset, method, text)


def _of_e3(size, dataset, method, text, **other):
    same = (("batch_size", {"b7": 1024, "L2": 512}[size]),)
    model = f"EfficientNet-{size}"
    return Published("e3", FORET, model, dataset, method, "error", text, like=same, **other)


def _e4():
    for line in _lines(_E4):
        source, method, augment, texts = line.split("|")
        for noise, text in zip((0.0, 0.2, 0.4, 0.6, 0.8), texts.split()):
            if text != "-":
                yield Published(
                    "e4",
                    source,
                    "ResNet-32",
                    C10,
                    method,
                    "accuracy",
                    text,
                    200,
                    augment or ANY,
                    noise,
                )


def _e5():
    for line in _lines(_E5):
        dataset, *pairs = line.split("|")
        yield from _by_epochs("e5", "Gorbunova et al.", "ResNet-50", dataset, pairs, k="k")


def _e6_to_e9():
    # Mean and deviation of the three published seeds.
    students, bare, small = "Coldenhoff et al.", (None, "none"), "a small network"
    e6 = {"augment": "none", "like": (("schedule", "constant"), ("batch_size", 128))}
    e6["only"] = (("normalization", ("batch",)),)
    e8 = {"augment": "none", "like": (("batch_size", 128),)}
    e8["only"] = (("normalization", bare),)
    e9 = {"like": (("batch_size", 64),)}
    two_steps = (("method_arguments", ({"steps": 2},)),)
    for experiment, source, model, method, text, epochs, other in (
        ("e6", students, "ResNet-18", "sam", "70.99±.23", 50, e6),
        ("e6", students, "ResNet-18", "sgd", "64.45±.61", 100, e6),
        ("e8", students, "ResNet-18", "sam", "67.00±2.65", 200, e8),
        ("e8", students, "ResNet-18", "asam", "66.88±1.55", 200, e8),
        ("e9", "K. Lee", small, "sgd", "74.42", ANY, e9),
        ("e9", "K. Lee", small, "sam", "75.74", ANY, e9),
        ("e9", "K. Lee", small, "multistep", "76.27", ANY, e9 | {"only": two_steps}),
    ):
        yield Published(experiment, source, model, C10, method, "accuracy", text, epochs, **other)


FIGURES = (*_e1(), *_e2(), *_e3(), *_e4(), *_e5(), *_e6_to_e9())
