"""The radius of a model's method, to be read and assigned."""

import keras

from keras_sam import checks
from keras_sam.schedules import rho_at


class Radius:
    """Holds the radius as a variable, or follows its schedule."""

    _rho = None

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
        rho = self.method.rho if self._rho is None else self._rho
        return rho_at(rho, getattr(self, "optimizer", None))
