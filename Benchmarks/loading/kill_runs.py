"""Kills loads with SIGKILL, again and again, each kill in the middle of loading, and compares every row at the end.

    python3 kill_runs.py --adbvec PROGRAM --dsn "host=… dbname=…" --url postgresql://… [--kills 100] [--rows 20000]

A load is slowed down to `--rate` rows a second. A kill comes at a random moment after the run has committed its first
batch, spread over a quarter of the time that the whole load takes; then the load goes on with --resume and is killed
again, until it is through and the next one begins, with the other method.
"""
import argparse
import random
import subprocess
import sys
import time

options = argparse.ArgumentParser()
options.add_argument("--dsn", required=True)
options.add_argument("--url", required=True)
options.add_argument("--adbvec", default="adbvec")
options.add_argument("--kills", type=int, default=100)
options.add_argument("--rows", type=int, default=20000)
options.add_argument("--rate", type=int, default=8000)
o = options.parse_args()


def sql(text):
    return subprocess.check_output(["psql", o.dsn, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text], text=True).strip()


def fresh(table):
    sql(
        f"SET client_min_messages = warning; DROP TABLE IF EXISTS {table};"
        f"CREATE TABLE {table} (id int PRIMARY KEY, class text, image_vector real[]);"
        f"ALTER TABLE {table} ALTER image_vector SET STORAGE PLAIN"
    )


def count(table):
    return int(sql(f"SELECT count(*) FROM {table}"))


def checksum(table):
    return sql(f"SELECT count(*), min(id), max(id), md5(string_agg(t::text, '|' ORDER BY id)) FROM {table} t")


path = "/tmp/adbvec-kill-runs.txt"
with open(path, "w") as lines:
    for n in range(o.rows):
        lines.write(f"{n}|class {n % 7}|{{{','.join(str(n / (k + 3)) for k in range(64))}}}\n")


def load(table, *more):
    words = [o.adbvec, "load", path, "--table", table, "--database-url", o.url, "--quiet", *more]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


fresh("kill_expected")
assert load("kill_expected", "--restart").wait() == 0
expected = checksum("kill_expected")
kills = loads = 0
where = []
start = time.monotonic()
while kills < o.kills:
    method, connections = ["copy", "insert"][loads % 2], random.choice([1, 3])
    loads += 1
    fresh("kill_target")
    more = ["--restart"]
    while True:
        before = count("kill_target")
        child = load(
            "kill_target", "--method", method, "--connections", str(connections), "--batch", "100",
            "--rate-limit", str(o.rate), *more)
        more = ["--resume"]
        while child.poll() is None and count("kill_target") == before:
            time.sleep(0.005)
        try:
            child.wait(random.uniform(0, o.rows / o.rate / 4) if kills < o.kills else None)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            kills += 1
            where.append(count("kill_target") / o.rows)
            continue
        if child.returncode != 0:
            sys.exit(f"a run failed: {child.stderr.read()}")
        break
    if checksum("kill_target") != expected:
        sys.exit(f"after {kills} kills the rows differ: {checksum('kill_target')} for {expected}")
middle = sum(0 < share < 1 for share in where)
print(
    f"{kills} kills in {loads} loads of {o.rows} rows by COPY and INSERT in turn, {middle} of them with a part of the rows "
    f"in the table; count, ids and checksum right after each load; {time.monotonic() - start:.0f} s"
)
