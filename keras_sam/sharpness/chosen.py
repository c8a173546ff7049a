"""Which variables of a model are the weights."""

import keras

from keras_sam.masks import Mask, check_mask, is_perturbed
from keras_sam.roles import Role, roles_of


def check_built(model: keras.Model) -> None:
    """Refuse what is not a Keras model, or has no weights yet."""
    if not isinstance(model, keras.Model):
        raise TypeError(
            "model must be a keras.Model; wrap a layer in keras.Sequential first. "
            f"Received: model={model!r}"
        )
    if not model.built:
        raise ValueError(
            "The model must be built: call it on a batch, or give it a keras.Input. "
            f"Received: {model.name!r}, which is not built"
        )


def chosen_roles(model: keras.Model, mask: Mask) -> list[Role]:
    """Roles of the variables that `mask` leaves; refuses to leave none.

    Args:
        model: A built `keras.Model`.
        mask: As in `keras_sam.sharpness.Objective`.
    """
    check_mask(mask)
    roles = [role for role in roles_of(model) if is_perturbed(role, mask)]
    if not roles:
        raise ValueError(
            "mask must leave at least one trainable variable. "
            f"Received: mask={mask!r} for the model {model.name!r}, "
            f"with {len(model.trainable_variables)} trainable variables"
        )
    return roles
