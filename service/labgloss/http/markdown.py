"""Text in GitHub-flavoured Markdown: what a caller sent cannot become markup, a link, or HTML."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_SPACE = re.compile(r"\s+")
# What means something inside a line, and, in an address that would become a link by itself, what makes it one.
_INLINE = re.compile(r"[\\`*_{}\[\]|~!#]")
_ADDRESS = re.compile(r"\b(https?|ftp|mailto|xmpp)(?=:)|\b(www)(?=\.)", re.IGNORECASE)
# Some make a link of whatever looks like the name of a host, and of what begins with two slashes.
_HOST = re.compile(r"\.(?=[^\W\d_])|//")
# What means something at the beginning of a line.
_BEGINS = re.compile(r"^([-+=]|[0-9]{1,9}(?=[.)](?: |$)))")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_UNSEEN = ("Cc", "Cf", "Cs", "Co")


def escaped(text: str) -> str:
    """The text on one line, so that a reader of Markdown shows just its words, and one of HTML no element of it.

    Characters that are not seen, or that turn the direction of writing, are left out.
    """
    marked = _INLINE.sub(r"\\\g<0>", _seen(_SPACE.sub(" ", text)).strip().translate(_HTML))
    unhosted = _HOST.sub(r"\\\g<0>", marked)
    # An escaped @ would be taken for one all the same, once lines are put together.
    unlinked = _ADDRESS.sub(lambda match: f"{match[0]}\\", unhosted).replace("@", " (at) ")
    return _BEGINS.sub(lambda match: f"{match[0]}\\" if match[0][0].isdigit() else f"\\{match[0]}", unlinked)


def _seen(text: str) -> str:
    if text.isascii():
        return _CONTROLS.sub("", text)
    return "".join(each for each in text if unicodedata.category(each) not in _UNSEEN)


def section(title: str, lines: Iterable[str]) -> str:
    """A heading with its lines as a list; nothing without lines. The lines are Markdown already."""
    listed = "\n".join(f"- {line}" for line in lines if line)
    return f"**{title}**\n\n{listed}" if listed else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; nothing without rows. The cells are Markdown already."""
    lines = [f"| {' | '.join(cell or '–' for cell in row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines])
