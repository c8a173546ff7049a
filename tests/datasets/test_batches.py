"""Batches as a pure function of seed, epoch and position, made ahead or not."""

import threading

import keras
import numpy as np
import pytest

from keras_sam import datasets
from keras_sam.datasets import prefetch
from keras_sam.datasets.batches import OrderedBatches


def numbered(count=10, **arguments):
    """Batches of images that hold their own number."""
    x = np.arange(count, dtype="float32").reshape(-1, 1, 1, 1) * np.ones((1, 4, 4, 1), "float32")
    arguments = {"batch_size": 3, "seed": 5} | arguments
    return datasets.Batches(x, np.arange(count), **arguments)


def epoch_of(batches, epoch):
    batches.epoch = epoch
    return [batches[index] for index in range(batches.num_batches)]


def test_an_epoch_visits_each_example_once_and_matches_its_label():
    images, labels = map(np.concatenate, zip(*epoch_of(numbered(), 0), strict=True))
    assert len(set(labels.tolist())) == 9  # Three full batches of ten examples.
    np.testing.assert_array_equal(images[:, 0, 0, 0], labels)


def labels_of(batches, epoch):
    return np.concatenate([labels for _, labels in epoch_of(batches, epoch)]).tolist()


def test_order_depends_on_seed_and_epoch_alone():
    batches = numbered(count=50)
    first, second = labels_of(batches, 0), labels_of(batches, 1)
    assert first != second
    assert labels_of(batches, 0) == first  # Going back is possible,
    assert labels_of(numbered(count=50), 1) == second  # and so is starting in the middle.
    assert labels_of(numbered(count=50, seed=6), 0) != first


def test_augmentation_depends_on_seed_epoch_and_position_alone():
    def augment(images, generator):
        return images + generator.random(images.shape).astype("float32")

    def pixels(epoch, **arguments):
        batches = numbered(augment=augment, **arguments)
        return np.stack(
            [images - labels.reshape(-1, 1, 1, 1) for images, labels in epoch_of(batches, epoch)]
        )

    np.testing.assert_array_equal(pixels(1), pixels(1))
    others = [pixels(0), pixels(2), pixels(1, seed=6)]
    assert all((pixels(1) != other).all() for other in others)
    assert (pixels(1)[0] != pixels(1)[1]).all()


def test_processes_share_each_batch():
    whole = numbered(batch_size=6, count=20)
    parts = [numbered(batch_size=6, count=20, share=(position, 3)) for position in range(3)]
    assert {part.num_batches for part in parts} == {whole.num_batches}
    shares = [epoch_of(part, 1) for part in parts]
    for index, (images, labels) in enumerate(epoch_of(whole, 1)):
        together = [np.concatenate(part) for part in zip(*(share[index] for share in shares))]
        np.testing.assert_array_equal(together[0], images)
        np.testing.assert_array_equal(together[1], labels)


def test_each_share_is_augmented_for_itself():
    def noise(share):
        batches = numbered(
            batch_size=4, augment=lambda images, generator: generator.random(2), share=share
        )
        return batches.batch(0, 0)[0]

    np.testing.assert_array_equal(noise((1, 2)), noise((1, 2)))
    assert (noise((0, 2)) != noise((1, 2))).all() and (noise((0, 2)) != noise((0, 1))).all()


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(ValueError, match=r"multiple of the 2 processes.*Received: batch_size=3"):
        numbered(share=(0, 2))


@pytest.mark.everywhere
def test_fit_follows_the_epochs_from_where_it_starts():
    seen = []

    class Recorded(datasets.Batches):
        def __getitem__(self, index):
            seen.append(self.epoch)
            return super().__getitem__(index)

    batches = Recorded(np.ones((8, 1), "float32"), np.ones((8, 1), "float32"), batch_size=4)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callbacks = [batches.follow_epochs()]
    model.fit(batches, epochs=5, initial_epoch=3, callbacks=callbacks, shuffle=False, verbose=0)
    assert batches._pool is None  # `fit` leaves no threads.
    # Before the first epoch, Keras may look at batches to build the model.
    assert seen.count(3) >= 2 and seen.count(4) >= 2 and set(seen) <= {0, 3, 4}


def test_few_examples_make_one_batch():
    batches = numbered(count=2, batch_size=8)
    assert batches.num_batches == 1 and len(batches[0][1]) == 2


@pytest.mark.parametrize(
    "x, y, batch_size, message",
    [
        (np.ones(3), np.ones(2), 1, "Received: 3 and 2"),
        (np.ones(0), np.ones(0), 1, "Received: 0 and 0"),
        (np.ones(3), np.ones(3), 0, "Received: batch_size=0"),
    ],
)
def test_wrong_batches_are_refused(x, y, batch_size, message):
    with pytest.raises(ValueError, match=message):
        datasets.Batches(x, y, batch_size)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_made_ahead_are_the_same(workers):
    ahead, reference = numbered(count=40, workers=workers), numbered(count=40, workers=0)
    for epoch, index in ((0, 0), (2, 0), (2, 1), (2, 12), (2, 3), (0, 12), (1, 0)):
        ahead.epoch = reference.epoch = epoch
        for ours, theirs in zip(ahead[index], reference[index], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_next_batches_are_under_way_while_one_is_used():
    asked = threading.Event()

    class Watched(datasets.Batches):
        def batch(self, epoch, index):
            if index == 1:
                asked.set()
            return super().batch(epoch, index)

    numbers = np.arange(6)
    batches = Watched(numbers, numbers, batch_size=2, workers=1)
    batches[0]
    assert asked.wait(timeout=60)


@pytest.mark.parametrize("most_bytes, expected", [(0, 1), (3 * 4096, 3), (2**30, 8)])
def test_large_batches_are_not_made_far_ahead(monkeypatch, most_bytes, expected):
    monkeypatch.setattr(prefetch, "MOST_BYTES", most_bytes)
    x = np.zeros((40, 512), "float32")
    batches = datasets.Batches(x, x[:, :0], batch_size=2, workers=4)  # 4096 bytes each.
    made = []
    batches.augment = lambda images, generator: made.append(1) or images
    for index in range(3):
        batches[index]
    pool = batches._pool
    batches.release()
    pool.shutdown(wait=True)
    assert len(made) == 2 + expected + 1
    assert batches[0][0].shape == (2, 512)  # Threads anew.


def test_error_of_a_thread_reaches_the_one_that_asks():
    def fail(images, generator):
        raise RuntimeError("no film")

    with pytest.raises(RuntimeError, match="no film"):
        numbered(augment=fail, workers=2)[0]


def test_evaluation_sees_every_example_once_in_order():
    batches = OrderedBatches(np.arange(10.0), np.arange(10), 4, prepare=np.negative)
    images, labels = zip(*batches, strict=True)
    assert [len(part) for part in labels] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(labels), np.arange(10))
    np.testing.assert_array_equal(np.concatenate(images), -np.arange(10.0))


@pytest.mark.everywhere
def test_fit_trains_and_evaluates_on_a_data_set():
    data = datasets.digits(num_train=50, num_test=25)
    model = keras.Sequential(
        [keras.Input(data.input_shape), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    batches = data.training_batches(20, augment=("basic", "cutmix", "mixup"), one_hot=True)
    tests = data.test_batches(10, one_hot=True)
    history = model.fit(
        batches,
        epochs=2,
        validation_data=tests,
        callbacks=[batches.follow_epochs()],
        shuffle=False,
        verbose=0,
    ).history
    predicted = model.predict(data.x_test, verbose=0).argmax(-1)
    assert history["val_accuracy"][-1] == pytest.approx(np.mean(predicted == data.y_test))
    assert np.isfinite(history["loss"]).all()
