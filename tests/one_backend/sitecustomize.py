"""Python reads this first where its folder is in PYTHONPATH: hides what Keras would only try.

That is all backends but its own; and, while it is imported itself, packages that it has wrappers
for, which are half of what a start takes beside the backend.
"""

import os
import sys
from importlib.machinery import ModuleSpec

HIDDEN = {"jax", "tensorflow", "torch"} - {os.environ.get("KERAS_BACKEND")}
WRAPPED = {"matplotlib", "pandas", "sklearn"}


def is_starting():
    """Whether Keras is being imported."""
    return "keras" in sys.modules and not hasattr(sys.modules["keras"], "Model")


class Missing:
    """Finder and loader of the modules that cannot be imported."""

    def find_spec(self, name, path=None, target=None):
        package = name.split(".")[0]
        is_hidden = package in HIDDEN or (package in WRAPPED and is_starting())
        return ModuleSpec(name, self) if is_hidden else None

    def create_module(self, spec):
        raise ModuleNotFoundError(f"No module named {spec.name!r}", name=spec.name)

    exec_module = create_module


sys.meta_path.insert(0, Missing())
