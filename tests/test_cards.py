"""Every method has a card, and what the cards state of the code is so."""

import ast
import inspect
import re

import keras
import pytest

import keras_sam
from docs.update_methods import CARDS, INDEX, index
from keras_sam.methods.registry import ROWS

METHODS = keras_sam.methods.list()
pytestmark = pytest.mark.once
HEADINGS = [
    "Update",
    "Use",
    "Arguments",
    "Cost and state",
    "When it does not help",
    "How the reference differs",
    "Citation",
]
FACTORY_CALL = re.compile(r"keras_sam\.methods\.\w+$")


def card(name):
    return (CARDS / f"{name}.md").read_text(encoding="utf-8")


def section(text, heading):
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def prose(text):
    """`text` without its code blocks, whose comments look like headings."""
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def code_blocks(text):
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


def arguments(text):
    """Argument and default of each line of the table of arguments."""
    lines = [line for line in section(text, "Arguments").splitlines() if line.startswith("|")]
    cells = [[cell.strip().strip("`") for cell in line.split("|")[1:3]] for line in lines]
    assert cells[0] == ["argument", "default"]
    return cells[2:]


def factory_calls(tree):
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and FACTORY_CALL.match(ast.unparse(node.func))
    ]


@pytest.mark.parametrize("name", METHODS)
def test_card_has_the_headings_of_the_template(name):
    text = card(name)
    assert re.match(rf"# {name}: \S.*\n\n\S", text), "title, then the idea"
    headings = re.findall(r"^#+ (.*)$", prose(text), flags=re.MULTILINE)
    assert headings[1:] == HEADINGS
    assert all(section(text, heading).strip() for heading in HEADINGS)
    assert 40 <= len(text.splitlines()) <= 85


@pytest.mark.parametrize("name", METHODS)
def test_table_names_the_arguments_and_defaults_of_the_factory(name):
    parameters = inspect.signature(ROWS[name].factory).parameters.values()
    own = [p for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]
    assert arguments(card(name)) == [[p.name, repr(p.default)] for p in own]


@pytest.mark.parametrize("name", METHODS)
def test_examples_compile_and_their_methods_construct(name):
    trees = [ast.parse(block) for block in code_blocks(card(name))]
    assert any(f"method='{name}'" in ast.unparse(tree) for tree in trees), "no example by name"
    calls = [call for tree in trees for call in factory_calls(tree)]
    assert calls, "no example with options"
    for call in calls:
        method = eval(ast.unparse(call), {"keras": keras, "keras_sam": keras_sam})
        assert method.name == name


@pytest.mark.parametrize("name", METHODS)
def test_card_says_where_a_part_of_the_batch_is_refused(name):
    says_so = "no `ascent_fraction`" in section(card(name), "Arguments")
    try:
        ROWS[name].factory(ascent_fraction=0.5)
        is_refused = False
    except ValueError:
        is_refused = True
    assert says_so == is_refused


@pytest.mark.parametrize("name", METHODS)
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)#:]+\.md)", card(name)):
        assert (CARDS / target).exists(), target


def test_there_is_no_card_without_a_row():
    cards = {path.stem for path in CARDS.glob("*.md")} - {INDEX.stem}
    assert cards == set(METHODS)


def test_what_the_index_shows_is_the_registrys():
    """A method that is not in the table yet comes in with the next `make readme`."""
    lines = INDEX.read_text(encoding="utf-8").splitlines()
    assert len(lines) > 60
    assert set(lines) <= set(index().splitlines()), "run `make readme`"
