"""The contrast of what stands on what, in both themes (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[2] / "static" / "styles" / "tokens.css"
PAIR = re.compile(r"--([a-z-]+): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\);")
COLOURS = {name: (light, dark) for name, light, dark in PAIR.findall(TOKENS.read_text())}
SURFACES = ("canvas", "surface", "raised", "sunken", "hover")
WORDS = [
    *((ink, on) for ink in ("ink", "ink-muted", "accent", "danger") for on in SURFACES),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("on-danger", "danger"),
    ("on-danger", "danger-hover"),
    ("ink", "accent-soft"),
    ("ink-muted", "accent-soft"),
    ("accent", "accent-soft"),
    ("danger", "danger-soft"),
    ("warning", "warning-soft"),
    ("success", "success-soft"),
]
SHAPES = [
    *((line, on) for line in ("line-strong", "focus") for on in SURFACES),
    *((f"tone-{name}", on) for name in ("development", "production", "other") for on in SURFACES),
]


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [(*pair, 4.5) for pair in WORDS] + [(*pair, 3.0) for pair in SHAPES],
)
def test_what_stands_on_what_can_be_seen(front: str, back: str, least: float, theme: int) -> None:
    found = contrast(COLOURS[front][theme], COLOURS[back][theme])

    assert found >= least, f"--{front} on --{back}: {found:.2f}"
