"""From a card into the lab: the page, its address and what it shows are those of the case, before and after its switch."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from explorer.site.casebook import Case, casebook
from explorer.ui.way import lab
from tests.browser.test_every_page import PHONE
from tests.browser.waiting import settle

Visit = Callable[..., Page]
CASES = {case.name: case for case in casebook()}


def card(page: Page, case: Case) -> Locator:
    """The card of a case, once its words were searched for and its picture was clicked."""
    page.get_by_label("Search").fill(case.title)
    page.get_by_label("Search").press("Enter")
    word = max(case.title.split(), key=len).casefold()
    other = next(each for each in CASES.values() if word not in f"{each.title} {each.label} {each.question} {each.text}".casefold())
    expect(page.locator(f"[data-case={other.name!r}]")).to_have_count(0)  # a click before that may fall between two pages
    page.locator(f"[data-case={case.name!r}]").click()
    found = page.locator(".st-key-cases-card")
    expect(found.get_by_text(case.title, exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(f"case={case.name}$"))
    return found


CASES_AS_THEY_ARE = [(name, False) for name in ("39_weight_decay", "80_homemade_bug", "88_zero_by_zero")]
SWITCHED = [(name, True) for name in ("72_nan_in_the_data", "81_homemade_spike")]


@pytest.mark.parametrize(("name", "undone"), CASES_AS_THEY_ARE + SWITCHED)
def test_open_in_the_lab_leads_to_the_page_with_that_setup(visit: Visit, server: str, name: str, undone: bool) -> None:
    case = CASES[name]
    query = (case.undone.setup if undone else case.setup).to_query()
    page = visit(f"{server}/cases", ignore="404")
    found = card(page, case)
    if undone:
        found.get_by_text(case.switch_label, exact=True).click()
    link = found.get_by_role("link", name="Open in the lab").first  # while a run comes in, Streamlit keeps the old one below the new
    expect(link).to_have_attribute("href", re.compile(re.escape(urlencode(query)) + "$"))
    link.click()
    expect(page.get_by_text(case.question).first).to_be_visible()
    expect(page.locator(".picture[data-drawn]").first).to_be_visible()
    expect(page.get_by_role("button", name="Switch back" if undone else case.switch_label)).to_be_visible()
    settle(page)
    there = urlsplit(page.url)
    assert lab(case.page).endswith(f"_{there.path.strip('/') or 'step_size'}.py")
    assert dict(parse_qsl(there.query)) == query


def test_all_cases_are_at_most_three_screens_of_a_phone(visit: Visit, server: str) -> None:
    page = visit(f"{server}/cases", ignore="404", **PHONE)
    expect(page.locator("[data-case]")).to_have_count(len(CASES))
    settle(page)
    assert page.get_by_test_id("stMain").evaluate("each => each.scrollHeight") <= 3 * 844
    page.locator("[data-case='36_catapult']").click()
    expect(page.locator(".st-key-cases-card").get_by_text(CASES["36_catapult"].title, exact=True)).to_be_in_viewport()
