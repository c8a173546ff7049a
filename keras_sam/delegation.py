"""What a base model says of its own loss and metrics, kept."""

from keras_sam import keras_hooks as hooks


class Delegation:
    """Asks the base model where it overrides Keras's loss and metrics, and shows what it tracks."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if not hooks.overrides(self.base_model, "compute_loss"):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        with hooks.lent(self, self.base_model) as base_model:
            return base_model._compute_loss(x, y, y_pred, sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        if not hooks.overrides(self.base_model, "compute_metrics"):
            return super().compute_metrics(x, y, y_pred, sample_weight)
        with hooks.lent(self, self.base_model) as base_model:
            logs = base_model.compute_metrics(x, y, y_pred, sample_weight)
        return {**self.get_metrics_result(), **logs}

    @property
    def metrics(self):
        own = super().metrics
        with hooks.lent(self, self.base_model) as base_model:
            # Keras leaves out what a model inside a model tracks by itself.
            theirs = base_model.metrics
        seen = {id(metric) for metric in own}
        return own + [metric for metric in theirs if id(metric) not in seen]
