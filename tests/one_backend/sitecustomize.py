"""Python reads this first where its folder is in PYTHONPATH: hides all backends but Keras's own."""

import os
import sys
from importlib.machinery import ModuleSpec

HIDDEN = {"jax", "tensorflow", "torch"} - {os.environ.get("KERAS_BACKEND")}


class Missing:
    """Finder and loader of the modules that cannot be imported."""

    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name.split(".")[0] in HIDDEN else None

    def create_module(self, spec):
        raise ModuleNotFoundError(f"No module named {spec.name!r}", name=spec.name)

    exec_module = create_module


sys.meta_path.insert(0, Missing())
