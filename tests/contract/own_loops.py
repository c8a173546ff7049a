"""A hand-written step, compiled as each backend does it."""

from keras_sam import backend
from keras_sam.training.scope import stateless


def compiled_step(own, optimizer, loss_fn):
    """Function of a batch that makes a step of a `SAMStep`: jitted, a `tf.function`, or eager."""
    if backend.name == "jax":
        return _jitted(own, optimizer, loss_fn)

    def step(*data):
        if own.method.descent.displaces:
            return own.minimize(loss_fn, optimizer, data)[0]
        loss, gradients, _ = own.gradients(loss_fn, optimizer, data)
        optimizer.apply(gradients, own.trained_variables)
        return loss

    return backend.compiled(backend.unconverted(step))


def _jitted(own, optimizer, loss_fn):
    def pure(state, *data):
        variables = own.variables_with(optimizer)
        if own.method.descent.displaces:
            return own.stateless_minimize(state, loss_fn, optimizer, data)[:2]
        state, loss, gradients, _ = own.stateless_gradients(state, loss_fn, optimizer, data)
        apply = stateless(optimizer.apply, variables)
        return apply(state, gradients, own.trained_variables)[0], loss

    jitted = backend.compiled(pure)

    def step(*data):
        variables = own.variables_with(optimizer, data)
        state, loss = jitted([variable.value for variable in variables], *data)
        for variable, value in zip(variables, state, strict=True):
            variable.assign(value)
        return loss

    return step
