"""Images to embeddings with Pillow and ONNX Runtime, or libjpeg-turbo alone; prints images a second as JSON.

    peers.py pillow|pillow-draft|vips|decode WEIGHTS THREADS SECONDS FILE...

pillow does what torchvision does, pillow-draft asks libjpeg for the smallest scale that covers the resize, vips is libvips' own
thumbnail, which does so too. decode only decodes JPEG, with libjpeg-turbo's own interface, at the scale that adbvec takes. Each thread has its own session of one thread, which
is the fastest way for both peers. The network is Benchmarks/features' SqueezeNet 1.1.
"""
import ctypes
import io
import json
import os
import sys
import threading
import time

peer, weights, threads, seconds, files = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5:]
os.environ["OMP_NUM_THREADS"] = os.environ["VIPS_CONCURRENCY"] = "1"

import numpy as np
from PIL import Image, ImageOps

# How much longer than 256 pixels the shorter side of a decoded image is at least: Image.DecodingOptions.reductionMargin.
MARGIN = 1.45


def session():
    """The network that the other benchmark builds from the weights."""
    here = os.path.dirname(os.path.abspath(__file__))
    source = open(here + "/../features/peers.py").read().split("\nn = squeezenet()")[0]
    scope = {"__name__": "features"}
    sys.argv = ["peers.py", "onnxruntime", "squeezenet1_1", weights, "1", "1", "1"]
    exec(compile(source, "peers.py", "exec"), scope)
    return scope["onnxruntime"](scope["squeezenet"]())


def embed():
    run = session()
    mean = np.array([.485, .456, .406], np.float32)
    deviation = np.array([.229, .224, .225], np.float32)

    def resized(w, h):
        return (256, int(256 * h / w)) if w <= h else (int(256 * w / h), 256)

    def pillow(data):
        image = Image.open(io.BytesIO(data))
        if peer == "pillow-draft":
            image.draft("RGB", (256, 256))
        image = ImageOps.exif_transpose(image.convert("RGB"))
        w, h = resized(*image.size)
        image = image.resize((w, h), Image.BILINEAR)
        left, top = round((w - 224) / 2), round((h - 224) / 2)
        return np.asarray(image.crop((left, top, left + 224, top + 224)))

    def vips(data):
        header = pyvips.Image.new_from_buffer(data, "")
        w, h = resized(header.width, header.height)
        image = pyvips.Image.thumbnail_buffer(data, w, height=h, size="force")
        return image.crop((w - 224) // 2, (h - 224) // 2, 224, 224).numpy()[:, :, :3]

    if peer == "vips":
        import pyvips
        pyvips.cache_set_max(0)

    def one(data):
        x = (vips if peer == "vips" else pillow)(data).astype(np.float32) / 255
        x = np.ascontiguousarray(((x - mean) / deviation).transpose(2, 0, 1))[None]
        return run(x)
    return one


def decode():
    library = ctypes.CDLL("libturbojpeg.so.0")
    library.tjInitDecompress.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(library.tjInitDecompress())
    buffers = {}

    def one(data):
        w, h, s = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
        size = ctypes.c_ulong(len(data))
        library.tjDecompressHeader2(handle, data, size, ctypes.byref(w), ctypes.byref(h), ctypes.byref(s))
        factor = min(w.value, h.value) / (MARGIN * 256)
        scale = next((k for k in (8, 4, 2) if k <= factor), 1)
        width, height = -(-w.value // scale), -(-h.value // scale)
        buffer = buffers.setdefault((width, height), ctypes.create_string_buffer(width * height * 3))
        assert library.tjDecompress2(handle, data, size, buffer, width, 0, height, 0, 0) == 0
    return one


def work(totals):
    one = decode() if peer == "decode" else embed()
    for data in contents:
        one(data)
    barrier.wait()
    done, start = 0, time.perf_counter()
    while True:
        for data in contents:
            one(data)
            done += 1
            if time.perf_counter() - start >= seconds:
                totals.append(done / (time.perf_counter() - start))
                return


try:
    import pillow_heif
    pillow_heif.register_heif_opener()
except ImportError:
    pass
contents = [open(f, "rb").read() for f in files]
barrier = threading.Barrier(threads)
rates = []
running = [threading.Thread(target=work, args=(rates,)) for _ in range(threads)]
[t.start() for t in running]
[t.join() for t in running]
assert len(rates) == threads
print(json.dumps({"rate": round(sum(rates), 2)}))
