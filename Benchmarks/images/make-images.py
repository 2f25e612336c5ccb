"""Makes the folders that run.py measures from photographs: 12 and 48 megapixels as JPEG, WebP, PNG and HEIC.

    make-images.py FOLDER PHOTOGRAPH...

Needs numpy, pillow and pillow-heif. Debian's mate-backgrounds and plasma-workspace-wallpapers hold freely licensed photographs; they are
scaled to a telephone's size, and a sensor's noise is added, so that files have the size of a telephone's.
"""
import os
import sys

import numpy as np
import pillow_heif
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()
folder, sources = sys.argv[1], sys.argv[2:]
kinds = {"jpg": dict(quality=90), "webp": dict(quality=85, method=2), "png": dict(compress_level=3), "heic": dict(quality=60)}
for megapixels, width, height, most in (("12", 4000, 3000, 8), ("48", 8000, 6000, 3)):
    for index, source in enumerate(sources[:most]):
        image = ImageOps.fit(Image.open(source).convert("RGB"), (width, height), Image.LANCZOS)
        noise = np.random.default_rng(index).normal(0, 3, (height, width, 1)).astype(np.int16)
        image = Image.fromarray(np.clip(np.asarray(image).astype(np.int16) + noise, 0, 255).astype(np.uint8))
        for kind, how in kinds.items():
            if kind != "jpg" and index >= most // 2 + (most == 3):
                continue
            os.makedirs("%s/%s-%s" % (folder, megapixels, kind), exist_ok=True)
            image.save("%s/%s-%s/%d.%s" % (folder, megapixels, kind, index, kind), **how)
