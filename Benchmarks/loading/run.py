"""Loads the same rows in every way, in turns, and prints each way's rate as a ratio to its peers' in the same rounds.

    python3 run.py PART --adbvec PROGRAM --dsn "host=… dbname=…" --url postgresql://… [--python PYTHON] [--rows 60000]

PART is vector or real (rows a second of every way), index (an hnsw index, built with the settings that the load chooses
and with stock settings) or analyze (statistics of a real[] column), or data (only writes the files, which the others do
when they are missing). Needs cc, libpq and psql; PYTHON needs numpy, psycopg2, psycopg and pgvector. Every way runs with
a fresh, empty table; a checkpoint stands between the runs. Each peak is the process's own VmHWM.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
options = argparse.ArgumentParser()
options.add_argument("part", choices=["vector", "real", "index", "analyze", "data"])
options.add_argument("--dsn", default="")
options.add_argument("--url", default="")
options.add_argument("--adbvec", default="adbvec")
options.add_argument("--python", default=sys.executable)
options.add_argument("--folder", default="/tmp/adbvec-loading-bench")
options.add_argument("--rows", type=int, default=60000)
options.add_argument("--dim", type=int, default=1000)
options.add_argument("--rounds", type=int, default=5)
options.add_argument("--slow-rounds", type=int, default=2, help="rounds with the ways that take half a minute")
options.add_argument("--slow-rows", type=int, default=6000, help="rows of psycopg3 into real[]")
o = options.parse_args()
# PostgreSQL's own default, which the private server raises.
os.environ["PGOPTIONS"] = "-c maintenance_work_mem=64MB"
os.makedirs(o.folder, exist_ok=True)
loop = o.folder + "/load_loop"
stem = f"{o.folder}/v{o.rows}x{o.dim}"


def sql(text):
    return subprocess.check_output(["psql", o.dsn, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text], text=True).strip()


def table(kind):
    column = "real[]" if kind == "real" else f"vector({o.dim})"
    sql(
        f"SET client_min_messages = warning; DROP TABLE IF EXISTS bench_t, adbvec_load, adbvec_load_batch;"
        f"CREATE TABLE bench_t (id int NOT NULL, class text, image_vector {column});"
        f"ALTER TABLE bench_t ALTER image_vector SET STORAGE PLAIN"
    )
    sql("CHECKPOINT")


def adbvec(*more):
    return [o.adbvec, "load", *more, "--table", "bench_t", "--database-url", o.url, "--quiet"]


npy = (stem + ".npy", "--labels", stem + ".labels")


def ways(kind):
    """Each way's name, its rows, its rounds and its command."""
    c = lambda how: [loop, how, o.dsn, "bench_t", kind, stem + ".f32", str(o.rows), str(o.dim)]
    python = lambda *words: [o.python, here + "/python_ways.py", words[0], o.dsn, "bench_t", kind, *words[1:]]
    yield "C loop, COPY", o.rows, o.rounds, c("copy")
    yield "adbvec COPY, .npy", o.rows, o.rounds, adbvec(*npy, "--method", "copy", "--no-analyze")
    yield "C loop, INSERT of 100", o.rows, o.rounds, c("insert")
    yield "adbvec INSERT, .npy", o.rows, o.rounds, adbvec(*npy, "--method", "insert", "--no-analyze")
    yield "psql \\copy, binary file", o.rows, o.rounds, [
        "psql", o.dsn, "-qX", "-c", f"\\copy bench_t FROM '{stem}.{kind}.bin' (FORMAT binary)"]
    yield "adbvec COPY, feature file", o.rows, o.rounds, adbvec(stem + ".txt", "--method", "copy", "--no-analyze")
    if kind == "vector":
        yield "psycopg3 COPY, .npy", o.rows, o.rounds, python("psycopg3", stem + ".npy", str(o.rows))
    else:
        rows = min(o.rows, o.slow_rows)
        yield "psycopg3 COPY, lists", rows, o.slow_rounds, python("psycopg3", stem + ".npy", str(rows))
    yield "tutorial, feature file", o.rows, o.slow_rounds, python("tutorial", stem + ".txt")


def measure(command):
    """Seconds, peak memory in MB, and processor seconds of a process."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while True:
        done, status, usage = os.wait4(child.pid, os.WNOHANG)
        if done:
            break
        with open(f"/proc/{child.pid}/status") as lines:
            peak = max([peak] + [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")])
        time.sleep(0.005)
    seconds = time.monotonic() - start
    if status != 0:
        sys.exit(f"failed: {' '.join(command)}")
    return seconds, peak / 1024, usage.ru_utime + usage.ru_stime


def rates(kind):
    table(kind)
    subprocess.check_call([loop, "copy", o.dsn, "bench_t", kind, stem + ".f32", str(o.rows), str(o.dim)])
    sql(f"\\copy bench_t TO '{stem}.{kind}.bin' (FORMAT binary)")
    found = {}
    for number in range(o.rounds):
        for name, rows, rounds, command in ways(kind):
            if number >= rounds:
                continue
            table(kind)
            seconds, peak, processor = measure(command)
            assert sql("SELECT count(*) FROM bench_t") == str(rows), name
            found.setdefault(name, []).append((rows / seconds, peak, processor / rows * 1e6))
    bases = ["C loop, COPY", "C loop, INSERT of 100", "tutorial, feature file"]
    print(f"\n{kind}: {o.rows} x {o.dim}, medians of {o.rounds} rounds ({o.slow_rounds} of the slow ways)")
    print("| way | rows/s | x C COPY | x C INSERT | x tutorial | peak MB | CPU us/row |\n|---|---|---|---|---|---|---|")
    for name, runs in found.items():
        ratios = [statistics.median(r[0] / c[0] for r, c in zip(runs, found[base])) for base in bases]
        rate, peak, processor = (f(r[i] for r in runs) for i, f in enumerate([statistics.median, max, statistics.median]))
        print(f"| {name} | {rate:.0f} | " + " | ".join(f"{r:.2f}" for r in ratios) + f" | {peak:.0f} | {processor:.0f} |")


def index():
    """Whole loads with an index: built behind the rows with the chosen settings, by hand with stock ones, and filled."""
    create = "CREATE INDEX bench_i ON bench_t USING hnsw (image_vector vector_l2_ops) WITH (m = 16, ef_construction = 64)"
    found = {}
    for _ in range(o.rounds):
        for name, before, how, after in [
            ("load, no index", False, "keep", False),
            ("load; CREATE INDEX with stock settings", False, "keep", True),
            ("load with --indexes auto (built behind the rows)", True, "auto", False),
            ("load with --indexes keep (filled row by row)", True, "keep", False),
        ]:
            table("vector")
            if before:
                sql(create)
            start = time.monotonic()
            subprocess.check_call(adbvec(*npy, "--indexes", how), stdout=subprocess.DEVNULL)
            if after:
                sql(create)
            found.setdefault(name, []).append(time.monotonic() - start)
            assert sql("SELECT count(*) FROM pg_indexes WHERE indexname = 'bench_i'") == str(int(before or after))
    memory = sql("SHOW maintenance_work_mem")
    print(f"\nindex: {o.rows} x {o.dim}, vector, hnsw m=16, stock maintenance_work_mem {memory}, medians of {o.rounds} rounds")
    print("| way | seconds |\n|---|---|")
    for name, runs in found.items():
        print(f"| {name} | {statistics.median(runs):.1f} |")


def analyze():
    table("real")
    subprocess.check_call(adbvec(*npy, "--no-analyze"), stdout=subprocess.DEVNULL)
    found = {}
    for _ in range(o.rounds):
        for name, target, text in [
            ("ANALYZE of the table, stock statistics target", -1, "ANALYZE bench_t"),
            ("ANALYZE of the table, statistics target 0 on the vector", 0, "ANALYZE bench_t"),
            ("ANALYZE of id and class, as `load` sends it", -1, "ANALYZE bench_t (id, class)"),
        ]:
            sql(f"ALTER TABLE bench_t ALTER image_vector SET STATISTICS {target}")
            start = time.monotonic()
            sql(text)
            found.setdefault(name, []).append(time.monotonic() - start)
    print(f"\nanalyze: {o.rows} x {o.dim}, real[], medians of {o.rounds} rounds\n| way | seconds |\n|---|---|")
    for name, runs in found.items():
        print(f"| {name} | {statistics.median(runs):.2f} |")


if not os.path.exists(stem + ".txt"):
    subprocess.check_call([o.python, here + "/python_ways.py", "data", stem, str(o.rows), str(o.dim)])
if o.part in ("vector", "real"):
    include = subprocess.check_output(["pg_config", "--includedir"], text=True).strip()
    subprocess.check_call(["cc", "-O2", here + "/load_loop.c", "-o", loop, "-I" + include, "-lpq"])
    rates(o.part)
elif o.part == "index":
    index()
elif o.part == "analyze":
    analyze()
