"""What Keras leaves out of a saved model that a resumed training needs."""

from typing import Any

import keras

from keras_sam.backend.types import ModelMixin

SEED = "seed"


class Saving(ModelMixin):
    """Saves what `keras.Model` does not: dropout seeds, the policy, an optimizer for any backend.

    With it, training that is saved and loaded goes on bit for bit as if it had not stopped.
    """

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        for index, seed in enumerate(self._seeds()):
            store[f"{SEED}{index}"] = seed

    def load_own_variables(self, store: Any) -> None:
        # A file may come from a model with other dropout layers: what it holds is taken.
        for index, seed in enumerate(self._seeds()):
            if f"{SEED}{index}" in store.keys():
                seed.assign(store[f"{SEED}{index}"])
        own = {key: store[key] for key in store.keys() if not key.startswith(SEED)}
        super().load_own_variables(own)

    def _seeds(self) -> list[keras.Variable]:
        """States of the random generators: the variables that Keras counts to no weights."""
        weights = {id(variable) for variable in super().weights}
        return [variable for variable in self.variables if id(variable) not in weights]

    def get_compile_config(self) -> dict[str, Any]:
        config = super().get_compile_config()
        if not config:
            return config
        is_scaled = isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer)
        optimizer = portable(config["optimizer"])
        return {**config, "optimizer": optimizer, "auto_scale_loss": is_scaled}


def restore_policy(model: keras.Model, config: dict[str, Any]) -> None:
    """Give a loaded model its policy again: Keras drops that of Functional and Sequential models.

    The policy of the model decides on loss scaling.
    """
    policy = keras.saving.deserialize_keras_object(config)
    if model.dtype_policy != policy:
        model.dtype_policy = policy


def portable(config: Any) -> Any:
    """The config of an optimizer under its public name; anything else as it is.

    On PyTorch Keras writes its PyTorch-only class, with which no other backend can train.
    """
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        return config
    arguments = dict(config["config"])
    if "inner_optimizer" in arguments:
        arguments["inner_optimizer"] = portable(arguments["inner_optimizer"])
    is_kerases = config["module"].split(".")[0] == "keras"
    if not is_kerases or not hasattr(keras.optimizers, config["class_name"]):
        return {**config, "config": arguments}
    public = {"module": "keras.optimizers", "registered_name": None}
    return {**config, **public, "config": arguments}
