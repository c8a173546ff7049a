"""Tasks of KerasHub from raw data, trained as they are and wrapped, saved, loaded and asked.

    pip install keras-hub
    KERAS_BACKEND=torch python benchmarks/hub_tasks.py

builds each with a tiny backbone and no weights of a hub, and trains it three times from the same
weights: by its own `fit`, wrapped with a radius of 0, and wrapped with one of 0.05. It prints the
loss of each, by how much the weights of the first two differ, relative to the longest, and whether
the wrapped task, saved with its preprocessor and loaded, predicts the same. Some minutes.
"""

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_hub
import numpy as np
from keras_hub import models
from keras_hub.src.models.retinanet.retinanet_label_encoder import RetinaNetLabelEncoder
from tabulate import tabulate

import keras_sam

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the quick brown fox jumps lazy dog .".split()
TEXTS = ["the quick brown fox", "the lazy dog .", "fox jumps .", "quick dog"] * 4
CLASSES = np.array([0, 1, 0, 1] * 4)
SIDE = 128  # Pixels of an image with objects.
BATCH, EPOCHS, RATE = 4, 2, 1e-3
SMALL = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}


def pixels(number, side):
    """Random images, the same ones for each call with a size."""
    return np.random.default_rng(0).integers(0, 256, (number, side, side, 3)).astype("uint8")


def bert():
    return models.BertBackbone(vocabulary_size=len(WORDS), max_sequence_length=8, **SMALL)


def resnet(side):
    return models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64] * 4,
        stackwise_num_blocks=[1] * 4,
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block",
        image_shape=(side, side, 3),
    )


def image_classifier():
    # The size that they have: KerasHub resizes in two ways, in tf.data and outside of it.
    converter = keras_hub.layers.ResNetImageConverter(image_size=(16, 16), scale=1 / 255)
    return models.ResNetImageClassifier(
        backbone=resnet(16),
        preprocessor=models.ResNetImageClassifierPreprocessor(image_converter=converter),
        num_classes=2,
    ), (pixels(16, 16), CLASSES)


def text_classifier():
    tokenizer = keras_hub.tokenizers.BertTokenizer(vocabulary=WORDS)
    preprocessor = models.BertTextClassifierPreprocessor(tokenizer, sequence_length=8)
    return models.BertTextClassifier(backbone=bert(), preprocessor=preprocessor, num_classes=2), (
        TEXTS,
        CLASSES,
    )


def masked_language_model():
    tokenizer = keras_hub.tokenizers.BertTokenizer(vocabulary=WORDS)
    preprocessor = models.BertMaskedLMPreprocessor(
        tokenizer,
        sequence_length=8,
        mask_selection_length=6,
        mask_selection_rate=1.0,  # All of them, as otherwise each call draws others.
        mask_token_rate=1.0,
        random_token_rate=0.0,
    )
    return models.BertMaskedLM(backbone=bert(), preprocessor=preprocessor), (TEXTS,)


def causal_language_model():
    """With adapters of low rank, which alone are trained beside the embeddings' norm."""
    letters = ["<|endoftext|>", *"!abcdefghij", "Ġ", "ab", "Ġab"]
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    tokenizer = keras_hub.tokenizers.GPT2Tokenizer(vocabulary, merges=["a b", "Ġ ab"])
    backbone = models.GPT2Backbone(
        vocabulary_size=len(letters), max_sequence_length=8, dropout=0.0, **SMALL
    )
    backbone.enable_lora(2)
    preprocessor = models.GPT2CausalLMPreprocessor(tokenizer, sequence_length=8)
    return models.GPT2CausalLM(backbone=backbone, preprocessor=preprocessor), (
        ["abc ab", "ab ab ab", "cde ab", "j ab"] * 4,
    )


def detector():
    form = {"bounding_box_format": "yxyx"}
    anchors = keras_hub.layers.AnchorGenerator(
        min_level=3, max_level=5, num_scales=3, aspect_ratios=[0.5, 1.0, 2.0], anchor_size=4, **form
    )
    converter = keras_hub.layers.RetinaNetImageConverter(
        image_size=(SIDE, SIDE), crop_to_aspect_ratio=False, scale=1 / 255, **form
    )
    task = models.RetinaNetObjectDetector(
        backbone=models.RetinaNetBackbone(
            image_encoder=resnet(SIDE),
            min_level=3,
            max_level=5,
            use_p5=False,
            image_shape=(SIDE, SIDE, 3),
        ),
        label_encoder=RetinaNetLabelEncoder(anchor_generator=anchors, **form),
        num_classes=4,
        preprocessor=models.RetinaNetObjectDetectorPreprocessor(image_converter=converter),
    )
    boxes = np.array([[[20, 10, 80, 90], [30, 30, 60, 100]]] * 4, "float32")
    return task, (pixels(4, SIDE), {"boxes": boxes, "labels": np.array([[0, 2]] * 4)})


TASKS = {
    "image classifier": image_classifier,
    "text classifier": text_classifier,
    "masked language model": masked_language_model,
    "causal language model, LoRA": causal_language_model,
    "detector": detector,
}


def trained(build, rho):
    """The task, what was fitted (itself or its wrapper), the last loss and the raw inputs."""
    keras.utils.set_random_seed(0)
    task, data = build()
    model = task if rho is None else keras_sam.SAMModel(task, rho=rho)
    model.compile(optimizer=keras.optimizers.SGD(RATE))
    keras.utils.set_random_seed(1)
    history = model.fit(*data, batch_size=BATCH, epochs=EPOCHS, verbose=0).history
    return task, model, history["loss"][-1], data[0]


def row(name):
    """A line of the table."""
    plain, neutral, wrapped = (trained(TASKS[name], rho) for rho in (None, 0.0, 0.05))
    pairs = list(zip(plain[0].get_weights(), neutral[0].get_weights(), strict=True))
    longest = max(np.abs(theirs).max() for theirs, _ in pairs)
    apart = max(np.abs(ours - theirs).max() for theirs, ours in pairs) / longest
    losses = [f"{found[2]:.4f}" for found in (plain, neutral, wrapped)]
    return [name, *losses, f"{apart:.1e}", "yes" if is_same_when_loaded(*wrapped[1::2]) else "NO"]


def is_same_when_loaded(model, inputs):
    """Whether the wrapped task predicts as before after it went through a file."""
    expected = model.predict(inputs[:2], verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "task.keras"
        model.save(path)
        found = keras.saving.load_model(path).predict(inputs[:2], verbose=0)
    pairs = zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True)
    return all(np.allclose(ours, theirs, equal_nan=True) for ours, theirs in pairs)


if __name__ == "__main__":
    heads = ["task", "its own fit: loss", "rho 0", "rho 0.05", "fit and rho 0 apart", "loaded same"]
    rows = [row(name) for name in TASKS if len(sys.argv) < 2 or name in sys.argv[1:]]
    print(f"KERAS_BACKEND={keras.backend.backend()} python benchmarks/hub_tasks.py")
    print(f"Keras {keras.__version__}, KerasHub {keras_hub.__version__}\n")
    print(tabulate(rows, heads, disable_numparse=True, stralign="right"))
