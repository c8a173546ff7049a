"""The gradients of a method in a training loop of one's own: `SAMStep` and what it trains."""
