"""Brand colours made legible: contrast as WCAG 2.2 counts it (success criterion 1.4.3)."""

from __future__ import annotations

import re

ON_COLOUR = ("#FFFFFF", "#000000")
ENOUGH = 4.5
_HEX = re.compile(r"#[0-9A-Fa-f]{6}")
_FALLBACK = "#0B5FA5"
_STEPS = 20


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: str) -> float:
    """Relative luminance of "#RRGGBB", 0 to 1 (WCAG 2.2, definition of relative luminance)."""

    def linear(channel: int) -> float:
        share = channel / 255
        return float(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(channel) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def checked_colour(colour: str) -> str:
    """The colour if it is one ("#RRGGBB"), else our own blue."""
    return colour.upper() if _HEX.fullmatch(colour) else _FALLBACK


def text_on(colour: str) -> str:
    """White or black, whichever is easier to read on `colour` (one of them always has 4.5:1)."""
    return max(ON_COLOUR, key=lambda text: contrast(text, colour))


def legible(colour: str, paper: str) -> str:
    """`colour`, moved towards black or white until text in it has 4.5:1 on `paper`."""
    goal = text_on(paper)
    for step in range(_STEPS + 1):
        mixed = _mix(colour, goal, step / _STEPS)
        if contrast(mixed, paper) >= ENOUGH:
            return mixed
    return goal


def _mix(colour: str, goal: str, share: float) -> str:
    pairs = zip(_channels(colour), _channels(goal), strict=True)
    return "#" + "".join(f"{round(start + (end - start) * share):02X}" for start, end in pairs)
