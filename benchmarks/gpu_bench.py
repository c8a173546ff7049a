"""Measures a step of SAM on a GPU, in bfloat16, beside steps written by hand: `make gpu-bench`.

    KERAS_BACKEND=jax python benchmarks/gpu_bench.py --output=benchmarks/results/gpu_bench_jax.json

trains ResNet-50, ViT-S/16 and EfficientNet-B0 on random images of 224 pixels that are on the device
already: by `fit`, plainly and with SAM, and by hand (on JAX `jax.value_and_grad` and Optax, on
PyTorch `torch.nn` and `pytorch_optimizer`, with and without `torch.compile`). It writes the JSON
file, and the tables beside it as text. README.md in this folder says what each column is.

Without a GPU it ends in one line; --smoke tries it in a minute, on small stand-ins, and measures
nothing. It has been run that way alone: no GPU was at hand.
"""

import os
import sys
from pathlib import Path
from typing import Any

import _gpu_report
import _gpu_worker
import _text
from absl import app, flags

FLAGS = flags.FLAGS
NETWORKS = ("resnet50", "vit_small16", "efficientnet_b0")
PEERS = {"jax": ("optax",), "torch": ("pytorch_optimizer", "pytorch_optimizer compiled")}
OURS = ("plain", "sam")
KERAS_BY_HAND = ("efficientnet_b0",)  # No twin in torch.nn: and nothing that compiles well.
SETTING = ("batch_size", "rounds", "steps", "compiler", "tiny")
SMOKE = {"batch_size": 4, "rounds": 1, "steps": 1, "compiler": "aot_eager", "tiny": True}

flags.DEFINE_list("networks", list(NETWORKS), f"Several of: {', '.join(NETWORKS)}.")
flags.DEFINE_integer("batch_size", 128, "Images a step.", lower_bound=1)
flags.DEFINE_integer("rounds", 8, "Turns that each case gets.", lower_bound=1)
flags.DEFINE_integer("steps", 20, "Steps a turn.", lower_bound=1)
flags.DEFINE_string("compiler", "inductor", "Backend of torch.compile.")
flags.DEFINE_bool("tiny", False, "Small stand-ins for the networks, also without a GPU.")
flags.DEFINE_bool("smoke", False, "Try everything: tiny, one step a turn, and in one process.")
flags.DEFINE_string("output", None, "JSON file to write, and a text file beside it.")
flags.DEFINE_bool("worker", False, "Internal: do the jobs that the parent sends.")


def main(argv: list[str]) -> None:
    """Measures what the flags ask for."""
    if len(argv) > 1:
        raise app.UsageError(f"Options start with two dashes. Received: {' '.join(argv[1:])}")
    for name, value in SMOKE.items() if FLAGS.smoke else ():
        FLAGS.set_default(name, value)
    setting = {name: FLAGS[name].value for name in SETTING}
    if FLAGS.worker:
        _gpu_worker.serve(setting)
        return
    _check()
    # Else a compilation would be read from the disk that another case has left there.
    os.environ.setdefault("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")
    command = [sys.executable, __file__, *sys.argv[1:], "--worker"]
    workers = _gpu_worker.Workers(command, is_kept=FLAGS.smoke)
    try:
        _measure(workers, setting)
    finally:
        workers.close()


def _check() -> None:
    if os.environ.get("KERAS_BACKEND") not in PEERS:
        backend = os.environ.get("KERAS_BACKEND")
        _fail(f"KERAS_BACKEND must be one of {', '.join(PEERS)}. Received: {backend}")
    for network in FLAGS.networks:
        if network not in NETWORKS:
            _fail(f"The networks must be of {', '.join(NETWORKS)}. Received: {network}")


def _fail(message: str) -> None:
    sys.exit(f"gpu_bench.py: {message}")


def _measure(workers: _gpu_worker.Workers, setting: dict[str, Any]) -> None:
    around = workers.ask("surroundings")
    if "error" in around:
        _fail(around["error"])
    if around["name"] is None and not FLAGS.tiny:
        _fail(f"{around['backend']} finds no GPU; --smoke tries the script without one.")
    result: dict[str, Any] = {"setting": {**around, **setting}, "networks": {}}
    parts = [_gpu_report.heading(result["setting"])]
    for network in FLAGS.networks:
        found = _network(workers, network, around["backend"], setting)
        result["networks"][network] = found
        parts.append(_gpu_report.text(network, found, around["backend"]))
        _save(result, "\n\n".join(parts))  # After each: hours may pass until the last.
    print("\n\n".join(parts))


def _network(
    workers: _gpu_worker.Workers, network: str, backend: str, setting: dict[str, Any]
) -> dict[str, Any]:
    """Probes of each case, turns of those that could be had, and notes on the others."""
    probes = _probes(workers, network, backend)
    notes = [f"{name}: {p['error']}" for name, p in probes.items() if "error" in p]
    probes = {name: probe for name, probe in probes.items() if "error" not in probe}
    kept = [name for name in probes if _plain(name) in probes]
    _say(f"{network}, {setting['rounds']} turns of {setting['steps']} steps: {', '.join(kept)}")
    turns = workers.ask("turns", network, kept)
    if "error" in turns:
        return {"cases": {}, "peers": {}, "notes": [*notes, f"turns: {turns['error']}"]}
    return {**_gpu_report.network(turns, probes, setting), "notes": notes}


def _probes(workers: _gpu_worker.Workers, network: str, backend: str) -> dict[str, Any]:
    probes = {}
    for name in _names(network, backend):
        _say(f"{network}, {name}")
        probes[name] = workers.ask("probe", network, name)
    return probes


def _names(network: str, backend: str) -> list[str]:
    peers = [p for p in PEERS[backend] if not ("compiled" in p and network in KERAS_BY_HAND)]
    return [*OURS, *(f"{peer} {case}" for peer in peers for case in OURS)]


def _plain(name: str) -> str:
    """The case over whose step a case's ratio is: the plain one of the same implementation."""
    return " ".join([*name.split()[:-1], "plain"])


def _save(result: dict[str, Any], text: str) -> None:
    _text.save(result, FLAGS.output)
    if FLAGS.output:
        Path(FLAGS.output).with_suffix(".txt").write_text(text + "\n")


def _say(line: str) -> None:
    print(f"... {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    app.run(main)
