"""The command `keras-sam`: the apps under one name, for who has installed the package alone."""

import importlib
import sys
from types import ModuleType

from keras_sam.checks import nearest
from keras_sam.experiments.flags.command_line import CONSOLE

COMMANDS = {
    "train": "train_resnet",
    "finetune": "finetune_efficientnet",
    "text": "train_text",
    "adapt": "adapt",
    "federated": "federated",
    "sweep": "sweep",
    "reproduce": "reproduce",
    "report": "report",
    "sharpness": "sharpness",
}
DEMO = (
    *("--dataset=digits", "--model=convnet", "--label_noise=0.4", "--compare=sgd,sam:0.5"),
    *("--seeds=0,1,2", "--epochs=60", "--workdir=runs/demo", "--overwrite", "--verbose=0"),
)
DEMO_TEXT = "Trains on digits with wrong labels, with SGD and with SAM, and compares them."


def main(argv: list[str] | None = None) -> None:
    """Runs the command that a command line names; a mistake ends it in one line.

    Args:
        argv: List of strings, the command line. Defaults to that of the process.
    """
    name, *rest = (sys.argv if argv is None else argv)[1:] or ["--help"]
    if name in ("-h", "--help", "help"):
        print(_help())
        return
    if name == "demo":
        name, rest = "train", [*DEMO, *rest]
    if name not in COMMANDS:
        sys.exit(
            f"{CONSOLE}: Unknown command: {nearest(name, [*COMMANDS, 'demo'])} Received: {name}"
        )
    _module(name).main([f"{CONSOLE} {name}", *rest])


def _help() -> str:
    texts = {name: str(_module(name).__doc__).split("\n")[0] for name in COMMANDS}
    rows = [f"  {name:<10} {text}" for name, text in {"demo": DEMO_TEXT, **texts}.items()]
    usage = f"{CONSOLE} COMMAND [OPTIONS], or {CONSOLE} COMMAND --help\n\nCommands:\n"
    return usage + "\n".join(rows)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"keras_sam.experiments.commands.{COMMANDS[name]}")
