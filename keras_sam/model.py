"""The model that trains another model for flat minima."""

import functools

import keras

from keras_sam import backend, checks, hooks, methods
from keras_sam.delegation import Delegation
from keras_sam.measuring import MEASUREMENTS, Measuring
from keras_sam.method import Method
from keras_sam.roles import roles_of
from keras_sam.saving import Saving, restore_policy
from keras_sam.schedules import Rho, rho_at
from keras_sam.step import batch_gradients


@keras.saving.register_keras_serializable(package="keras_sam")
class SAMModel(backend.TrainStep, Measuring, Delegation, Saving, keras.Model):
    """Trains a model with a sharpness-aware method, behind the usual `compile` and `fit`.

    The loss, the metrics, the BatchNorm statistics and the dropout masks are those of the pass
    at the unperturbed weights; the gradient that the compiled optimizer gets is the method's.
    The trained weights are those of `base_model`: save that for inference.

    Reference:
        Foret et al., Sharpness-Aware Minimization for Efficiently Improving Generalization,
        ICLR 2021 (https://arxiv.org/abs/2010.01412), algorithm 1.

    Args:
        model: The `keras.Model` to train. Where it is compiled, its settings are adopted until
            `compile` is called here.
        rho: Radius of the perturbation: a float of at least 0, or a
            `keras.optimizers.schedules.LearningRateSchedule` over the optimizer's iterations.
            Defaults to `None`, the method's own (`0.05` for SAM). A callback may assign
            `model.rho` while `fit` runs.
        method: Name from `keras_sam.methods.list()`, or a `keras_sam.methods.Method`. Defaults
            to `"sam"`.
        num_batch_splits: Positive integer m: cut each batch into m micro-batches, perturb for
            each on its own and average the gradients, weighted by size (m-sharpness).
            Defaults to `None`, the whole batch.
        log_sharpness: Whether to log `sharpness` (perturbed minus clean loss), `grad_norm` and
            `perturbation_norm`, as means over the steps on which the method acts. Defaults to
            `False`.
        name: String. Defaults to `None`, a name of Keras's making.

    Raises:
        ValueError: If an argument is outside its range, the method or one of its options is
            unknown, or `model` has a training step or a preprocessor that would be skipped.
        TypeError: If `model` is not a Keras model.

    Example:

    >>> base_model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    >>> model = keras_sam.SAMModel(base_model, rho=0.1, method="asam")
    >>> model.compile(optimizer="sgd", loss="mse")
    >>> history = model.fit(np.ones((8, 4)), np.ones((8, 1)), verbose=0)
    """

    def __init__(
        self,
        model: keras.Model,
        rho: Rho | None = None,
        method: str | Method = "sam",
        num_batch_splits: int | None = None,
        log_sharpness: bool = False,
        name: str | None = None,
    ):
        hooks.check_model(model)
        chosen_method = _resolve_method(method, rho)
        if num_batch_splits is not None:
            checks.positive_integer("num_batch_splits", num_batch_splits)
        # The base model casts its own inputs; its policy is adopted for the loss scaling.
        super().__init__(name=name, dtype=model.dtype_policy, autocast=False)
        self.base_model = model
        self.method = chosen_method
        self.num_batch_splits = num_batch_splits
        self.log_sharpness = bool(log_sharpness)
        self.measurements = (
            [keras.metrics.Mean(name=key) for key in MEASUREMENTS] if log_sharpness else []
        )
        self._rho = None if callable(chosen_method.rho) else self._add_rho(chosen_method.rho)
        if hasattr(model, "output_names"):
            self.output_names = model.output_names
        if model.built:
            self.built = True
            if self.roles:
                self._check_weights()  # A mask that leaves nothing is refused now.
        if model.compiled:
            self.compile(**hooks.compile_arguments(model))

    def _add_rho(self, rho):
        """The radius as a variable, so that callbacks assign it and checkpoints carry it."""
        return self.add_weight(
            name="rho",
            shape=(),
            dtype="float64" if self.variable_dtype == "float64" else "float32",
            initializer=keras.initializers.Constant(rho),
            trainable=False,
        )

    @property
    def rho(self):
        """The radius: the variable to assign, or the value of the schedule at this iteration."""
        if self._rho is not None:
            return self._rho
        return self.current_rho()

    @rho.setter
    def rho(self, rho):
        if self._rho is None:
            raise ValueError(
                "rho follows a schedule here; build the SAMModel with a float to assign it. "
                f"Received: rho={rho!r}"
            )
        self._rho.assign(checks.non_negative("rho", rho))

    def current_rho(self):
        """The radius of this step: a scalar tensor of at least 0, in float32 at least."""
        optimizer = getattr(self, "optimizer", None)
        iteration = 0 if optimizer is None else optimizer.iterations
        return rho_at(self.method.rho if self._rho is None else self._rho, iteration)

    def call(self, inputs, training=None):
        return self.base_model(inputs, training=training)

    @property
    def is_ready(self):
        """Whether the model and all that it was compiled with have their variables."""
        parts = (self.base_model, self._compile_loss, self._compile_metrics, self.optimizer)
        return all(part is None or part.built for part in parts)

    @property
    def roles(self):
        """Roles of the trainable variables, in their order."""
        known = tuple(id(variable) for variable in self.trainable_variables)
        if getattr(self, "_role_key", None) != known:
            self._role_key, self._roles = known, tuple(roles_of(self.base_model))
        return self._roles

    def _check_weights(self):
        """Refuse to train where there is nothing to train, or nothing to perturb."""
        if not self.roles:
            raise ValueError(
                "The model must have trainable weights; unfreeze a layer and compile again. "
                f"Received: {self.base_model.name!r}, of whose {len(self.base_model.weights)} "
                "weights none is trainable"
            )
        self.method.chosen(self.roles)

    @functools.wraps(keras.Model.make_train_function)
    def make_train_function(self, force=False):
        # An error inside the step would be too late: JAX has emptied the variables by then.
        if self.base_model.built:
            self._check_weights()
        return super().make_train_function(force)

    def compute_gradients(self, data):
        """Gradients of one batch for the optimizer, and the logs of its clean pass.

        Args:
            data: `(x, y, sample_weight)`, or its first one or two.

        Returns:
            `(gradients, logs)`: a list in the order of `trainable_variables`, with `None` for a
            weight that the loss does not depend on, and a dict of metric results.

        Raises:
            ValueError: If the model has no trainable weights.
        """
        self._check_weights()
        return batch_gradients(self, keras.utils.unpack_x_y_sample_weight(data))

    def get_config(self):
        return {
            "name": self.name,
            "model": keras.saving.serialize_keras_object(self.base_model),
            "method": methods.serialize(self.method),
            "num_batch_splits": self.num_batch_splits,
            "log_sharpness": self.log_sharpness,
            "policy": keras.saving.serialize_keras_object(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        model = keras.saving.deserialize_keras_object(
            config["model"], custom_objects=custom_objects
        )
        arguments = {key: value for key, value in config.items() if key != "policy"}
        restore_policy(model, config["policy"])
        method = methods.deserialize(config["method"])
        return cls(**{**arguments, "model": model, "method": method})


def _resolve_method(method: str | Method, rho: Rho | None) -> Method:
    if rho is not None and isinstance(method, str):
        return methods.get(method, rho=rho)
    method = methods.get(method)
    return method if rho is None else method.with_rho(rho)
