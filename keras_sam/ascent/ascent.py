"""What every ascent offers."""


class Ascent:
    """Where to look: maps the clean gradient to a perturbation of length rho.

    An ascent sees only the perturbed weights: masks are applied around it. One that is a
    closed form in the gradient and the weights implements `direction`; one that evaluates the
    loss again overrides `perturbation`.
    """

    is_closed_form = True

    def perturbation(self, oracle, gradients, rho):
        """The perturbation at the oracle's weights.

        Args:
            oracle: `GradientOracle` over the perturbed weights.
            gradients: List of tensors, the clean gradient with respect to them.
            rho: Scalar tensor, the radius.

        Returns:
            List of tensors shaped as the weights.
        """
        return self.direction(gradients, oracle.weights, rho, oracle.roles)

    def direction(self, gradients, weights, rho, roles):
        """The perturbation as a function of the gradient and the weights alone."""
        raise NotImplementedError

    def project(self, perturbation, weights, rho, roles):
        """`perturbation`, pulled back into the ball of radius rho where it has left it."""
        raise NotImplementedError

    def get_config(self):
        """Arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        return cls(**config)
