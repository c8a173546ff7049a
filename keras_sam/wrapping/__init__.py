"""What makes a `SAMModel` look like the model that it trains, a mixin each.

- `face`: weights, layers, shapes, files of weights and exports are those of the base model.
- `overrides`: what the base model does in its own way is called, or refused by name.
- `measuring`: what `fit` shows beside the losses and metrics, and what it warns of.
- `compiling`: a `compile` of the base model's own is called, and saved.
- `pipelines`: a base model that prepares its data itself has the wrapper do so.
- `saving`: files also hold what Keras leaves out, so that training goes on bit for bit.
"""
