"""Settings of the site: `make docs` builds it, without a network and with warnings as errors."""

import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path

DOCS = Path(__file__).parent
os.environ.setdefault("KERAS_BACKEND", "jax")
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

import public_names  # noqa: E402
from docutils import nodes  # noqa: E402
from sphinx.domains.python import PyXRefRole  # noqa: E402

import keras_sam  # noqa: E402

project = "keras_sam"
author = copyright = "keras_sam contributors"
version = release = keras_sam.__version__
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "jupyter_execute"]

# Pages. The guides keep the outputs with which `make guides` has run them.
nb_execution_mode = "off"
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

# API.
autodoc_member_order = "alphabetical"
autodoc_typehints = "none"  # The docstrings say it in words.
autosummary_generate = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = [("Reference", "References")]
add_module_names = False
toc_object_entries_show_parents = "hide"
python_use_unqualified_type_names = True
default_role = "name"

# Look.
html_theme = "furo"
html_title = "keras_sam"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "sidebar_hide_name": False,
    "light_css_variables": {"color-brand-primary": "#0072B2", "color-brand-content": "#0072B2"},
    "dark_css_variables": {"color-brand-primary": "#56B4E9", "color-brand-content": "#56B4E9"},
}
pygments_style = "tango"
pygments_dark_style = "github-dark"

# Maths, from files of the site.
mathjax_path = "mathjax/tex-chtml.js"
MATHJAX = ("mathjax/tex-chtml.js", "mathjax/output/chtml/fonts")


class NameRole(PyXRefRole):
    """Single backticks in a docstring: a link where they hold a public name, else code."""

    LINKED = re.compile(r"(keras_sam\.[\w.]+|[A-Z][A-Za-z0-9]+(\.[a-z_]+)?)(\(\))?\Z")

    def __init__(self):
        super().__init__(warn_dangling=False)

    def run(self):
        if self.LINKED.match(self.text):
            self.name = "py:obj"
            return super().run()
        return [nodes.literal(self.rawtext, self.text)], []


def escape(app, what, name, thing, options, lines):
    """Docstrings are prose: `Objective`s and |w| are to mean what they look like."""
    for number, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            parts = re.split(r"(`[^`]+`)", line)
            parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
            parts[2::2] = [re.sub(r"^(?=\w)", r"\\ ", part) for part in parts[2::2]]
            lines[number] = "".join(parts)


def list_cards(app, page, source):
    """Puts the cards below their index, which has no list for Sphinx on a code host's page."""
    if page == "methods/index":
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\n*\n```\n"


def copy_mathjax(app, exception):
    """Puts MathJax and its fonts beside the pages."""
    if exception is not None or app.builder.format != "html":
        return
    source = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent / "static"
    for name in MATHJAX:
        target = Path(app.outdir, "_static", name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target, dirs_exist_ok=True)
        else:
            shutil.copy(source / name, target)


def setup(app):
    app.add_role("name", NameRole())
    app.connect("autodoc-process-docstring", escape, priority=100)  # Before napoleon.
    app.connect("source-read", list_cards)
    app.connect("env-check-consistency", public_names.check)
    app.connect("build-finished", copy_mathjax)
