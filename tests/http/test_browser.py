"""A page in a browser calls a hook and reads the answer where the site lists the origin of the page, and only there."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import external_tools
from tests.http.test_cds_hooks import VIEW, call
from tests.http.test_process import in_process

external_tools.needs("chromium", to="open a page that calls a hook")

PAGE = """<!doctype html><title>EHR</title><pre id="said">waiting</pre><script>
const said = document.getElementById("said");
fetch("URL", {method: "POST", headers: {"content-type": "application/json", "x-request-id": "ID"}, body: BODY})
  .then(answer => answer.json().then(document => {
    said.textContent = answer.headers.get("x-request-id") + " " + document.cards[0].indicator;
  }))
  .catch(error => { said.textContent = "refused: " + error.name; });
</script>"""
REQUEST_ID = "0a4b4f0e-21a9-4c5e-8f3e-2f9f3f0c8f11"


class Site:
    """A web server at an origin of its own, with one page."""

    def __init__(self) -> None:
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(site.content.encode())

            def log_message(self, *_: object) -> None:
                return

        self.content = ""
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def sites() -> Iterator[tuple[Site, Site]]:
    made = Site(), Site()
    yield made
    for each in made:
        each.end()


def shown(site: Site, profile: Path) -> str:
    """What the page says once its call has ended."""
    browser = external_tools.tool("chromium")
    assert browser is not None
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}",
        "--virtual-time-budget=20000", "--dump-dom", f"{site.origin}/",
    ]  # fmt: skip
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout
    return dumped.partition('<pre id="said">')[2].partition("</pre>")[0]


def test_a_page_of_a_listed_origin_shows_the_card_and_any_other_shows_nothing(
    sites: tuple[Site, Site], target: str, tmp_path: Path
) -> None:
    with in_process(target, cors_origins=sites[0].origin) as port:
        for site in sites:
            url, body = f"http://127.0.0.1:{port}/cds-services/{VIEW}", json.dumps(json.dumps(call()))
            site.content = PAGE.replace("URL", url).replace("BODY", body).replace("ID", REQUEST_ID)
        said = [shown(site, tmp_path / str(position)) for position, site in enumerate(sites)]
    assert [f"{REQUEST_ID} critical", "refused: TypeError"] == said
