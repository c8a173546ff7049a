"""The built site in a browser, and its links: `make docs` runs this, `make test` does not.

Each page is opened in a frame of 1200 and of 390 pixels, which tells how wide its content is and
what it has asked for.
"""

import functools
import html
import html.parser
import http.server
import json
import re
import shutil
import subprocess
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

SITE = Path(__file__).parents[1] / "build" / "docs"
PAGES = sorted(str(path.relative_to(SITE)) for path in SITE.rglob("*.html"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    *("--window-size=1400,1000", "--virtual-time-budget=600000", "--dump-dom"),
)
pytestmark = pytest.mark.skipif(not PAGES, reason="the site is not built: make docs")

LOOK = """<!doctype html><meta charset="utf-8"><pre id="found"></pre><script>
async function framed(page, width) {
  const frame = document.createElement("iframe");
  frame.style = `width: ${width}px; height: 900px; border: 0`;
  frame.src = page;
  await new Promise(done => { frame.onload = done; document.body.append(frame); });
  return frame;
}
async function opened(page, width) {
  const frame = await framed(page, width);
  const inside = frame.contentWindow;
  if (inside.MathJax && inside.MathJax.startup) await inside.MathJax.startup.promise;
  const root = inside.document.documentElement;
  const asked = inside.performance.getEntriesByType("resource").map(entry => entry.name);
  const found = [page, width, root.scrollWidth, asked.filter(url => !url.startsWith(origin))];
  frame.remove();
  return found;
}
async function searched(word) {
  const inside = (await framed(`search.html?q=${word}`, 1200)).contentDocument;
  const hits = () => [...inside.querySelectorAll("#search-results li a")].map(hit => hit.href);
  for (let wait = 0; wait < 100 && !hits().length; wait++)
    await new Promise(done => setTimeout(done, 100));
  return hits();
}
(async () => {
  const found = {pages: [], hits: []};
  for (const page of PAGES)
    for (const width of [1200, 390]) found.pages.push(await opened(page, width));
  found.hits = await searched("looksam");
  document.getElementById("found").textContent = JSON.stringify(found);
})();
</script>"""


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    """What the browser saw.

    `pages`: for each page and width `(page, width, width of the content, addresses elsewhere)`;
    `hits`: the addresses that a search has found.
    """
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    look = SITE / "_look.html"
    look.write_text(LOOK.replace("PAGES", json.dumps(PAGES)), encoding="utf-8")
    handler = functools.partial(_Quiet, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        profile = tmp_path_factory.mktemp("profile")
        address = f"http://127.0.0.1:{server.server_port}/_look.html"
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", address]
        page = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
        server.shutdown()
    look.unlink()
    found = re.search(r'<pre id="found">(.+?)</pre>', page.stdout, re.DOTALL)
    assert found, page.stdout[-2000:] + page.stderr[-2000:]
    return json.loads(html.unescape(found.group(1)))


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def test_every_page_was_opened(looked):
    assert len(looked["pages"]) == 2 * len(PAGES) > 120


def test_nothing_is_wider_than_the_page(looked):
    wide = [(page, width, content) for page, width, content, _ in looked["pages"]]
    assert [row for row in wide if row[2] > row[1]] == []


def test_nothing_comes_from_the_network(looked):
    assert [(page, urls) for page, _, _, urls in looked["pages"] if urls] == []


def test_the_search_finds_a_method(looked):
    assert "looksam" in " ".join(looked["hits"]).lower()


class _Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.names, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.names |= {attributes.get("id"), attributes.get("name")}
        self.links += [attributes[key] for key in ("href", "src") if attributes.get(key)]


def test_every_link_within_the_site_leads_somewhere():
    pages = {name: _Page((SITE / name).read_text(encoding="utf-8")) for name in PAGES}
    broken = []
    for name, page in pages.items():
        for link in page.links:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            path = unquote(url.path)
            target = (SITE / name).parent / path if path else SITE / name
            known = pages.get(str(target.resolve().relative_to(SITE))) if path else page
            is_there = target.exists() and (
                not url.fragment or known is None or unquote(url.fragment) in known.names
            )
            broken += [] if is_there else [(name, link)]
    assert broken == []
