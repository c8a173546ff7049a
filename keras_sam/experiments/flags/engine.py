"""The flags of where the runs of a command are trained."""

from typing import Any

from absl import flags


def define(values: flags.FlagValues) -> None:
    """Defines the flags.

    Args:
        values: The app's own `absl.flags.FlagValues`.
    """
    own: dict[str, Any] = {"flag_values": values, "module_name": "Options"}
    flags.DEFINE_enum(
        "engine",
        "local",
        ["local", "ray"],
        "ray: workers of a Ray cluster share the runs: that of the variable RAY_ADDRESS, or one "
        "of this machine alone.",
        **own,
    )
    flags.DEFINE_integer(
        "workers", 0, "Of Ray. 0: one for each GPU of the cluster, or else each CPU.", 0, **own
    )
