"""Federated algorithms beside each other, in one process: clients, rounds, tables and curves."""
