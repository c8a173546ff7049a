"""The flags of every app, and what becomes of a command line; absl does the reading."""
