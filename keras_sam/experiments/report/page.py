"""A page of headings, text, tables, figures and commands, as Markdown and as one HTML file."""

import base64
import dataclasses
import html
from pathlib import Path
from urllib.parse import quote

STYLE = """
:root { color-scheme: light dark; --line: #c8c8c8; --soft: #f3f4f6; }
@media (prefers-color-scheme: dark) { :root { --line: #555; --soft: #26282c; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 0 auto; padding: 1rem; }
h1 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
h1, h2, p, li, pre { overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; vertical-align: top; }
thead th { white-space: normal; vertical-align: bottom; background: var(--soft); }
th:first-child, td:first-child { text-align: left; }
.figures { display: grid; gap: 1rem; margin: 1.5rem 0; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
figure { margin: 0; break-inside: avoid; }
img { width: 100%; max-width: 42rem; height: auto; border-radius: 6px; background: #fff; }
figcaption { font-size: .9rem; }
pre { white-space: pre-wrap; background: var(--soft); padding: .6rem; border-radius: 6px;
  font-size: .85rem; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } .wide { overflow: visible; }
  table, pre { font-size: 7.5pt; } th, td { padding: .15rem .3rem; }
  .figures { grid-template-columns: 1fr 1fr; } }
"""  # noqa: E501


@dataclasses.dataclass(frozen=True)
class Heading:
    """A title; `level` 1 is the page's own."""

    text: str
    level: int = 2

    def markdown(self):
        return f"{'#' * self.level} {_marked(self.text)}"

    def html(self):
        return f"<h{self.level}>{html.escape(self.text)}</h{self.level}>"


@dataclasses.dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str

    def markdown(self):
        return _marked(self.text)

    def html(self):
        return f"<p>{html.escape(self.text)}</p>"


@dataclasses.dataclass(frozen=True)
class Points:
    """A list of short texts."""

    texts: list

    def markdown(self):
        return "\n".join(f"- {_marked(text)}" for text in self.texts)

    def html(self):
        items = "".join(f"<li>{html.escape(text)}</li>" for text in self.texts)
        return f"<ul>{items}</ul>"


@dataclasses.dataclass(frozen=True)
class Commands:
    """Command lines, to copy."""

    lines: list

    def markdown(self):
        return "\n".join(["```", *self.lines, "```"])

    def html(self):
        return f"<pre>{html.escape(chr(10).join(self.lines))}</pre>"


@dataclasses.dataclass(frozen=True)
class Link:
    """A link in a table's cell, to a path relative to the page."""

    text: str
    path: str

    def markdown(self):
        return f"[{_marked(self.text)}]({quote(self.path)})"

    def html(self):
        return f'<a href="{quote(self.path)}">{html.escape(self.text)}</a>'


@dataclasses.dataclass(frozen=True)
class Grid:
    """A table: `columns` maps a title to its cells, each a string or a list of `Link`."""

    columns: dict

    def markdown(self):
        titles = [_marked(title) for title in self.columns]
        rows = [[_cell(cell, "markdown") for cell in row] for row in zip(*self.columns.values())]
        rule = [":--", *["--:"] * (len(titles) - 1)]
        lines = [f"| {' | '.join(row)} |" for row in (titles, rule, *rows)]
        return "\n".join(lines)

    def html(self):
        head = "".join(f'<th scope="col">{html.escape(title)}</th>' for title in self.columns)
        rows = "\n".join(
            f'<tr><th scope="row">{_cell(first, "html")}</th>'
            + "".join(f"<td>{_cell(cell, 'html')}</td>" for cell in rest)
            + "</tr>"
            for first, *rest in zip(*self.columns.values())
        )
        return (
            '<div class="wide"><table>\n'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
        )


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure: `png` holds its bytes, `alt` says what it shows."""

    name: str
    png: bytes
    alt: str
    caption: str

    def markdown(self):
        return f"![{_marked(self.alt)}]({quote(self.name)})\n\n{_marked(self.caption)}"

    def html(self):
        data = base64.b64encode(self.png).decode("ascii")
        return (
            f'<figure><img alt="{html.escape(self.alt)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{html.escape(self.caption)}</figcaption></figure>"
        )


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Figures side by side where there is room."""

    pictures: list

    def markdown(self):
        return "\n\n".join(picture.markdown() for picture in self.pictures)

    def html(self):
        inside = "\n".join(picture.html() for picture in self.pictures)
        return f'<div class="figures">\n{inside}\n</div>'


def _cell(cell, form):
    if isinstance(cell, str):
        escape = _marked if form == "markdown" else html.escape
        return "<br>".join(map(escape, cell.split("\n")))
    return ", ".join(getattr(link, form)() for link in cell)


def _marked(text):
    """Text in which nothing is taken for Markdown's marks."""
    return "".join(f"\\{c}" if c in r"\`*_[]<>|#" else c for c in " ".join(text.split()))


def write(blocks, title, folder, write_whole):
    """Writes `report.md` with its figures beside it, and `report.html` with them inside.

    Args:
        blocks: List of the page's parts.
        title: String.
        folder: Path of a folder, which is made.
        write_whole: Function of a path and of a function that writes to a path; no half file stays.

    Returns:
        List of the paths of the two pages.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [p for block in blocks if isinstance(block, Pictures) for p in block.pictures]
    for picture in pictures:
        write_whole(folder / picture.name, lambda path, png=picture.png: path.write_bytes(png))
    blocks = [Heading(title, 1), *blocks]
    texts = {
        "report.md": "\n\n".join(block.markdown() for block in blocks) + "\n",
        "report.html": _document(title, "\n".join(block.html() for block in blocks)),
    }
    for name, text in texts.items():
        write_whole(folder / name, lambda path, text=text: path.write_text(text, encoding="utf-8"))
    return [folder / name for name in texts]


def _document(title, body):
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
