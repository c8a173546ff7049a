"""Links, badges and buttons are made from one setting, the repository's address."""

import json
import re

import pytest

from docs import addresses

ADDRESS = "https://github.com/owner/name"
pytestmark = pytest.mark.once


def test_readme_and_guides_are_up_to_date():
    for path, text in addresses.pages().items():
        assert text == path.read_text(encoding="utf-8"), f"{path.name}: run `make readme`"


def test_a_description_has_no_relative_link():
    text = addresses.absolute(addresses.README.read_text(encoding="utf-8"), ADDRESS)
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 15 and all(link.startswith("https://") for link in links)
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert f"{ADDRESS}/raw/main/docs/sharpness_landscape.png" in pictures


def test_badges_come_and_go_with_the_address():
    text = addresses.README.read_text(encoding="utf-8")
    with_them = addresses.with_badges(text, ADDRESS)
    title, badges, rest = with_them.split("\n\n", 2)
    assert badges.count("[![") == 3 and f"{title}\n\n{rest}" == addresses.with_badges(text, "")
    assert addresses.with_badges(with_them, ADDRESS) == with_them


def test_a_guide_opens_on_colab():
    path = addresses.GUIDES / "01_five_lines.ipynb"
    text = path.read_text(encoding="utf-8")
    with_button = addresses.with_colab(text, ADDRESS, path.name)
    first = "".join(json.loads(with_button)["cells"][0]["source"])
    link = "https://colab.research.google.com/github/owner/name/blob/main/docs/guides/01_five_lines"
    assert first.startswith("# 1. ") and f"]({link}.ipynb)\n" in first
    assert addresses.with_colab(with_button, "", path.name) == addresses.with_colab(text, "", "")
