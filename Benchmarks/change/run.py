#!/usr/bin/env python3
"""A change of a table's vectors under writers and searches: how long each waited at the switch and on the way back.

    python3 -m venv /tmp/bench && /tmp/bench/bin/pip install 'psycopg[binary]'
    /tmp/bench/bin/python run.py --adbvec PROGRAM --url postgresql://…/DATABASE --rows 1000000 --dim 8 --m 8 --ef 32

The vectors are small generated ones, and the change is one that the server makes by itself (vector to halfvec), so that the
figures are those of the change and not of a model. DATABASE must be empty. Beside it stands the least that such a change could
take: INSERT … SELECT into another table and the build of its index, without writers and without a way back; and what a column
beside the old one cannot avoid, since PostgreSQL enters a rewritten row into every index again: an UPDATE of some rows at once,
by two sessions, as the backfill has them.
"""
import argparse
import os
import random
import subprocess
import tempfile
import threading
import time

import psycopg

options = argparse.ArgumentParser()
options.add_argument("--adbvec", default="adbvec")
options.add_argument("--url", required=True)
options.add_argument("--rows", type=int, default=1_000_000)
options.add_argument("--dim", type=int, default=16)
options.add_argument("--m", type=int, default=16, help="hnsw_m of the indexes")
options.add_argument("--ef", type=int, default=64, help="hnsw_ef_construction of the indexes")
options.add_argument("--writes", type=float, default=50, help="writes a second")
options.add_argument("--searches", type=float, default=20, help="searches a second")
o = options.parse_args()


def vector():
    return "[" + ",".join(str(random.randint(0, 999)) for _ in range(o.dim)) + "]"


class Load(threading.Thread):
    """Does one thing at a rate, and keeps when each began and how long it took."""

    def __init__(self, rate, act):
        super().__init__(daemon=True)
        self.rate, self.act, self.stop = rate, act, False
        self.times, self.refused = [], []

    def run(self):
        with psycopg.connect(o.url, autocommit=True) as connection:
            due = time.monotonic()
            while not self.stop:
                due += 1 / self.rate
                time.sleep(max(0, due - time.monotonic()))
                start = time.monotonic()
                try:
                    self.act(connection)
                except psycopg.Error as error:
                    self.refused.append(str(error).splitlines()[0])
                self.times.append((start, time.monotonic() - start))

    def longest(self, since, until):
        return max((took for start, took in self.times if start + took >= since and start <= until), default=0)

    def percentile(self, share, since, until):
        found = sorted(took for start, took in self.times if since <= start <= until)
        return found[int(len(found) * share)] if found else 0


def write(connection):
    key = random.randint(1, o.rows)
    kind = random.random()
    if kind < 0.6:
        connection.execute("UPDATE image_search SET image_vector = %s WHERE id = %s", (vector(), key))
    elif kind < 0.8:
        connection.execute("DELETE FROM image_search WHERE id = %s", (key,))
    else:
        connection.execute(
            "INSERT INTO image_search (id, class, image_vector) VALUES (%s, 'new', %s) ON CONFLICT DO NOTHING", (key, vector())
        )


def search(connection):
    connection.execute(
        f"SELECT id FROM image_search ORDER BY image_vector <-> '{vector()}' LIMIT 10"
    ).fetchall()


def run(*words):
    done = subprocess.run(
        [o.adbvec, *words], capture_output=True, text=True, cwd=folder,
        env={
            **os.environ, "DATABASE_URL": o.url, "ADBVEC_PARAM_DIM": str(o.dim), "ADBVEC_PARAM_HNSW_M": str(o.m),
            "ADBVEC_PARAM_HNSW_EF_CONSTRUCTION": str(o.ef),
        },
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return done.stdout


def adbvec(*words):
    start = time.monotonic()
    run(*words)
    return start, time.monotonic()


def recall(connection):
    """The share of the true ten neighbours that the index finds, over fifty searches."""
    found = 0
    for _ in range(50):
        query = f"SELECT id FROM image_search ORDER BY image_vector <-> '{vector()}' LIMIT 10"
        near = {row[0] for row in connection.execute(query)}
        with connection.transaction():
            connection.execute("SET LOCAL enable_indexscan = off")
            found += len(near & {row[0] for row in connection.execute(query)})
    return found / 500


def updated(count):
    """Seconds for each row of an UPDATE of a column beside the vectors, by two sessions at once."""

    def update(half):
        with psycopg.connect(o.url, autocommit=True) as connection:
            connection.execute("SET synchronous_commit = off")
            for first in range(half * count // 2, (half + 1) * count // 2, 16):
                connection.execute(
                    "UPDATE tried SET beside = image_vector::halfvec WHERE id > %s AND id <= %s", (first, first + 16)
                )

    with psycopg.connect(o.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE image_search RENAME TO tried")
        connection.execute(f"ALTER TABLE tried ADD COLUMN beside halfvec({o.dim})")
        start = time.monotonic()
        threads = [threading.Thread(target=update, args=(half,)) for half in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - start
        connection.execute("ALTER TABLE tried DROP COLUMN beside")
        connection.execute("ALTER TABLE tried RENAME TO image_search")
        connection.execute("VACUUM ANALYZE image_search")
    return took / count


folder = tempfile.mkdtemp()
adbvec("migrate", "init")
adbvec("migrate", "up", "--to", "2")
with psycopg.connect(o.url, autocommit=True) as connection:
    # For the indexes that migrations build, too: a graph that is larger than its memory is built many times more slowly.
    connection.execute(f'ALTER DATABASE "{connection.info.dbname}" SET maintenance_work_mem = \'2GB\'')
    connection.execute("SET maintenance_work_mem = '2GB'")
    connection.execute(
        f"""INSERT INTO image_search (id, class, image_vector)
        SELECT i, 'class ' || i % 10, (SELECT array_agg((random() * 999)::int + 0 * (i + k)) FROM generate_series(1, {o.dim}) k)::real[]::vector
        FROM generate_series(1, {o.rows}) i"""
    )
    adbvec("migrate", "up")
    connection.execute("VACUUM ANALYZE image_search")
    start = time.monotonic()
    connection.execute(f"CREATE TABLE bare (id int PRIMARY KEY, class text, image_vector halfvec({o.dim}))")
    connection.execute("INSERT INTO bare SELECT id, class, image_vector FROM image_search")
    copied = time.monotonic() - start
    connection.execute(
        f"CREATE INDEX ON bare USING hnsw (image_vector halfvec_l2_ops) WITH (m = {o.m}, ef_construction = {o.ef})"
    )
    bare = time.monotonic() - start
    connection.execute("DROP TABLE bare")
    print(f"bare: INSERT … SELECT {copied:.1f} s, with the index {bare:.1f} s")
    written = updated(min(o.rows, 4000)) * o.rows
    print(f"an UPDATE of every row by two sessions: {written:.1f} s, so {(bare + written) / bare:.1f} times bare at least")
    before = recall(connection)

    writer, searcher = Load(o.writes, write), Load(o.searches, search)
    writer.start()
    searcher.start()
    time.sleep(5)
    adbvec("migrate", "new", "--re-embed", "half", "--to-type", "halfvec", "--min-recall", "0")
    files = sorted(name for name in os.listdir(folder + "/migrations/pgvector") if "_half_" in name)
    total = time.monotonic()
    wal = connection.execute("SELECT pg_current_wal_lsn()").fetchone()[0]
    print("\n".join(line for line in run("migrate", "plan").splitlines() if line.startswith("--   ")))
    for name in files:
        start, end = adbvec("migrate", "up", "--count", "1")
        step = name.split("_half_")[1].removesuffix(".sql")
        print(
            f"{step}: {end - start:.1f} s, writes p99 {writer.percentile(0.99, start, end) * 1000:.1f} ms, "
            f"longest {writer.longest(start, end) * 1000:.1f} ms; searches longest {searcher.longest(start, end) * 1000:.1f} ms"
        )
    grown = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), %s)", (wal,)).fetchone()[0]
    print(f"WAL: {float(grown) / 1e6:.0f} MB, that of writers included")
    print(f"total: {time.monotonic() - total:.1f} s, {(time.monotonic() - total) / bare:.1f} times bare")
    time.sleep(3)
    for words in (("down",), ("up", "--count", "1")):
        start, end = adbvec("migrate", *words)
        print(
            f"{' '.join(words)}: {end - start:.2f} s, longest write {writer.longest(start, end) * 1000:.1f} ms, "
            f"longest search {searcher.longest(start, end) * 1000:.1f} ms"
        )
        time.sleep(3)
    writer.stop = searcher.stop = True
    writer.join()
    searcher.join()
    print(f"writes: {len(writer.times)}, refused {len(writer.refused)} {set(writer.refused) or ''}")
    print(f"searches: {len(searcher.times)}, refused {len(searcher.refused)} {set(searcher.refused) or ''}")
    stale = connection.execute(
        f"SELECT count(*) FROM image_search WHERE image_vector IS DISTINCT FROM image_vector_previous::halfvec({o.dim})"
    ).fetchone()[0]
    print(f"recall {before:.3f} before, {recall(connection):.3f} after; stale rows: {stale}")
