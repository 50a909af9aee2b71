"""Text of a caller in Markdown: no markup, no link, no HTML, whichever renderer shows it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from labgloss.http.markdown import escaped, section, table

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "&lt;script&gt; &#60;b&#62;",
    "[call](javascript:alert(1)) ![x](http://evil.example/y)",
    "see http://evil.example/a?b=c, www.evil.example and HTTPS://EVIL.EXAMPLE",
    "mailto:a@evil.example a.b@evil.example",
    "**bold** _it_ `code` ~~gone~~ ***",
    "# heading", "- item", "+ item", "1. item", "1) item", "> quote", "=====", "```\ncode", "    indented",
    "a | b\n|---|---|\n| c | d |",
    "line\nbreak\r\n\r\nparagraph\u2028more",
    "[ref]: http://evil.example", "[^1]", "\\[x](y)", "\\\\[x](http://evil.example)",
    "see evil.com/x", "//evil.com", "bücher.de", "<https://evil.example>", "\u202eright to left\u202c\u200b",
    "0.41 mmol/L (<0.50 & >0.40)",
]  # fmt: skip


class Elements(HTMLParser):
    """The elements and words of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.names.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


# As lenient as a renderer may be: HTML passes, addresses become links.
RENDERERS = [MarkdownIt("gfm-like", {"html": True, "linkify": True}), MarkdownIt("commonmark")]


def shown(markdown: str) -> list[Elements]:
    return [Elements(renderer.render(markdown)) for renderer in RENDERERS]


def check(text: str) -> None:
    safe = escaped(text)
    assert "\n" not in safe
    # In a list and at the beginning of a paragraph.
    for page in shown(section("T", [safe, "after"])):
        assert ["p", "strong", "ul", "li", *(["li"] if safe else [])] == page.names, (safe, page.names)
    for page in shown(safe):
        assert page.names in (["p"], []), (safe, page.names)
    gfm = shown(table(("a", "b"), [(safe, "after")]))[0]
    assert ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"] == gfm.names, safe
    # Put into a page as it is, it is still no element.
    assert Elements(safe).names == []


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_hostile_is_shown_as_its_words(text: str) -> None:
    check(text)


@settings(deadline=None)
@given(st.lists(st.sampled_from([*HOSTILE, *"*_`[]()<>&#!|~-+=:.@/\\ \n\t0", "http", "www."]), max_size=6).map("".join))
def test_whatever_is_put_together_is_shown_as_its_words(text: str) -> None:
    check(text)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_shown_as_its_words(text: str) -> None:
    check(text)


def test_words_and_numbers_stay_as_they_are() -> None:
    text = "Magnesium 0.41 mmol/L is below the interval (0.70-1.00 mmol/L): moderately low, 67 y, ≥ 3"
    assert text == escaped(text)
    for page in shown(escaped(HOSTILE[-1])):
        assert HOSTILE[-1] == page.words.strip()
