"""Federated SAM by Flower's own processes on the loopback: a superlink and two supernodes.

    KERAS_BACKEND=jax python benchmarks/flower_processes.py --workdir=runs/flower compare=fedsam

runs the app of examples/flower; what follows the flags overrides its run configuration. With
--kill, one of the supernodes is killed once a round is done, and the training goes on without it.
"""

import argparse
import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

APP = Path(__file__).parents[1] / "examples" / "flower"
BIN = Path(sys.executable).parent
QUIET = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}
PATIENCE = 300  # Seconds in which a whole run has to end, or the superlink to start.


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workdir", default="runs/flower")
    parser.add_argument("--kill", action="store_true")
    options, given = parser.parse_known_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # And end what was started.
    workdir = Path(options.workdir).resolve()
    workdir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as stack:
        link, *nodes = free_ports(3)
        environment = {**os.environ, **QUIET, "FLWR_HOME": home}
        environment["PATH"] = f"{BIN}:{environment['PATH']}"
        Path(home, "config.toml").write_text(
            f'[superlink]\ndefault = "loopback"\n\n[superlink.loopback]\n'
            f'address = "127.0.0.1:{link}"\ninsecure = true\n'
        )

        def start(name, *arguments):
            command = [f"flower-{name.split('_')[0]}", "--insecure", *map(str, arguments)]
            print("$", shlex.join(command), flush=True)
            log = stack.enter_context((workdir / f"{name}.log").open("w"))
            process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )
            stack.callback(end, process)
            return process

        start("superlink", "--port", link, "--disable-runtime-dependency-installation")
        wait_for(link)
        clients = [
            start(
                f"supernode_{number}", "--superlink", f"127.0.0.1:{link}", "--port", port,
                "--node-config", f"partition-id={number} num-partitions={len(nodes)}",
            )
            for number, port in enumerate(nodes)
        ]  # fmt: skip
        config = " ".join([f'workdir="{workdir}"', *map(quoted, given)])
        command = ["flwr", "run", str(APP), "loopback", "--stream", "--run-config", config]
        print("$ flwr run examples/flower loopback --stream --run-config", *given, flush=True)
        run = subprocess.Popen(command, env=environment, start_new_session=True)
        stack.callback(end, run)
        if options.kill:
            wait_for_round(workdir, run)
            print("Killing supernode_1", flush=True)
            os.killpg(clients[1].pid, signal.SIGKILL)
        sys.exit(run.wait(PATIENCE))


def free_ports(count):
    """Numbers of ports of the loopback that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_for(port):
    """Waits until somebody listens on a port."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.2)
    sys.exit(f"Nothing listens on port {port}: see superlink.log.")


def wait_for_round(workdir, run):
    """Waits until a round is done."""
    while run.poll() is None:
        for path in workdir.glob("*/*/metrics.jsonl"):
            if any(json.loads(line)["round"] >= 1 for line in path.read_text().splitlines()):
                return
        time.sleep(0.2)


def quoted(pair):
    """`name=value` as TOML has it."""
    name, _, value = pair.partition("=")
    with contextlib.suppress(ValueError):
        return f"{name}={float(value) if '.' in value else int(value)}"
    return f'{name}="{value}"'


def end(process):
    """Ends a process with those that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
