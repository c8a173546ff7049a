"""The model that trains another model for flat minima."""

from typing import Any, Self

import keras

from keras_sam import backend, checks, keras_hooks, methods
from keras_sam.backend.types import documented_as
from keras_sam.keras_hooks import MakesVariables
from keras_sam.methods import composition
from keras_sam.methods.composition import Sync
from keras_sam.methods.method import Method
from keras_sam.roles import Role, roles_of
from keras_sam.schedules import Radius, Rho, is_constant
from keras_sam.tensors import Nested
from keras_sam.training.carriers import Context, Outcome
from keras_sam.training.memory import Memory
from keras_sam.training.processes import start_together
from keras_sam.training.step import batch_update
from keras_sam.wrapping.compiling import Compiling
from keras_sam.wrapping.face import Face
from keras_sam.wrapping.measuring import Measuring
from keras_sam.wrapping.overrides import Delegation, check_model, check_weighing
from keras_sam.wrapping.pipelines import Preprocessing
from keras_sam.wrapping.saving import Saving, restore_policy


@keras.saving.register_keras_serializable(package="keras_sam")
class SAMModel(
    backend.TrainStep,
    MakesVariables,
    Radius,
    Measuring,
    Preprocessing,
    Delegation,
    Face,
    Compiling,
    Saving,
    keras.Model,
):
    """Trains a model with a sharpness-aware method, behind the usual `compile` and `fit`.

    The loss, the metrics, the BatchNorm statistics and the dropout masks are those of the first
    pass, which most methods make at the unperturbed weights; the gradient that the compiled
    optimizer gets is the method's. The trained weights are those of `base_model`: save that for
    inference.

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
            `perturbation_norm`, as means over the steps on which the method acts; no `sharpness`
            for a method without a pass at the unperturbed weights. Defaults to `False`.
        skip_nonfinite: Whether to skip a step whose loss, gradient norm or state of the method is
            not finite, as if its batch had not been there, and to count it in the metric
            `skipped_steps`; of its micro-batches the finite ones count in the other metrics. On
            PyTorch each step waits for the device once. Defaults to `False`, as in Keras: such a
            step is made, and `fit` warns of what it has left.
        sync_perturbation: Whether the PyTorch processes of a training share one perturbation.
            `True` averages the gradients of the ascent as well: the perturbation is that of all
            batches together, as on one device, for one more message a pass. `"mean"` averages
            the perturbations that the processes have found, for one more message a step.
            Defaults to `False`: each process perturbs for its own batch (m-sharpness). Elsewhere
            the backend decides: JAX makes one perturbation for the global batch, or one a device
            with as many `num_batch_splits`; TensorFlow one a replica, and refuses the others with
            several.
        name: String. Defaults to `None`, a name of Keras's making.
        **options: Of a method that is given by its name, such as `eta=0.1` for `"asam"`.

    Raises:
        ValueError: If an argument is outside its range, the method or one of its options is
            unknown, or `model` has a training step, a `fit` or a preprocessor that would be
            skipped.
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
        skip_nonfinite: bool = False,
        sync_perturbation: Sync = False,
        name: str | None = None,
        **options: Any,
    ):
        check_model(model)
        chosen_method = _resolve_method(method, rho, options)
        if chosen_method.needs_example_losses:
            check_weighing(model, chosen_method.name)
        if num_batch_splits is not None:
            checks.positive_integer("num_batch_splits", num_batch_splits)
        if name is not None:
            checks.instance("name", name, str)
        # The base model casts its own inputs; its policy is adopted for the loss scaling.
        super().__init__(name=name, dtype=model.dtype_policy, autocast=False)
        self.base_model = model
        self.supports_masking = model.supports_masking
        self._method = chosen_method
        self.num_batch_splits = num_batch_splits
        self.log_sharpness = checks.boolean("log_sharpness", log_sharpness)
        self.skip_nonfinite = checks.boolean("skip_nonfinite", skip_nonfinite)
        self.sync_perturbation = composition.checked_sync(chosen_method, sync_perturbation)
        self._add_measurements(self.log_sharpness, self.skip_nonfinite)
        self._rho = self._add_rho(chosen_method.rho) if is_constant(chosen_method.rho) else None
        slots, is_random = chosen_method.slots(), chosen_method.is_random
        self.memory = Memory(slots, is_random) if slots or is_random else None
        if hasattr(model, "output_names"):
            self.output_names = model.output_names
        if model.built:
            self.built = True
            self._prepare()  # A mask that leaves nothing is refused now.
        if keras_hooks.is_compiled(model):
            self._adopt()

    @property
    def method(self) -> Method:
        """The method. Its state belongs to this model: another one takes another `SAMModel`."""
        return self._method

    @method.setter
    def method(self, method: str | Method) -> None:
        raise AttributeError(
            "The method of a SAMModel stays as it is, as it has variables of its own: build "
            "another one, SAMModel(model.base_model, method=...), and compile it. "
            f"Received: {checks.received(method=method)}"
        )

    @property
    def roles(self) -> tuple[Role, ...]:
        """Roles of the trainable variables, in their order."""
        known = tuple(id(variable) for variable in self.trainable_variables)
        if getattr(self, "_role_key", None) != known:
            self._role_key, self._roles = known, tuple(roles_of(self.base_model))
            self.foreign_modules = backend.wrapped_modules(keras_hooks.layers_of(self.base_model))
        return self._roles

    def _prepare(self) -> None:
        """Makes the method's state where anything is trained; refuses to perturb nothing of it."""
        if not self.roles:
            return
        chosen = self.method.chosen(self.roles)
        if self.memory is not None:
            self.memory.prepare(self.trainable_variables, chosen)

    def build_from_config(self, config: dict[str, Any]) -> None:
        super().build_from_config(config)
        if self.base_model.built:
            self._prepare()

    @documented_as(keras.Model.make_train_function)
    def make_train_function(self, force: bool = False) -> Any:
        # An error inside the step would be too late: JAX has emptied the variables by then.
        composition.check_model(self.method, self.optimizer, self.num_batch_splits)
        if self.base_model.built:
            self._prepare()
        self._start_together(force)
        return super().make_train_function(force)

    def _start_together(self, force: bool) -> None:
        """Makes one training of several processes, once for each `fit` or `compile`."""
        if self.sync_perturbation:
            keras_hooks.refuse_replicas(self, f"sync_perturbation={self.sync_perturbation!r}")
        processes = backend.num_processes()
        if force or self.train_function is None or self._processes != processes:
            start_together(self)
            self._processes = processes

    def context(self) -> Context:
        """What the method may know beside the batch: a `keras_sam.training.carriers.Context`."""
        rho = self.current_rho()
        if self.memory is None:
            return Context(rho, self.optimizer)
        kept = self.memory.last_batch
        return Context(rho, self.optimizer, self.memory.state, self.memory.seed, last_batch=kept)

    def compute_update(self, data: Nested) -> tuple[Outcome, dict[str, Any]]:
        """What one batch does to the weights, and the logs of its clean pass.

        Args:
            data: `(x, y, sample_weight)`, or its first one or two.

        Returns:
            The `keras_sam.training.carriers.Outcome`, its gradients in the order of
            `trainable_variables` with `None` for a weight that the loss does not depend on, and
            a dict of metric results.
        """
        self._prepare()
        return batch_update(self, keras.utils.unpack_x_y_sample_weight(data))

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "model": self._base_config(),
            "method": methods.serialize(self.method),
            "num_batch_splits": self.num_batch_splits,
            "log_sharpness": self.log_sharpness,
            "skip_nonfinite": self.skip_nonfinite,
            "sync_perturbation": self.sync_perturbation,
            "policy": keras.saving.serialize_keras_object(self.dtype_policy),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        model = keras.saving.deserialize_keras_object(
            config["model"], custom_objects=custom_objects
        )
        own = ("policy", "last_batch")
        arguments = {key: value for key, value in config.items() if key not in own}
        restore_policy(model, config["policy"])
        method = methods.deserialize(config["method"])
        wrapped = cls(**{**arguments, "model": model, "method": method})
        if config.get("last_batch") is not None:  # Older files have it here, not with the weights.
            assert wrapped.memory is not None, "A method that keeps a batch has a memory."
            wrapped.memory.prepare_batch(config["last_batch"])
        return wrapped


def _resolve_method(method: str | Method, rho: Rho | None, options: dict[str, Any]) -> Method:
    if isinstance(rho, str):
        raise ValueError(
            "rho must be a number or a LearningRateSchedule; a method goes by its keyword, "
            "SAMModel(model, method=...), and an optimizer into compile. "
            f"Received: {checks.received(rho=rho)}"
        )
    if isinstance(method, str):
        return methods.get(method, **options, **({} if rho is None else {"rho": rho}))
    method = methods.get(method)
    if options:
        raise ValueError(
            "Options go with a method that is given by its name; give a Method its own where it "
            f"is made. Received: {checks.received(method=method, **options)}"
        )
    return method if rho is None else method.with_rho(rho)
