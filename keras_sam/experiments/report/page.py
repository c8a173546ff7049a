"""Writes the page of a report, as Markdown and as one HTML file, from the templates beside it."""

import base64
import dataclasses
import functools
import re
from pathlib import Path

import jinja2

from keras_sam.experiments.results.files import write_whole

PAGES = ("report.md", "report.html")


@dataclasses.dataclass(frozen=True)
class Link:
    """A link in a table's cell, to a path relative to the page."""

    text: str
    path: str


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure.

    Args:
        name: String, name of the file.
        png: Its bytes.
        alt: String, what it shows, for who cannot see it.
        caption: String.
    """

    name: str
    png: bytes
    alt: str
    caption: str

    @property
    def base64(self) -> str:
        """The bytes as they stand in a page."""
        return base64.b64encode(self.png).decode("ascii")


@dataclasses.dataclass(frozen=True)
class Section:
    """A table and what belongs to it.

    Args:
        title: String.
        settings: String, what all rows share.
        columns: Dictionary from a title to cells, each a string or a list of `Link`.
        missing: List of strings: how many runs are in no mean, then each of them and why.
        remarks: List of strings.
        pictures: List of `Picture`.
        commands: List of strings, the command lines that made the runs.
    """

    title: str
    settings: str
    columns: dict[str, list]
    missing: list[str]
    remarks: list[str]
    pictures: list[Picture]
    commands: list[str]

    @property
    def rows(self) -> list[tuple]:
        """The table's cells, a tuple a row."""
        return list(zip(*self.columns.values(), strict=True))


def write(sections: list[Section], title: str, introduction: str, folder: Path) -> list[Path]:
    """Writes `report.md` with its figures beside it, and `report.html` with them inside.

    Args:
        sections: List of `Section`.
        title: String.
        introduction: String, the first paragraph.
        folder: Path of a folder, which is made.

    Returns:
        List of the paths of the two pages.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for picture in (picture for section in sections for picture in section.pictures):
        write_whole(folder / picture.name, functools.partial(_bytes_to, picture.png))
    for name in PAGES:
        template = _templates().get_template(name)
        text = template.render(title=title, introduction=introduction, sections=sections)
        write_whole(folder / name, functools.partial(_bytes_to, text.encode("utf-8")))
    return [folder / name for name in PAGES]


def _bytes_to(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _templates() -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_sam.experiments.report"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["marked"] = _marked
    found.filters["fence"] = _fence
    return found


def _fence(lines: list[str]) -> str:
    """Backticks that no line of code among these can be taken to close."""
    runs = (run for line in lines for run in re.findall("`+", line))
    return "`" * max(3, 1 + max(map(len, runs), default=0))


def _marked(text: str) -> str:
    """Text in which nothing is taken for Markdown's marks."""
    return "".join(f"\\{c}" if c in r"\`*_[]<>|#" else c for c in " ".join(text.split()))
