"""Reads the project's Markdown: which files there are, their code blocks, their links, their headings."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})(?P<language>\w*)\s*$")
_COMMENT = re.compile(r"^\s*<!--\s*(?P<word>[\w ]+):\s*(?P<text>.*?)\s*-->\s*$")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """One fenced code block."""

    language: str
    line: int
    """The line number of its first line of code, from 1."""
    code: str
    note: str = ""
    """The word of the comment `<!-- word: text -->` right before the fence: "not run", "command"."""
    note_text: str = ""


def pages() -> list[Path]:
    """Return every Markdown file that users and contributors read, in a stable order."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(text: str) -> list[Block]:
    """Return the fenced code blocks, top to bottom."""
    found: list[Block] = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            at += 1
            continue
        end = at + 1
        while end < len(lines) and lines[end].strip() != fence["ticks"]:
            end += 1
        comment = _COMMENT.match(_before(lines, at))
        word, words = (comment["word"], comment["text"]) if comment else ("", "")
        code = textwrap.dedent("\n".join(lines[at + 1 : end])) + "\n"
        found.append(Block(fence["language"], at + 2, code, word, words))
        at = end + 1
    return found


def links(text: str) -> list[str]:
    """Return the targets of all links outside code."""
    return [match["target"] for match in _LINK.finditer(_prose(text))]


def anchors(text: str) -> set[str]:
    """Return the anchors of all headings, as GitHub makes them."""
    headings = re.findall(r"^#{1,6} +(.+?)\s*$", _prose(text, inline_code=True), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _before(lines: list[str], at: int) -> str:
    """Return the nearest line above that is not empty."""
    return next((line for line in reversed(lines[:at]) if line.strip()), "")


def _prose(text: str, *, inline_code: bool = False) -> str:
    text = re.sub(r"^ *(`{3,})\w*\s*\n.*?^ *\1\s*$", "", text, flags=re.MULTILINE | re.DOTALL)
    return text if inline_code else re.sub(r"`[^`\n]*`", "", text)
