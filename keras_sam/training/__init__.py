"""The trip of a batch, in the order in which it goes through these modules.

1. `fit` calls the backend's `train_step`, which hands the batch to `step.batch_update`.
2. `step` cuts it into micro-batches where the model asks for it (`batches`), and scales the loss.
3. `method_run` takes it through the method: first evaluation, ascent, descent. `true_gradient`
   tells layers of random gradients which evaluations are an ascent's.
4. `oracle` evaluates it at any weights, within a `scope` in which no variable is assigned.
5. The first evaluation owns the metrics, BatchNorm's statistics and the seeds; `step` keeps them.
   A `guard` finds what is not finite; `weighting` sums up the micro-batches.
6. `memory` holds what a method knows of earlier steps; `last_batch` the batch of the one before.
7. What travels is one of four `carriers`: `Context`, `Evaluation`, `Climb`, and at last `Outcome`.
8. `train_step` gives the outcome's gradients to the optimizer.

In a loop of one's own `SAMStep` takes the place of 1, and a `loss_function` that of the model.
"""
