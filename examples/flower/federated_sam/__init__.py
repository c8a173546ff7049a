"""Federated SAM as an app of Flower's."""
