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
        own = [f"`{name}`" for name in keras_sam.methods.own_options(row.name)]
        name = f"[`{row.name}`](docs/methods/{row.name}.md)"
        cells = (name, row.summary, ", ".join(own), row.cost, row.paper)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def updated(readme: str) -> str:
    """`readme` with the present table between its two markers."""
    before, rest = readme.split(BEGIN)
    after = rest.split(END)[1]
    return before + BEGIN + methods_table() + END + after


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
