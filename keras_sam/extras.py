"""Optional packages, imported only where they are used."""

import importlib
from types import ModuleType


def import_extra(module: str, package: str, extra: str = "apps") -> ModuleType:
    """Imports a module of an extra, or says how to install it.

    Args:
        module: String, the module's full name.
        package: String, the name under which it is installed.
        extra: String, the extra of keras-sam that has it. Defaults to `"apps"`.

    Returns:
        The module.

    Raises:
        ImportError: If it is not installed.

    Example:

    >>> from keras_sam.extras import import_extra
    >>> import_extra("json", "json").dumps(1)
    '1'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"This needs {package}, which is not installed: `pip install keras-sam[{extra}]`. "
            f"Received: {error}"
        ) from error
