"""What every answer forbids a browser, and what no visitor reads of the server."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from playwright.sync_api import Browser

from explorer.site.content import CONTENTS, PLOTLY, PLOTLY_IN_SPACE
from explorer.site.module import MODULES, Code
from explorer.ui import glossary, picture, way
from tests.browser.conftest import healthy


def headers(address: str | urllib.request.Request) -> dict[str, str]:
    with urllib.request.urlopen(address) as answer:
        return {name.lower(): value for name, value in answer.headers.items()}


@pytest.mark.parametrize("path", ["/", "/sweep", f"/{PLOTLY.address}", "/_stcore/health"])
def test_every_answer_has_them(server: str, path: str) -> None:
    found = headers(server + path)
    assert found["x-content-type-options"] == "nosniff"
    assert found["referrer-policy"] == "same-origin"
    assert "frame-ancestors 'self'" in found["content-security-policy"]


@pytest.mark.parametrize("host", ["app.example", "app.example:8501", "[::1]:80"])
def test_a_page_may_open_a_socket_to_its_own_server_and_to_no_other(server: str, host: str) -> None:
    found = headers(urllib.request.Request(server, headers={"Host": host}))
    assert f"connect-src 'self' ws://{host} wss://{host} data: blob:;" in found["content-security-policy"]


@pytest.mark.parametrize("host", ["a; script-src *", "*", "a b", "' *", ""])
def test_what_is_no_host_stands_in_no_header(server: str, host: str) -> None:
    found = headers(urllib.request.Request(server, headers={"Host": host}))
    assert "connect-src 'self' ws://localhost wss://localhost data: blob:;" in found["content-security-policy"]


@pytest.mark.parametrize("module", [PLOTLY, PLOTLY_IN_SPACE, *(each.CODE for each in (picture, way, glossary))])
def test_code_is_kept_for_good_by_its_name_and_any_other_version_for_now(server: str, module: Code) -> None:
    kept, other = (headers(f"{server}/{address}") for address in (module.address, f"{MODULES}/{module.name}-0123456789abcdef.js"))
    assert "immutable" in kept["cache-control"]
    assert other["cache-control"] == "no-store"
    assert kept["content-encoding"] == other["content-encoding"] == "gzip"
    assert int(kept["content-length"]) == int(other["content-length"]) == len(module.zipped) < len(module.text) / 2


def test_no_component_by_another_name(server: str) -> None:
    for name in ("other-0", "picture", "-"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{server}/{MODULES}/{name}.js")


def test_what_nobody_shows_is_not_found(server: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{server}/{CONTENTS}/{'0' * 32}")


def test_what_the_server_counts_is_closed(server: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{server}/_stcore/metrics")
    assert healthy(server)


def test_a_page_of_others_cannot_show_the_app_nor_be_loaded_by_it(browser: Browser, server: str) -> None:
    page = browser.new_page()
    page.goto(server)
    blocked = page.evaluate(
        """() => new Promise((resolve) => {
             document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => resolve(effectiveDirective));
             new Image().src = "https://other.test/picture.png";
           })"""
    )
    assert blocked == "img-src"
    blocked = page.evaluate(
        """() => new Promise((resolve) => {
             document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => resolve(effectiveDirective));
             try { new WebSocket("wss://other.test"); } catch (refused) { resolve(refused.name); }
           })"""
    )
    assert blocked == "connect-src"
    page.goto(f"data:text/html,<iframe src='{server}'></iframe>")
    assert page.frames[-1].url.startswith("chrome-error:")
    page.close()
