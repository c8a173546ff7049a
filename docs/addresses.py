"""Addresses of the project, from one setting: `[tool.keras-sam] repository` in pyproject.toml.

While it is empty, links are relative, and there are no badges. With an address, `make readme` gives
the README its badges and each guide its button for Colab, and a package's description gets links
that lead there from any page (`setup.py`).
"""

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
GUIDES = ROOT / "docs" / "guides"
BRANCH = "main"
LINK = re.compile(r"(!?)(\[(?:[^\[\]]|\[[^\]]*\])*\])\((?!\w+:|#)([^)]+)\)")
BUTTONS = re.compile(r"^\[!\[.*\n\n?", re.MULTILINE)  # Lines of badges.
COLAB = "https://colab.research.google.com"


def repository() -> str:
    """The address of the repository, as `https://github.com/owner/name`; empty without one."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return settings["tool"]["keras-sam"]["repository"].rstrip("/")


def badges(address: str) -> str:
    """A line of badges: the tests of the main branch, the newest release, the licence."""
    tests = f"{address}/actions/workflows/tests.yml"
    shown = {
        "tests": (f"{tests}/badge.svg?branch={BRANCH}", tests),
        "release": (
            "https://img.shields.io/pypi/v/keras-sam",
            "https://pypi.org/project/keras-sam",
        ),
        "licence": ("https://img.shields.io/pypi/l/keras-sam", f"{address}/blob/{BRANCH}/LICENSE"),
    }
    return " ".join(f"[![{name}]({image})]({link})" for name, (image, link) in shown.items())


def with_badges(text: str, address: str) -> str:
    """A README with the badges below its title, or without any."""
    title, rest = BUTTONS.sub("", text).split("\n\n", 1)
    return "\n\n".join([title, *([badges(address)] if address else []), rest])


def absolute(text: str, address: str) -> str:
    """Markdown whose relative links and pictures lead to the repository; as it is without one."""
    if not address:
        return text
    place = {"": f"{address}/blob/{BRANCH}/", "!": f"{address}/raw/{BRANCH}/"}
    return LINK.sub(lambda link: f"{link[1]}{link[2]}({place[link[1]]}{link[3]})", text)


def with_colab(notebook: str, address: str, name: str) -> str:
    """A guide with a button that opens it on Colab below its title, or without one.

    Args:
        notebook: String, the file as it is.
        address: String, of the repository.
        name: String, the file's name.
    """
    content = json.loads(notebook)
    first = content["cells"][0]
    text = BUTTONS.sub("", "".join(first["source"]))
    if address:
        path = f"{address.split('://', 1)[1].replace('.com', '')}/blob/{BRANCH}/docs/guides/{name}"
        button = f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/{path})"
        title, rest = text.split("\n\n", 1)
        text = "\n\n".join([title, button, rest])
    first["source"] = text.splitlines(keepends=True)
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def pages() -> dict[Path, str]:
    """The README and the guides as they must read with the setting, each under its path."""
    address = repository()
    found = {README: with_badges(README.read_text(encoding="utf-8"), address)}
    for path in sorted(GUIDES.glob("*.ipynb")):
        found[path] = with_colab(path.read_text(encoding="utf-8"), address, path.name)
    return found


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
