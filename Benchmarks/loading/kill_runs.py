"""Kills a load at random moments until it is through, again and again, and compares every row with a load left alone.

    python3 kill_runs.py --dsn "host=… dbname=…" --url postgresql://… --probe PROGRAM [--kills 100]
"""
import argparse
import random
import subprocess
import sys
import time

options = argparse.ArgumentParser()
options.add_argument("--dsn", required=True)
options.add_argument("--url", required=True)
options.add_argument("--probe", required=True)
options.add_argument("--kills", type=int, default=100)
options.add_argument("--rows", type=int, default=2000)
o = options.parse_args()


def sql(text):
    return subprocess.check_output(["psql", o.dsn, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text], text=True).strip()


def fresh(table):
    sql(
        f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (id int PRIMARY KEY, class text, image_vector real[]);"
        f"ALTER TABLE {table} ALTER image_vector SET STORAGE PLAIN"
    )


def checksum(table):
    return sql(f"SELECT count(*), min(id), max(id), md5(string_agg(t::text, '|' ORDER BY id)) FROM {table} t")


path = "/tmp/adbvec-kill-runs.txt"
with open(path, "w") as lines:
    for n in range(o.rows):
        lines.write(f"{n}|class {n % 7}|{{{','.join(str(n / (k + 3)) for k in range(64))}}}\n")
fresh("kill_expected")
subprocess.check_call([o.probe, "load", o.url, "kill_expected", path], stdout=subprocess.DEVNULL)
expected = checksum("kill_expected")
kills = rounds = 0
start = time.monotonic()
while kills < o.kills:
    rounds += 1
    method = random.choice(["copy", "insert"])
    connections = random.choice([1, 3])
    fresh("kill_target")
    words = [o.probe, "load", o.url, "kill_target", path, f"method={method}", f"connections={connections}", "batch=20"]
    first = True
    while True:
        child = subprocess.Popen(
            words + ([] if first else ["continue=resume"]), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        first = first and sql("SELECT to_regclass('adbvec_load') IS NULL") == "t"
        try:
            child.wait(timeout=random.uniform(0.1, 2.0) if kills < o.kills else None)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            kills += 1
            first = False
            continue
        if child.returncode != 0:
            sys.exit(f"a run failed: {child.stderr.read()}")
        break
    if checksum("kill_target") != expected:
        sys.exit(f"after {kills} kills the rows differ: {checksum('kill_target')} for {expected}")
print(f"{kills} kills in {rounds} loads of {o.rows} rows, every row right each time, {time.monotonic() - start:.0f} s")
