"""Precision and recall of perceptual hashes on photographs with known copies: adbvec beside imagededup's (or imagehash's) pHash.

    duplicates.py RUNNER FOLDER PHOTOGRAPH...

RUNNER is the built ImagesBenchmark; FOLDER is filled with the photographs, each of another motif, and their copies. Needs numpy, pillow,
scipy and imagehash; imagededup where it is installed. Prints the table of docs/sync.md.
"""
import itertools
import os
import subprocess
import sys
import unittest.mock

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

runner, folder, photographs = sys.argv[1], sys.argv[2], sys.argv[3:]


def cut(share):
    return lambda i: i.crop((int(i.width * share / 2), int(i.height * share / 2), int(i.width * (1 - share / 2)), int(i.height * (1 - share / 2))))


def written(i):
    i = i.copy()
    ImageDraw.Draw(i).text((i.width // 20, i.height * 9 // 10), "copyright 2026", fill="white", font_size=i.height // 20)
    return i


def framed(i):
    return ImageOps.expand(i, i.width // 40, "white")


ways = {
    "half the size": (lambda i: i.resize((i.width // 2, i.height // 2)), 90),
    "thumbnail, 160 pixels": (lambda i: ImageOps.contain(i, (160, 160)), 85),
    "JPEG, quality 20": (lambda i: i, 20),
    "grey": (lambda i: i.convert("L").convert("RGB"), 90),
    "20 % lighter": (lambda i: ImageEnhance.Brightness(i).enhance(1.2), 90),
    "more contrast": (lambda i: ImageEnhance.Contrast(i).enhance(1.4), 90),
    "blurred": (lambda i: i.filter(ImageFilter.GaussianBlur(i.width / 300)), 90),
    "words written over it": (written, 90),
    "2 % cut off": (cut(.02), 90),
    "5 % cut off": (cut(.05), 90),
    "10 % cut off": (cut(.1), 90),
    "white frame": (framed, 90),
    "turned by 2 degrees": (lambda i: i.rotate(2), 90),
    "mirrored": (ImageOps.mirror, 90),
    "turned by 90 degrees": (lambda i: i.rotate(90, expand=True), 90),
}
os.makedirs(folder, exist_ok=True)
names = []
for number, photograph in enumerate(photographs):
    image = None
    for way, (change, quality) in [("original", (lambda i: i, 92))] + list(ways.items()):
        name = "%s/%03d %s.jpg" % (folder, number, way.replace("%", "percent"))
        names.append((number, way, name))
        if os.path.exists(name):
            continue
        image = image or ImageOps.contain(Image.open(photograph).convert("RGB"), (1600, 1600))
        change(image).save(name, quality=quality)

paths = [name for _, _, name in names]
hashes = {}
out = subprocess.run([runner, "hash"] + paths, stdout=subprocess.PIPE, text=True, check=True).stdout
hashes["adbvec"] = [int(line, 16) for line in out.split()]
try:
    try:
        import torch
    except ImportError:
        # imagededup imports what its neural networks need, which are not measured here.
        for name in ("torch", "torch.nn", "torch.utils", "torch.utils.data", "torchvision", "torchvision.transforms", "torchvision.models", "torchvision.models.vision_transformer", "sklearn", "sklearn.metrics", "sklearn.metrics.pairwise", "matplotlib", "matplotlib.pyplot", "matplotlib.figure", "matplotlib.gridspec"):
            sys.modules.setdefault(name, unittest.mock.MagicMock())
    from imagededup.methods import PHash
    hasher = PHash(verbose=False)
    hashes["imagededup"] = [int(hasher.encode_image(image_file=path), 16) for path in paths]
except ImportError:
    print("imagededup is not installed")
import imagehash
hashes["imagehash"] = [int(str(imagehash.phash(Image.open(path))), 16) for path in paths]

groups = np.array([number for number, _, _ in names])
bits = {}
for who, values in hashes.items():
    rows = np.array([[v >> k & 1 for k in range(64)] for v in values], np.int32)
    bits[who] = rows @ (1 - rows).T + (1 - rows) @ rows.T
    if who == "adbvec":
        # An image of one colour is equal to no other.
        blank = np.array(values, np.uint64) == 0
        bits[who][blank, :] = bits[who][:, blank] = 64
        print("%d images that show nothing to compare" % blank.sum())
print("%d photographs, %d images" % (len(photographs), len(names)))
print("| copies | " + " | ".join("%s, %d bits" % pair for pair in itertools.product(hashes, (6, 10))) + " |")
print("|---" * (1 + 2 * len(hashes)) + "|")
originals = {number: index for index, (number, way, _) in enumerate(names) if way == "original"}
for way in ways:
    cells = []
    for who, distance in itertools.product(hashes, (6, 10)):
        copies = [(originals[number], index) for index, (number, w, _) in enumerate(names) if w == way]
        cells.append("%.2f" % np.mean([bits[who][pair] <= distance for pair in copies]))
    print("| %s | %s |" % (way, " | ".join(cells)))
upper = np.triu(np.ones(bits["adbvec"].shape, bool), 1)
same = groups[:, None] == groups[None, :]
for title, value in (
    ("recall of all pairs", lambda near: (near & same & upper).sum() / (same & upper).sum()),
    ("precision of all pairs", lambda near: (near & same & upper).sum() / max((near & upper).sum(), 1)),
    ("pairs of different photographs taken for copies", lambda near: (near & ~same & upper).sum()),
):
    print("| %s | %s |" % (title, " | ".join("%.4g" % value(bits[who] <= distance) for who, distance in itertools.product(hashes, (6, 10)))))
