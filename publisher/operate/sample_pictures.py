"""The sample pictures: calm drawings made when they are asked for, the same each time; no file of them is kept."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable
from functools import cache

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 1200, 800
# Drawn at twice the size and scaled down: Pillow's own edges are jagged.
SCALE = 2
W, H = WIDTH * SCALE, HEIGHT * SCALE

Colour = tuple[int, int, int]
SAND, OCHRE, CLAY, ROSE = (236, 224, 200), (214, 164, 76), (183, 94, 66), (222, 178, 164)
SKY, SEA, DEEP, NIGHT = (206, 222, 230), (106, 150, 172), (44, 84, 112), (24, 36, 62)
MOSS, LEAF, PALE = (112, 134, 92), (164, 176, 108), (246, 242, 232)


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _sky(top: Colour, bottom: Colour) -> Image.Image:
    column = Image.new("RGB", (1, H))
    for y in range(H):
        column.putpixel((0, y), _mix(top, bottom, y / H))
    return column.resize((W, H))


def _ridge(draw: ImageDraw.ImageDraw, chance: random.Random, base: float, swing: float, colour: Colour) -> None:
    waves = [(chance.uniform(0.6, 2.6), chance.uniform(0, math.tau), chance.uniform(0.3, 1.0)) for _ in range(3)]
    line = []
    for x in range(0, W + 20, 20):
        height = sum(math.sin(x / W * math.tau * pace + start) * share for pace, start, share in waves) / 2
        line.append((x, (base + height * swing) * H))
    draw.polygon([*line, (W, H), (0, H)], fill=colour)


def _disc(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: Colour | int) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _water(chance: random.Random) -> Image.Image:
    picture = _sky(SKY, SAND)
    draw = ImageDraw.Draw(picture)
    _disc(draw, W * 0.66, H * 0.46, H * 0.13, OCHRE)
    for step in range(7):
        _ridge(draw, chance, 0.52 + step * 0.075, 0.018, _mix(SEA, DEEP, step / 6))
    return picture


def _hills(chance: random.Random) -> Image.Image:
    picture = _sky(PALE, SKY)
    draw = ImageDraw.Draw(picture)
    _disc(draw, W * 0.24, H * 0.24, H * 0.09, OCHRE)
    for step in range(6):
        _ridge(draw, chance, 0.42 + step * 0.105, 0.10, _mix(LEAF, MOSS, step / 5))
    return picture


def _night(chance: random.Random) -> Image.Image:
    picture = _sky(NIGHT, DEEP)
    draw = ImageDraw.Draw(picture)
    for step in range(4):
        _ridge(draw, chance, 0.62 + step * 0.1, 0.07, _mix(DEEP, NIGHT, 0.3 + step * 0.2))
    line = [(W * (0.08 + 0.84 * n / 160), H * (0.42 + 0.13 * math.sin(n / 160 * 10.8))) for n in range(161)]
    draw.line(line, fill=_mix(DEEP, SAND, 0.35), width=5 * SCALE, joint="curve")
    for x, y in line[::20]:
        glow = Image.new("L", (W, H))
        for ring in range(30, 0, -1):
            _disc(ImageDraw.Draw(glow), x, y, ring * 3 * SCALE, round(200 * (1 - ring / 30) ** 2))
        picture.paste(Image.new("RGB", (W, H), OCHRE), mask=glow)
        _disc(draw, x, y, 9 * SCALE, PALE)
    return picture


def _circles(chance: random.Random) -> Image.Image:
    picture = _sky(PALE, SAND)
    for colour in (ROSE, OCHRE, CLAY, SEA, LEAF, ROSE, OCHRE):
        layer = Image.new("L", (W, H))
        draw = ImageDraw.Draw(layer)
        x, y, radius = chance.uniform(0.15, 0.85) * W, chance.uniform(0.2, 0.8) * H, chance.uniform(0.16, 0.34) * H
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=135)
        picture.paste(Image.new("RGB", (W, H), colour), mask=layer)
    return picture


def _shelves(chance: random.Random) -> Image.Image:
    picture = _sky(SAND, ROSE)
    draw = ImageDraw.Draw(picture)
    for shelf in range(4):
        bottom = H * (0.24 + shelf * 0.235)
        x = W * 0.04
        while x < W * 0.93:
            width, height = chance.uniform(0.012, 0.034) * W, chance.uniform(0.12, 0.19) * H
            colour = _mix(chance.choice((CLAY, DEEP, MOSS, OCHRE, SEA)), PALE, chance.uniform(0.05, 0.4))
            if chance.random() < 0.92:
                draw.rectangle((x, bottom - height, x + width, bottom), fill=colour)
            x += width + 3 * SCALE
        draw.rectangle((W * 0.03, bottom, W * 0.97, bottom + 9 * SCALE), fill=_mix(CLAY, NIGHT, 0.35))
    return picture


def _blocks(chance: random.Random) -> Image.Image:
    picture = _sky(SKY, PALE)
    draw = ImageDraw.Draw(picture)
    for left, top, share in ((0.05, 0.32, 0.42), (0.52, 0.18, 0.42)):
        draw.rectangle((W * left, H * top, W * (left + share), H), fill=_mix(SAND, CLAY, left * 0.4))
        columns, rows = 8, 9
        for column in range(columns):
            for row in range(rows):
                x, y = W * (left + share * (column + 0.2) / columns), H * top + (row + 0.5) * H * 0.085
                lit = chance.random() < 0.3
                colour = _mix(OCHRE, PALE, 0.35) if lit else _mix(DEEP, SKY, 0.25)
                draw.rectangle((x, y, x + W * share * 0.6 / columns, y + H * 0.05), fill=colour)
    return picture


def _paper(chance: random.Random) -> Image.Image:
    picture = _sky(PALE, SAND)
    draw = ImageDraw.Draw(picture)
    for colour in (OCHRE, CLAY, SEA, ROSE, DEEP, SAND, MOSS):
        x, y = chance.uniform(-0.1, 0.7) * W, chance.uniform(-0.1, 0.7) * H
        width, height = chance.uniform(0.25, 0.5) * W, chance.uniform(0.25, 0.5) * H
        top = [(x + width * n / 24, y + chance.uniform(0, 0.018) * H) for n in range(25)]
        lean = chance.uniform(-0.05, 0.05) * W
        bottom = [(x + lean + width * n / 24, y + height + chance.uniform(0, 0.018) * H) for n in range(24, -1, -1)]
        draw.polygon([*top, *bottom], fill=colour)
    return picture


DRAWINGS: dict[str, Callable[[random.Random], Image.Image]] = {
    "blocks": _blocks,
    "circles": _circles,
    "hills": _hills,
    "night": _night,
    "paper": _paper,
    "shelves": _shelves,
    "water": _water,
}


@cache
def jpeg(drawing: str) -> bytes:
    """The drawing of that name, 1200 × 800 pixels. Raises KeyError for a name that is not in DRAWINGS."""
    picture = DRAWINGS[drawing](random.Random(drawing))  # noqa: S311 -- a drawing, no secret
    kept = io.BytesIO()
    picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(kept, "JPEG", quality=86, optimize=True)
    return kept.getvalue()
