"""Measures everything in one run, in interleaved rounds, and prints the tables of README.md.

    run.py RUNNER PYTHON DATA [--rounds 5] [--seconds 1.5] [--threads 1,2] [--batches 1,32] [--record FILE]

RUNNER is the built FeaturesBenchmark, PYTHON one with onnxruntime, onnx, torch, safetensors and pillow, DATA the folder with
weights/ and cifar-100-binary/. Each cell is the median over the rounds. With --record every measurement is added to a file of
JSON lines as it is made, and the tables are those of all that is in it: a long run can be made in parts, each some rounds
(--rounds 0 only prints).
"""
import argparse
import json
import os
import statistics
import subprocess

parser = argparse.ArgumentParser()
parser.add_argument("runner")
parser.add_argument("python")
parser.add_argument("data")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--seconds", default="1.5")
parser.add_argument("--threads", default="1,2")
parser.add_argument("--batches", default="1,32")
parser.add_argument("--record")
options = parser.parse_args()
runner, python, data, seconds = options.runner, options.python, options.data, options.seconds
thread_counts = [int(t) for t in options.threads.split(",")]
settings = [(t, b) for b in map(int, options.batches.split(",")) for t in thread_counts]
here = os.path.dirname(os.path.abspath(__file__))
nets = {"squeezenet1_1": data + "/weights/squeezenet1_1-onnxzoo.safetensors",
        "efficientnet_lite0": data + "/weights/efficientnet-lite0-57934424.pth"}
cifar = data + "/cifar-100-binary/test.bin"
flops = {"squeezenet1_1": 2 * 349151936, "efficientnet_lite0": 2 * 385187552}
peers = ("adbvec", "onnxruntime", "torch-channels-last", "torch")


def busy():
    """Jiffies of all processors that were not idle."""
    fields = [int(x) for x in open("/proc/stat").readline().split()[1:9]]
    return sum(fields) - fields[3] - fields[4]


measured, others = {}, []


def keep(key, value, other):
    measured.setdefault(tuple(key), []).append(value)
    others.append(other)


def call(key, command):
    before, start = busy(), os.times()
    out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    after, end = busy(), os.times()
    own = end.children_user + end.children_system - start.children_user - start.children_system
    other = max(0.0, ((after - before) / os.sysconf("SC_CLK_TCK") - own) / (end.elapsed - start.elapsed))
    value = json.loads(out.strip().splitlines()[-1])
    keep(key, value, other)
    if options.record:
        with open(options.record, "a") as record:
            print(json.dumps([key, value, other]), file=record)


def measure(peer, net, threads, batch):
    common = [net, nets[net]]
    if peer == "adbvec":
        command = [runner, "rate"] + common + ["logits", str(threads), str(batch), seconds]
    else:
        command = [python, here + "/peers.py", peer] + common + [str(threads), str(batch), seconds]
    call(("rate", net, threads, batch, peer), command)


def end_to_end(peer, threads):
    common = ["squeezenet1_1", nets["squeezenet1_1"]]
    if peer == "adbvec":
        command = [runner, "pipeline"] + common + ["logits", str(threads), seconds, cifar]
    else:
        command = [python, here + "/peers.py", "tutorial"] + common + [str(threads), "100", seconds, cifar]
    call(("end", peer, threads), command)


def sgemm():
    """GFLOP/s of processor time of the OpenBLAS that adbvec links, 2048 cubed, one thread."""
    code = ("import ctypes,time,numpy as np;b=ctypes.CDLL('libopenblas.so.0');b.openblas_set_num_threads(1);n=2048;"
            "x=np.ones((n,n),np.float32);y=x.copy();z=x.copy();p=lambda a:a.ctypes.data_as(ctypes.c_void_p);f=ctypes.c_float;\n"
            "def go(): b.cblas_sgemm(101,111,111,n,n,n,f(1),p(x),n,p(y),n,f(0),p(z),n)\n"
            "go();t=time.process_time();[go() for _ in range(4)];print(4*2*n**3/(time.process_time()-t)/1e9)")
    call(("sgemm",), [python, "-c", code])


if options.record and os.path.exists(options.record):
    for line in open(options.record):
        keep(*json.loads(line))
for _ in range(options.rounds):
    sgemm()
    for net in nets:
        for threads, batch in settings:
            for peer in peers:
                measure(peer, net, threads, batch)
    for threads in thread_counts:
        for peer in ("adbvec", "tutorial"):
            end_to_end(peer, threads)
peak = measured["sgemm",]
results = {key[1:]: values for key, values in measured.items() if key[0] == "rate"}
ends = {key[1:]: values for key, values in measured.items() if key[0] == "end"}


def median(values, clock):
    return statistics.median(v[clock] for v in values)


print("%d rounds. Other processes kept %.2f processors busy on average (of %d); sgemm %.0f GFLOP/s a core.\n"
      % (len(peak), statistics.mean(others), os.cpu_count(), statistics.median(peak)))
for clock in ("wall", "processor"):
    print("Images a second of %s time, as a multiple of ONNX Runtime's:\n" % clock)
    print("| network | threads | batch | " + " | ".join(peers) + " | adbvec's share of the sgemm peak |\n|---" + "|---" * 7 + "|")
    for net in nets:
        for threads, batch in settings:
            rates = [median(results[net, threads, batch, p], clock) for p in peers]
            share = rates[0] * flops[net] / 1e9 / statistics.median(peak) / (threads if clock == "wall" else 1)
            print("| %s | %d | %d | " % (net, threads, batch) + " | ".join("%.2f" % (r / rates[1]) for r in rates) + " | %.0f %% |" % (100 * share))
    print()
print("End to end from 32x32 images, as a multiple of the tutorial's pipeline:\n\n| threads | wall | processor |\n|---|---|---|")
for threads in thread_counts:
    print("| %d | " % threads + " | ".join("%.2f" % (median(ends["adbvec", threads], c) / median(ends["tutorial", threads], c)) for c in ("wall", "processor")) + " |")
print("\nRates of ONNX Runtime and adbvec by which to check: " + json.dumps(
    {"%s t%d b%d %s" % k: [median(v, "wall"), median(v, "processor")] for k, v in results.items() if k[3] in ("adbvec", "onnxruntime")}))
