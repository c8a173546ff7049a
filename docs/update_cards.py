"""Has each method's card say what the method came to when all were tuned alike."""

import re
import textwrap

from docs.update_methods import CARDS
from keras_sam.methods.recommendation import PLAIN, Tuned, tuned

START = "- Tuned alike with all others"
LINE = re.compile(rf"\n{re.escape(START)}.*?(?=\n\n)", re.DOTALL)
SECTION = re.compile(r"(## When it does not help\n.*?)(?=\n\n## )", re.DOTALL)
CHEAPER = 0.9  # Of SAM's price: from here on a method may be as good as SAM and be worth it.


def card(text: str, row: Tuned, sam: Tuned, plain: Tuned) -> str:
    """A card with the line on what its method came to.

    Args:
        text: String, the card with such a line or without.
        row: `Tuned` of its method.
        sam: `Tuned` of SAM.
        plain: `Tuned` of plain training.

    Returns:
        String.
    """
    beside = (
        f"SGD {plain.accuracy:.1f} %" if row is sam else f"sam {_spread(sam)}, SGD {_spread(plain)}"
    )
    words = (
        f"{START} on [digits with wrong labels](../start/which_method.md) it has {_spread(row)} "
        f"at {row.price:.2f} times the step of SGD ({beside}){verdict(row, sam)}."
    )
    line = textwrap.fill(words, 100, subsequent_indent="  ", break_on_hyphens=False)
    return SECTION.sub(lambda found: f"{found[1]}\n{line}", LINE.sub("", text), count=1)


def verdict(row: Tuned, sam: Tuned) -> str:
    """What the intervals tell of a method beside SAM, or beside plain training."""
    if row.gain <= row.gain_margin:
        return ": below SGD" if row.gain < -row.gain_margin else ": no gain over SGD shows"
    if row is sam:
        return ""
    if row.accuracy - row.margin > sam.accuracy + sam.margin:
        return ": above SAM"
    if row.accuracy + row.margin < sam.accuracy - sam.margin:
        return ": below SAM"
    return ": not told apart from SAM" + (", for less" if row.price < CHEAPER * sam.price else "")


def _spread(row: Tuned) -> str:
    return f"{row.accuracy:.1f} ± {row.margin:.1f} %"


def cards() -> dict[str, str]:
    """The text of the card of each method that was tuned.

    Returns:
        Dictionary from a method's name to its card.
    """
    rows = {row.method: row for row in tuned()}
    sam, plain = rows["sam"], rows.pop(PLAIN)
    return {
        name: card((CARDS / f"{name}.md").read_text(encoding="utf-8"), row, sam, plain)
        for name, row in rows.items()
    }


if __name__ == "__main__":
    for name, text in cards().items():
        (CARDS / f"{name}.md").write_text(text, encoding="utf-8")
