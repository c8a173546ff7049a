"""The page: what it says, whether it is well formed, and how it looks in a browser."""

import html.parser
import os
import re
import shutil
import subprocess
from urllib.parse import unquote

import pytest
from PIL import Image

from .reported import make_run, write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
VOID = ("meta", "img", "br")


class Checked(html.parser.HTMLParser):
    """Collects the elements of a page, and refuses tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.found = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def every(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Folder of a report of SGD and SAM, one of whose runs failed and one of which stopped."""
    folder = tmp_path_factory.mktemp("reported")
    runs = folder / "runs <&> more"
    own = {"preset": "e6", "num_train": 500}
    for seed, (sgd, sam) in zip((20, 30, 40), ((65.15, 71.22), (64.03, 70.77), (64.17, 70.98))):
        make_run(runs, sgd, seed, epochs=8, **own)
        make_run(runs, sam, seed, method="sam", rho=0.05, **own)
    failed = make_run(runs, 1, 50, method="sam", rho=0.05, finished=False, **own)
    (failed / "error.txt").write_text("Traceback …\nValueError: the <disk> is full\n")
    stopped = make_run(runs, 1, 60, method="sam", rho=0.05, finished=False, **own)
    with open(stopped / "metrics.jsonl", "a") as file:
        file.write('{"epoch": 5, "lo')
    command = "KERAS_BACKEND=jax python apps/train_resnet.py --preset=e6 --num_train=500"
    (runs / "table.txt").write_text(f"{command}\n\ntable\n")
    write_report(f"--runs={runs}", f"--output={folder / 'page'}", "--title=E6 & <more>")
    return folder / "page"


@pytest.fixture
def page(report):
    return (report / "report.html").read_text(encoding="utf-8")


def rows(report):
    """The lines of the Markdown table, as dictionaries from a title to a cell."""
    text = (report / "report.md").read_text(encoding="utf-8")
    lines = [line for line in text.split("\n") if line.startswith("| ")]
    titles, _, *cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    return [dict(zip(titles, row)) for row in cells]


def test_a_row_has_ours_and_the_published(report):
    sgd, sam = rows(report)
    assert (sgd["method"], sgd["epochs"], sam["rho"], sam["epochs"]) == ("sgd", "8", "0.05", "4")
    assert sam["test accuracy, %"] == "70.99 ± 0.56" and sam["test error, %"] == "29.01 ± 0.56"
    assert sam["training accuracy, %"] == "100.0 ± 0.0"
    assert sgd["gain over sgd, points"] == "" and sam["gain over sgd, points"] == "+6.54 ± 1.01"
    assert sam["published, %"].startswith("accuracy 70.99 ± 0.23")
    assert sam["published gain, points"] == "+6.54" and sam["seeds"] == "3"
    assert (sgd["training time, s"], sam["training time, s"]) == ("16.0 ± 0.0", "8.0 ± 0.0")


def test_runs_without_an_end_are_named_and_in_no_mean(report, page):
    text = (report / "report.md").read_text(encoding="utf-8")
    assert "2 of 8 runs are in no mean" in text and "2 of 8 runs are in no mean" in page
    assert "seed 50: failed: ValueError: the &lt;disk&gt; is full" in page
    assert "seed 60: unfinished: 4 of 4 epochs" in page


def test_a_shrunken_experiment_is_said_to_be_one(page):
    assert "of kind and not of size" in page and "500 training images are used, not all" in page
    assert "Our reading of the published figures of E6: SAM after half the epochs" in page


def test_the_command_is_on_the_page(page):
    assert "apps/train_resnet.py --preset=e6 --num_train=500</pre>" in page


def test_the_page_is_well_formed_and_holds_everything(report, page):
    checked = Checked(page)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in checked.found}
    assert "@import" not in page and not re.search(r"url\(|https?://", page)
    pictures = checked.every("img")
    assert len(pictures) == 2
    for picture in pictures:
        assert picture["src"].startswith("data:image/png;base64,") and len(picture["alt"]) > 40
    assert {cell["scope"] for cell in checked.every("th")} == {"col", "row"}
    assert checked.every("html")[0]["lang"] == "en"
    assert "<title>E6 &amp; &lt;more&gt;</title>" in page and "viewport" in page
    for link in checked.every("a"):  # Relative, from the page to the folders of its runs.
        assert (report / unquote(link["href"]) / "settings.json").is_file()
    assert len(checked.every("a")) == 8


def test_the_figures_of_the_markdown_are_beside_it(report):
    text = (report / "report.md").read_text(encoding="utf-8")
    names = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    pages = {"report.md", "report.html", "runs.csv", "runs.json"}
    assert {*names, *pages} == set(os.listdir(report)) and len(names) == 2
    for name in names:
        with Image.open(report / name) as image:
            assert min(image.size) > 500


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [1200, 500])
def test_the_page_opens_in_a_browser(report, tmp_path, width):
    picture = tmp_path / "page.png"
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]
    command += [f"--screenshot={picture}", f"--window-size={width},2200"]
    command += [(report / "report.html").as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    with Image.open(picture) as image:
        assert image.size == (width, 2200)
        # The figures have colours, and they are not at the top, where the text is.
        colours = image.convert("RGB").crop((0, 500, width, 2200)).getcolors(1 << 24)
        assert sum(count for count, (r, g, b) in colours if r - b > 100) > 300
        assert sum(count for count, (r, g, b) in colours if b - r > 100) > 300
