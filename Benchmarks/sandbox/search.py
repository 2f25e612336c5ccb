"""A search through the sandbox's index beside native pgvector, and the tutorial's way beside adbvec's.

    search.py prepare    20,000 vectors of 1,000 numbers in 100 clusters, in two tables with an index each; some minutes
    search.py measure [indexes | ways]
                         wants a quiet machine, about three minutes; ROUNDS (5) and SECONDS_EACH (4) set the length

The server is the one in force (adbvec db start --dialect analyticdb); ADBVEC, PSQL and PGBENCH name the programs. The
tutorial's part needs psycopg2, and is left out without. Both indexes have the same m, ef_construction and ef_search;
the recall of both is printed, so that nobody compares speed at unequal quality.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ADBVEC, PSQL, PGBENCH = (os.environ.get(name, name.lower()) for name in ("ADBVEC", "PSQL", "PGBENCH"))
ROWS, ROUNDS, SECONDS = (int(os.environ.get(name, usual)) for name, usual in (("ROWS", 20_000), ("ROUNDS", 5), ("SECONDS_EACH", 4)))
DATABASE = "sandbox_search"

PREPARE = f"""
SET client_min_messages = warning;
CREATE EXTENSION fastann CASCADE;
SELECT setseed(0.5);
CREATE TABLE centres AS
SELECT k, array(SELECT random_normal()::real FROM generate_series(1, 1000) WHERE k = k) AS c FROM generate_series(0, 99) k;
CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector real[]);
ALTER TABLE image_search ALTER COLUMN image_vector SET STORAGE PLAIN;
INSERT INTO image_search
SELECT i, 'class ' || k, array(SELECT (x + 0.8 * random_normal())::real FROM unnest(c) x WHERE i = i)
FROM generate_series(0, {ROWS - 1}) i JOIN centres ON k = i % 100;
CREATE TABLE native (id int PRIMARY KEY, class text, image_vector vector(1000));
ALTER TABLE native ALTER COLUMN image_vector SET STORAGE PLAIN;
INSERT INTO native SELECT id, class, image_vector::vector FROM image_search ORDER BY id;
SET maintenance_work_mem = '1GB';
\\timing on
CREATE INDEX ON image_search USING ann (image_vector) WITH (dim = 1000, hnsw_m = 16, hnsw_ef_construction = 64);
CREATE INDEX ON native USING hnsw (image_vector vector_l2_ops) WITH (m = 16, ef_construction = 64);
VACUUM ANALYZE image_search;
VACUUM ANALYZE native;
CHECKPOINT;
"""

SETTINGS = {"image_search": "fastann.hnsw_ef_search=100", "native": "hnsw.ef_search=100"}


def run(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, text=True, **options).stdout


def url(database=DATABASE):
    return run(ADBVEC, "db", "url").strip().rsplit("/", 1)[0] + "/" + database


def sql(text, database=DATABASE):
    return run(PSQL, url(database), "-XqAt", "-v", "ON_ERROR_STOP=1", input=text)


def prepare():
    sql(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", "postgres")
    sql(f"CREATE DATABASE {DATABASE}", "postgres")
    print(sql(PREPARE))


def search(table, subject):
    return (f"SELECT id, class, image_vector <-> (SELECT image_vector FROM {table} WHERE id = {subject}) FROM {table} "
            f"ORDER BY image_vector <-> (SELECT image_vector FROM {table} WHERE id = {subject}) LIMIT 20")


def recall(table):
    found = f"""
    SET {SETTINGS[table]};
    SELECT count(*)::float8 / 2000 FROM generate_series(0, 99) q,
      LATERAL ({search(table, 'q * 150')}) a WHERE a.id IN (SELECT e.id FROM {table} e
        ORDER BY (e.image_vector <-> (SELECT image_vector FROM {table} WHERE id = q * 150)) + 0 LIMIT 20);
    """
    plan = sql(f"EXPLAIN {search(table, 7)}")
    assert "Index Scan using " + table + "_image_vector_idx" in plan, plan
    return float(sql(found))


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def prepared(folder, table, clients):
    """Latencies in milliseconds of pgbench's prepared searches."""
    script = folder / f"{table}.sql"
    script.write_text(f"\\set id random(0, {ROWS - 1})\n{search(table, ':id')};\n")
    for log in folder.glob("log*"):
        log.unlink()
    environment = {**os.environ, "PGOPTIONS": "-c " + SETTINGS[table]}
    run(PGBENCH, "-n", "-M", "prepared", "-c", str(clients), "-T", str(SECONDS), "-l", f"--log-prefix={folder}/log", "-f", script, url(), env=environment)
    return [int(line.split()[2]) / 1_000 for log in folder.glob("log*") for line in log.read_text().splitlines()]


def compare_indexes():
    print(f"recall@20 of 100 searches: ann {recall('image_search'):.4f}, native {recall('native'):.4f}")
    with tempfile.TemporaryDirectory() as name:
        for clients in (1, 2):
            times = {"image_search": [], "native": []}
            for number in range(ROUNDS + 1):
                for table, values in times.items():
                    found = prepared(Path(name), table, clients)
                    # The first round warms the caches.
                    values += found if number else []
            ann, native = ([statistics.median(v), percentile(v, 0.99)] for v in times.values())
            print(f"prepared, {clients} at a time: ann p50 {ann[0]:.2f} p99 {ann[1]:.2f} ms, native p50 {native[0]:.2f} p99 {native[1]:.2f} ms, "
                  f"ratio {ann[0] / native[0]:.2f} and {ann[1] / native[1]:.2f}")


TUTORIAL = """
import psycopg2, sys
vector = eval(open(sys.argv[2]).read())
conn = psycopg2.connect(sys.argv[1])
cur = conn.cursor()
cur.execute(f"SELECT id, class, l2_distance(image_vector, Array{vector}::real[]) AS distance "
            f"FROM public.image_search ORDER BY image_vector <-> Array{vector}::real[] LIMIT 20")
rows = cur.fetchall()
conn.close()
"""


def timed(body):
    start = time.perf_counter()
    value = body()
    return (time.perf_counter() - start) * 1_000, value


def compare_ways(searches=60):
    try:
        import psycopg2  # noqa: F401
    except ImportError:
        return print("the tutorial's way: left out, there is no psycopg2")
    address, chance = url(), random.Random(1)
    times = {"tutorial, connection and query": [], "adbvec search, in the database": [], "tutorial, whole process": [], "adbvec search, whole process": []}
    for _ in range(searches):
        subject = chance.randrange(ROWS)
        vector = sql(f"SELECT array_to_json(image_vector) FROM image_search WHERE id = {subject}").strip()
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(vector)
            file.flush()
            program = compile(TUTORIAL, "tutorial", "exec")
            sys.argv[1:] = [address, file.name]
            spent, rows = timed(lambda: (scope := {}, exec(program, scope))[0])
            times["tutorial, connection and query"].append(spent)
            times["tutorial, whole process"].append(timed(lambda: run(sys.executable, "-c", TUTORIAL, address, file.name))[0])
        words = ["search", "--id", str(subject), "--include-self", "-k", "20", "--dialect", "analyticdb", "--format", "json", "--database-url", address]
        spent, printed = timed(lambda: run(ADBVEC, *words))
        answer = json.loads(printed)["result"]
        assert [hit["id"] for hit in answer["hits"]] == [row[0] for row in rows["rows"]], subject
        times["adbvec search, whole process"].append(spent)
        times["adbvec search, in the database"].append(answer["databaseMilliseconds"])
    for name, values in times.items():
        print(f"{name}: p50 {statistics.median(values):.1f} p99 {percentile(values, 0.99):.1f} ms")
    for part in ("in the database", "whole process"):
        ours = statistics.median(times[f"adbvec search, {part}"])
        theirs = statistics.median(times["tutorial, connection and query" if part == "in the database" else "tutorial, whole process"])
        print(f"adbvec / tutorial, {part}: {ours / theirs:.2f}")


if sys.argv[1:] == ["prepare"]:
    prepare()
elif sys.argv[1:2] == ["measure"]:
    if sys.argv[2:] in ([], ["indexes"]):
        compare_indexes()
    if sys.argv[2:] in ([], ["ways"]):
        compare_ways()
else:
    sys.exit(__doc__)
