"""Loads the same rows in every way, in turns, and prints each way's rate as a ratio to the C loop in the same rounds.

    python3 run.py --dsn "host=… dbname=…" --url postgresql://… --probe PROGRAM [--rows 60000] [--dim 1000] [--rounds 3]

PROGRAM is called as `PROGRAM load URL TABLE FILE [option=value …]` (LoadingProbe). Needs cc, libpq, psql, and for the Python ways
numpy, psycopg2, psycopg and pgvector. Every way runs with a fresh, empty table; a checkpoint stands between the runs.
"""
import argparse
import os
import resource
import statistics
import subprocess
import sys
import time

import numpy

here = os.path.dirname(os.path.abspath(__file__))
options = argparse.ArgumentParser()
options.add_argument("--dsn", required=True)
options.add_argument("--url", required=True)
options.add_argument("--probe", required=True)
options.add_argument("--python", default=sys.executable)
options.add_argument("--folder", default="/tmp/adbvec-loading-bench")
options.add_argument("--rows", type=int, default=60000)
options.add_argument("--text-rows", type=int, default=0, help="rows of the ways through text; 0: all")
options.add_argument("--dim", type=int, default=1000)
options.add_argument("--rounds", type=int, default=3)
options.add_argument("--only", default="")
o = options.parse_args()
text_rows = o.text_rows or o.rows
os.makedirs(o.folder, exist_ok=True)
loop = o.folder + "/load_loop"
include = subprocess.check_output(["pg_config", "--includedir"], text=True).strip()
subprocess.check_call(["cc", "-O2", here + "/load_loop.c", "-o", loop, "-I" + include, "-lpq"])


def sql(text):
    return subprocess.check_output(["psql", o.dsn, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text], text=True).strip()


def data():
    """Gaussian clusters, as in db-baselines: .f32 for C, .npy with labels, and the tutorial's feature file."""
    stem = f"{o.folder}/v{o.rows}x{o.dim}"
    if not os.path.exists(stem + ".txt"):
        random = numpy.random.default_rng(20260101)
        centres = random.standard_normal((100, o.dim), dtype=numpy.float32)
        rows = centres[numpy.arange(o.rows) % 100]
        rows = rows + numpy.float32(0.6) * random.standard_normal((o.rows, o.dim), dtype=numpy.float32)
        numpy.save(stem + ".npy", rows)
        rows.tofile(stem + ".f32")
        with open(stem + ".labels", "w") as labels:
            labels.writelines(f"class_{n % 100:02d}\n" for n in range(o.rows))
        with open(stem + ".txt", "w") as lines:
            for n in range(text_rows):
                lines.write(f"{n}|class_{n % 100:02d}|{{{','.join(str(x) for x in rows[n].tolist())}}}\n")
    return stem


def table(kind):
    name = f"bench_{kind}_t"
    column = "real[]" if kind == "real" else f"vector({o.dim})"
    sql(
        f"DROP TABLE IF EXISTS {name}, adbvec_load, adbvec_load_batch;"
        f"CREATE TABLE {name} (id int NOT NULL, class text, image_vector {column});"
        f"ALTER TABLE {name} ALTER image_vector SET STORAGE PLAIN; CHECKPOINT"
    )
    return name


stem = data()
probe = lambda *more: lambda t: [o.probe, "load", o.url, t, *more, "analyze=no"]
npy = (stem + ".npy", "labels=" + stem + ".labels")
psql_file = {}
for kind in ("real", "vector"):
    name = table(kind)
    subprocess.check_call([loop, "copy", o.dsn, name, kind, stem + ".f32", str(o.rows), str(o.dim)])
    psql_file[kind] = f"{stem}.{kind}.bin"
    sql(f"\\copy {name} TO '{psql_file[kind]}' (FORMAT binary)")


def ways(kind):
    c = lambda how: lambda t: [loop, how, o.dsn, t, kind, stem + ".f32", str(o.rows), str(o.dim)]
    yield "C loop, COPY", o.rows, c("copy")
    yield "adbvec, COPY, .npy", o.rows, probe(*npy, "method=copy")
    yield "C loop, INSERT 100", o.rows, c("insert")
    yield "adbvec, INSERT, .npy", o.rows, probe(*npy, "method=insert")
    yield "psql \\copy of a binary file", o.rows, lambda t: [
        "psql", o.dsn, "-qX", "-c", f"\\copy {t} FROM '{psql_file[kind]}' (FORMAT binary)"]
    yield "adbvec, COPY, feature file", text_rows, probe(stem + ".txt", "method=copy")
    if kind == "vector":
        yield "psycopg3 binary COPY, .npy", o.rows, lambda t: [
            o.python, here + "/python_ways.py", "psycopg3", o.dsn, t, stem + ".npy"]
    yield "tutorial (psycopg2, text)", text_rows, lambda t: [
        o.python, here + "/python_ways.py", "tutorial", o.dsn, t, stem + ".txt"]


def measure(command):
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"failed: {command}")
    return time.monotonic() - start, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


for kind in ("vector", "real"):
    if o.only and kind != o.only:
        continue
    found = {}
    for _ in range(o.rounds):
        for name, rows, command in ways(kind):
            t = table(kind)
            seconds, rss, cpu = measure(command(t))
            assert sql(f"SELECT count(*) FROM {t}") == str(rows)
            found.setdefault(name, []).append((rows / seconds, rss, cpu / rows * 1e6))
    print(f"\n{kind}: {o.rows} x {o.dim} ({text_rows} rows through text), {o.rounds} rounds, load {os.getloadavg()[0]:.1f}")
    base = {"COPY": found["C loop, COPY"], "INSERT": found["C loop, INSERT 100"]}
    print(f"{'way':<30}{'rows/s':>9}{'x C COPY':>10}{'x C INSERT':>11}{'RSS MB':>8}{'CPU us/row':>11}")
    for name, runs in found.items():
        ratio = lambda b: statistics.median(r[0] / c[0] for r, c in zip(runs, b))
        print(
            f"{name:<30}{statistics.median(r[0] for r in runs):>9.0f}{ratio(base['COPY']):>10.2f}{ratio(base['INSERT']):>11.2f}"
            f"{max(r[1] for r in runs):>8.0f}{statistics.median(r[2] for r in runs):>11.0f}"
        )
