"""Measures all peers on all folders in one run, in turns, and prints the tables of README.md.

    run.py RUNNER PYTHON WEIGHTS IMAGES [--rounds 3] [--seconds 4] [--threads 1,2] [--only 12-jpg,48-jpg]

RUNNER is the built ImagesBenchmark, PYTHON one with pillow, pillow-heif, pyvips and pyvips-binary, onnxruntime, onnx and safetensors, WEIGHTS SqueezeNet 1.1's
.safetensors, IMAGES a folder that make-images.py filled: 12-jpg, 48-jpg, 12-webp … Each cell is the median over the rounds.
"""
import argparse
import glob
import json
import os
import statistics
import subprocess

parser = argparse.ArgumentParser()
parser.add_argument("runner")
parser.add_argument("python")
parser.add_argument("weights")
parser.add_argument("images")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--seconds", default="4")
parser.add_argument("--threads", default="1,2")
parser.add_argument("--only")
options = parser.parse_args()
here = os.path.dirname(os.path.abspath(__file__))
environment = dict(os.environ, OPENBLAS_NUM_THREADS="1")
folders = [f for f in sorted(os.listdir(options.images)) if os.path.isdir(options.images + "/" + f) and (not options.only or f in options.only.split(","))]
peers = ("adbvec fast", "adbvec exact", "vips", "pillow-draft", "pillow", "decode")


def command(peer, threads, files):
    if peer.startswith("adbvec"):
        return [options.runner, "rate", peer.split()[1], "squeezenet1_1", options.weights, threads, options.seconds] + files
    return [options.python, here + "/peers.py", peer, options.weights, threads, options.seconds] + files


measured = {}
for _ in range(options.rounds):
    for threads in options.threads.split(","):
        for folder in folders:
            files = sorted(glob.glob(options.images + "/" + folder + "/*"))
            for peer in peers:
                if peer in ("decode", "pillow-draft") and not folder.endswith("jpg") or peer == "vips" and folder.endswith("heic"):
                    continue
                out = subprocess.run(command(peer, threads, files), stdout=subprocess.PIPE, text=True, check=True, env=environment)
                measured.setdefault((folder, threads, peer), []).append(json.loads(out.stdout.splitlines()[-1]))


def median(folder, threads, peer, key="rate"):
    values = [m[key] for m in measured.get((folder, threads, peer), [])]
    return statistics.median(values) if values else None


def text(value):
    return "" if value is None else "%.2f" % value


print("| images | threads | " + " | ".join(peers) + " | fast / fastest peer | fast / exact | fast / decode |")
print("|---" * (len(peers) + 5) + "|")
for folder in folders:
    for threads in options.threads.split(","):
        rates = {p: median(folder, threads, p) for p in peers}
        rivals = [rates[p] for p in ("vips", "pillow-draft", "pillow") if rates[p]]
        ratios = [rates["adbvec fast"] / r if r else None for r in (max(rivals), rates["adbvec exact"], rates["decode"])]
        print("| %s | %s | %s |" % (folder, threads, " | ".join(map(text, [rates[p] for p in peers] + ratios))))
print("\n| images | way | decode ms | resize ms | network ms |\n|---|---|---|---|---|")
for folder in folders:
    for peer in peers[:2]:
        first = options.threads.split(",")[0]
        stages = [median(folder, first, peer, key) for key in ("decode_ms", "resize_ms", "network_ms")]
        print("| %s | %s | %s |" % (folder, peer, " | ".join(map(text, stages))))
