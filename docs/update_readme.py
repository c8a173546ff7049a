"""Writes the table of methods into the README, from the registry: `make readme`."""

import pathlib

import keras_sam

README = pathlib.Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- methods: begin -->\n", "<!-- methods: end -->\n"


def methods_table() -> str:
    """The registry as a Markdown table.

    Returns:
        String, a header and a line for each method.
    """
    heads = ("name", "what it does", "options of its own", "gradients a step", "from")
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in keras_sam.methods.list(detail=True):
        own = [f"`{name}`" for name in row.own_options]
        name = f"[`{row.name}`](docs/methods/{row.name}.md)"
        cells = (name, row.summary, ", ".join(own), str(row.cost), row.paper)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def updated(readme: str) -> str:
    """`readme` with the present table between its two markers."""
    before, rest = readme.split(BEGIN)
    after = rest.split(END)[1]
    return before + BEGIN + methods_table() + END + after


def shown(readme: str) -> list[str]:
    """The lines of the table that `readme` has now."""
    return readme.split(BEGIN)[1].split(END)[0].splitlines()


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
