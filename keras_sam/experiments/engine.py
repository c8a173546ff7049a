"""The runs of a command on a Ray cluster: its workers start the command, and so share the runs."""

import importlib
import os
import socket
import sys
from types import ModuleType
from typing import Any

from keras_sam.checks import import_extra

SECONDS = 10.0  # To wait for a cluster's answer.
RETRIES = 3  # Of a worker that has died: the next one goes on with its run.


def share(options: dict[str, Any], argv: list[str], module: str) -> None:
    """With `--engine=ray`, has workers of a cluster train, and waits for their end.

    What is left then, the command does as by `--resume`: it sums up. The cluster is that of
    `RAY_ADDRESS`, or one of this machine alone. All its machines must see the same folders.

    Args:
        options: Dictionary of the command's flags, with `engine` and `workers`.
        argv: List of strings, the command line.
        module: String, the name of the command's module in `keras_sam.experiments.commands`.

    Raises:
        ConnectionError: If Ray cannot join the cluster.
    """
    if options["engine"] == "ray" and not is_worker():
        ray = import_extra("ray", "ray", "ray")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # It would report to its makers.
        ray.init(include_dashboard=False, logging_level="warning", runtime_env=_environment())
        try:
            _wait_for_workers(ray, options["workers"], _of_worker(argv), module)
        finally:
            ray.shutdown()


def is_worker() -> bool:
    """Whether this process is a worker of Ray's."""
    return getattr(sys.modules.get("ray"), "is_initialized", bool)()


def check(options: dict[str, Any]) -> None:
    """Refuses an engine that is not installed or not there, before anything is begun.

    Raises:
        ImportError: With what to install.
        ValueError: If nothing answers at `RAY_ADDRESS`, for which Ray would wait minutes.
    """
    if options["engine"] == "ray" and not is_worker():
        import_extra("ray", "ray", "ray")
        address = os.environ.get("RAY_ADDRESS", "")
        host, _, port = address.rpartition("//")[2].rpartition(":")
        try:
            if port.isdecimal():
                socket.create_connection((host, int(port)), timeout=SECONDS).close()
        except (OSError, OverflowError) as error:
            raise ValueError(
                "RAY_ADDRESS must be host:port of a cluster that `ray start --head` has started. "
                f"Received: RAY_ADDRESS={address}: {error}"
            ) from error


def _environment() -> dict[str, dict[str, str]]:
    names = ("KERAS_BACKEND", "PYTHONPATH", "TF_CPP_MIN_LOG_LEVEL")
    return {"env_vars": {name: os.environ[name] for name in names if name in os.environ}}


def _of_worker(argv: list[str]) -> list[str]:
    """The command line of a worker: what its flags would remove is removed by now."""
    end = argv.index("--") if "--" in argv else len(argv)
    again = [word for word in argv[1:end] if word.lstrip("-") != "overwrite"]
    return [argv[0], *again, "--resume", *argv[end:]]


def _wait_for_workers(ray: ModuleType, count: int, argv: list[str], module: str) -> None:
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0))
    count = count or gpus or int(resources["CPU"])
    print(f"Ray: {count} workers on {len(ray.nodes())} machines", flush=True)
    task = ray.remote(_work).options(
        num_gpus=1 if gpus else 0, max_retries=RETRIES, scheduling_strategy="SPREAD"
    )
    started = [task.remote(os.getcwd(), argv, module) for _ in range(count)]
    for number, worker in enumerate(started, start=1):
        try:
            trouble = ray.get(worker)
        except ray.exceptions.RayError as error:
            trouble = f"lost: {str(error).splitlines()[0]}"
        if trouble:
            print(f"worker {number}: {trouble}", flush=True)


def _work(folder: str, argv: list[str], module: str) -> str:
    """Runs a command in a worker; returns what has ended it before its end, if anything did."""
    os.chdir(folder)
    try:
        importlib.import_module(f"keras_sam.experiments.commands.{module}").main(argv)
    except SystemExit as end:  # For Ray, the death of a worker.
        return str(end.code)
    return ""
