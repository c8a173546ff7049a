"""Whether the API pages hold every public name: the build of the site asks."""

import importlib.util
import inspect
from collections.abc import Iterator

from sphinx.util import logging

PACKAGE = "keras_sam"
# Not among the names of the package itself, which imports without what these need.
FURTHER = ("keras_sam.experiments", "keras_sam.federated")


def everything() -> list[str]:
    """Full names of all that is public."""
    modules = [PACKAGE, *(name for name in FURTHER if importlib.util.find_spec(name))]
    found = [name for module in modules for name in names(module)]
    return [name for name in found if not name.endswith(".__version__")]


def names(module_name: str) -> Iterator[str]:
    """Full names of what a module exports, and of what the modules that it exports do."""
    module = importlib.import_module(module_name)
    for name in getattr(module, "__all__", _saved(module)):
        try:
            thing = getattr(module, name)
        except ImportError:  # It needs a package of its own, which the site does without.
            thing = None
        if not inspect.ismodule(thing):
            yield f"{module_name}.{name}"
        elif thing.__name__.startswith(PACKAGE):
            yield from names(f"{module_name}.{name}")


def _saved(module):
    """The classes of a module without `__all__` that are saved with a model."""
    return [
        name
        for name, thing in vars(module).items()
        if getattr(thing, "__module__", None) == module.__name__ and hasattr(thing, "get_config")
    ]


def check(app, env) -> None:
    """Warns of each public name that no page documents, which ends the build."""
    documented = env.get_domain("py").objects
    for name in everything():
        if name not in documented:
            logging.getLogger(__name__).warning("%s is public and on no page of the API", name)
