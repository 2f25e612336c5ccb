"""Draws a small collection of images, each sub-folder a class: the same images from the same seed."""

import colorsys
import math
import random
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

SIZE = 256
SCALE = 2  # drawn larger, then reduced: smooth edges


def colour(hue, saturation, value):
    return tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue % 1, saturation, value))


def mixed(low, high, share):
    return tuple(round(a + (b - a) * share) for a, b in zip(low, high))


class Sheet:
    """A square to draw on, in units of its side."""

    def __init__(self, top, bottom):
        self.side = SIZE * SCALE
        self.image = Image.new("RGB", (self.side, self.side))
        self.draw = ImageDraw.Draw(self.image)
        for y in range(self.side):
            self.draw.line([(0, y), (self.side, y)], fill=mixed(top, bottom, y / self.side))

    def points(self, points):
        return [(x * self.side, y * self.side) for x, y in points]

    def polygon(self, points, fill):
        self.draw.polygon(self.points(points), fill=fill)

    def circle(self, x, y, radius, fill, squash=1.0):
        box = [x - radius, y - radius * squash, x + radius, y + radius * squash]
        self.draw.ellipse([part * self.side for part in box], fill=fill)

    def line(self, points, width, fill):
        self.draw.line(self.points(points), width=round(width * self.side), fill=fill, joint="curve")

    def finished(self):
        return self.image.resize((SIZE, SIZE), Image.LANCZOS)


def ridge(chance, base, height, steps=24):
    level, line = 0.0, []
    for step in range(steps + 1):
        level = level * 0.7 + chance.uniform(-1, 1) * height
        line.append((step / steps, base + level))
    return line + [(1, 1), (0, 1)]


def mountains(chance):
    hue = chance.choice([0.55, 0.6, 0.03, 0.07, 0.75]) + chance.uniform(-0.02, 0.02)
    sky = colour(hue, 0.25, 0.98), colour(hue - 0.05, 0.45, 0.95)
    sheet = Sheet(*sky)
    sheet.circle(chance.uniform(0.2, 0.8), chance.uniform(0.15, 0.4), chance.uniform(0.05, 0.1), colour(0.13, 0.25, 1))
    far, near = sky[1], colour(hue + 0.05, 0.6, 0.22)
    for layer in range(5):
        share = (layer + 1) / 5
        sheet.polygon(ridge(chance, 0.38 + 0.13 * layer, 0.09 * (1.1 - share * 0.5)), mixed(far, near, share))
    return sheet.finished()


def sea(chance):
    hue = chance.choice([0.52, 0.56, 0.95, 0.08])
    sheet = Sheet(colour(hue, 0.35, 0.95), colour(hue + 0.04, 0.15, 1.0))
    sun = chance.uniform(0.25, 0.75)
    sheet.circle(sun, 0.42, 0.09, colour(0.12, 0.35, 1))
    water = colour(0.55 + chance.uniform(-0.03, 0.05), 0.6, 0.45)
    sheet.polygon([(0, 0.5), (1, 0.5), (1, 1), (0, 1)], water)
    for step in range(26):
        y = 0.515 + 0.48 * (step / 26) ** 1.4
        width = chance.uniform(0.05, 0.3) * (0.4 + y)
        x = sun + chance.gauss(0, 0.08 + 0.2 * (y - 0.5))
        sheet.line([(x - width / 2, y), (x + width / 2, y)], 0.006 + 0.01 * (y - 0.5), mixed(water, (255, 240, 205), chance.uniform(0.2, 0.75)))
    x, y, size = chance.uniform(0.2, 0.7), chance.uniform(0.5, 0.6), chance.uniform(0.08, 0.15)
    sheet.polygon([(x, y - 2 * size), (x, y - 0.2 * size), (x + 1.1 * size, y - 0.2 * size)], (250, 246, 236))
    sheet.polygon([(x - 0.7 * size, y - 0.1 * size), (x + size, y - 0.1 * size), (x + 0.6 * size, y + 0.25 * size), (x - 0.4 * size, y + 0.25 * size)], colour(chance.choice([0.0, 0.6, 0.1]), 0.7, 0.5))
    return sheet.finished()


def flower(chance):
    ground = colour(chance.uniform(0.25, 0.45), 0.35, chance.uniform(0.25, 0.5))
    sheet = Sheet(mixed(ground, (255, 255, 255), 0.15), ground)
    sheet.image.paste(sheet.image.filter(ImageFilter.GaussianBlur(2)))
    sheet.line([(0.5, 0.5), (0.5 + chance.uniform(-0.1, 0.1), 1)], 0.025, colour(0.33, 0.6, 0.35))
    petals, hue = chance.choice([5, 6, 8, 12, 16]), chance.choice([0.93, 0.0, 0.12, 0.78, 0.62, 0.05])
    turn, value = chance.uniform(0, 1), chance.uniform(0.85, 1)
    for ring, share in ((0.27, 0.75), (0.19, 0.5)):
        for petal in range(petals):
            angle = turn + 2 * math.pi * (petal + (ring < 0.2) / 2) / petals
            wide = math.pi / petals * 1.05
            outline = [(0.5 + r * ring * math.cos(angle + a * wide), 0.48 + r * ring * math.sin(angle + a * wide))
                       for r, a in ((0, 0), (0.8, -0.9), (1.25, -0.45), (1.38, 0), (1.25, 0.45), (0.8, 0.9))]
            sheet.polygon(outline, colour(hue + 0.02 * (petal % 2), share, value - 0.05 * (petal % 2)))
    sheet.circle(0.5, 0.48, 0.085, colour(0.12, 0.8, 0.9))
    for _ in range(40):
        angle, radius = chance.uniform(0, 7), 0.07 * math.sqrt(chance.random())
        sheet.circle(0.5 + radius * math.cos(angle), 0.48 + radius * math.sin(angle), 0.007, colour(0.08, 0.8, 0.55))
    return sheet.finished()


def fish(chance):
    hue = chance.uniform(0.48, 0.6)
    sheet = Sheet(colour(hue, 0.45, 0.9), colour(hue, 0.8, 0.4))
    body, x, y = chance.choice([0.05, 0.12, 0.0, 0.58, 0.83]), 0.48, chance.uniform(0.42, 0.58)
    tall = chance.uniform(0.45, 0.75)
    paint = colour(body, 0.8, 0.95)
    way = chance.choice([-1, 1])
    at = lambda dx, dy: (x + way * dx, y + dy)
    sheet.polygon([at(0.2, 0), at(0.42, -0.17), at(0.37, 0), at(0.42, 0.17)], colour(body + 0.04, 0.85, 0.8))
    sheet.polygon([at(-0.08, -0.2 * tall), at(0.05, -0.42 * tall), at(0.18, -0.12 * tall)], colour(body + 0.04, 0.85, 0.8))
    sheet.circle(x, y, 0.27, paint, tall)
    for stripe in range(chance.choice([0, 2, 3])):
        dx = -0.06 + 0.11 * stripe
        half = 0.27 * tall * math.sqrt(max(0, 1 - (dx / 0.27) ** 2)) * 0.94
        sheet.line([at(dx, -half), at(dx + 0.02, 0), at(dx, half)], 0.035, (250, 248, 240))
    sheet.circle(*at(-0.16, -0.04), 0.035, (255, 255, 255))
    sheet.circle(*at(-0.165, -0.04), 0.018, (20, 20, 24))
    for _ in range(7):
        sheet.circle(chance.random(), chance.random(), chance.uniform(0.008, 0.02), colour(hue, 0.2, 1))
    return sheet.finished()


def city(chance):
    night = chance.random() < 0.5
    hue = chance.choice([0.65, 0.7, 0.03]) if night else chance.choice([0.55, 0.09])
    sheet = Sheet(colour(hue, 0.6, 0.25 if night else 0.9), colour(hue + 0.06, 0.4, 0.5 if night else 1))
    if night:
        for _ in range(40):
            sheet.circle(chance.random(), chance.uniform(0, 0.5), 0.003, (255, 255, 240))
    for layer in range(3):
        x = -0.05
        shade = colour(hue + 0.03, 0.4, (0.3, 0.2, 0.1)[layer] if night else (0.72, 0.55, 0.38)[layer])
        while x < 1:
            width, top = chance.uniform(0.08, 0.17), chance.uniform(0.25, 0.6) + 0.12 * layer
            sheet.polygon([(x, top), (x + width, top), (x + width, 1), (x, 1)], shade)
            if layer:
                for row in range(int((1 - top) / 0.05)):
                    for column in range(int(width / 0.035)):
                        if chance.random() < (0.5 if night else 0.8):
                            left, up = x + 0.012 + 0.035 * column, top + 0.02 + 0.05 * row
                            light = colour(0.12, 0.5, 1) if night else mixed(shade, (255, 255, 255), 0.3)
                            sheet.polygon([(left, up), (left + 0.018, up), (left + 0.018, up + 0.025), (left, up + 0.025)], light)
            x += width + chance.uniform(-0.01, 0.03)
    return sheet.finished()


def planet(chance):
    sheet = Sheet((8, 9, 20), (18, 16, 38))
    for _ in range(120):
        sheet.circle(chance.random(), chance.random(), chance.choice([0.002, 0.003, 0.005]), mixed((120, 120, 150), (255, 255, 255), chance.random()))
    hue, radius = chance.random(), chance.uniform(0.2, 0.32)
    steps = 60
    bands = [chance.uniform(0.5, 1) for _ in range(9)]
    for step in range(steps):
        share = 1 - step / steps
        sheet.circle(0.5 - 0.06 * (1 - share), 0.5 - 0.06 * (1 - share), radius * share, colour(hue + 0.05 * bands[step % 9], 0.65 - 0.3 * (1 - share), 0.35 + 0.6 * (1 - share)))
    if chance.random() < 0.5:
        tilt = chance.uniform(-0.4, 0.4)
        for ring in range(4):
            arc = [(0.5 + (radius * (1.35 + 0.1 * ring)) * math.cos(a) , 0.5 + (radius * (0.3 + 0.03 * ring)) * math.sin(a) + tilt * (radius * 1.5) * math.cos(a) * 0.6) for a in [math.pi * k / 40 - 0.15 for k in range(46)]]
            sheet.line(arc, 0.012, colour(hue + 0.1, 0.3, 0.95 - 0.12 * ring))
    return sheet.finished()


KINDS = {"city": city, "fish": fish, "flower": flower, "mountains": mountains, "planet": planet, "sea": sea}


def main(folder, count):
    for kind, draw in KINDS.items():
        (Path(folder) / kind).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            draw(random.Random(f"{kind} {number}")).save(Path(folder) / kind / f"{kind}-{number:02}.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 24)
