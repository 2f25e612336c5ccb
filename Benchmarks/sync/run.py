#!/usr/bin/env python3
"""Measures `adbvec sync` beside the bare walk and a scan of times of modification into SQLite, in turns.

The folder and what is recorded of it are generated: empty files of different sizes, which a run without changes never opens, and
rows of small vectors. `--changes` embeds one real image per round, with the model in force; `--new` plans the same folder for a
table that has none of it. `--plans` gives the files contents of their own, a thousand of each size, and measures plans of an empty
folder, of new images, of images that were all moved (their folders were renamed), and of images that are all gone."""
import argparse
import hashlib
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

PER_FOLDER = 1000


def seconds(body):
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def files_below(folder):
    stack = [folder]
    while stack:
        with os.scandir(stack.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    stack.append(entry.path)
                elif entry.name.endswith(".bmp"):
                    yield entry


def walk(folder):
    for entry in files_below(folder):
        entry.stat()


def scan(folder, database):
    """What rclip does: size and time of each file are looked up one by one."""
    for entry in files_below(folder):
        info = entry.stat()
        row = database.execute("SELECT modified, size FROM images WHERE path = ?", (entry.path,)).fetchone()
        assert row == (info.st_mtime_ns, info.st_size)


def sync(arguments, folder):
    command = [arguments.adbvec, "sync", folder, "--database-url", arguments.url, "--table", arguments.table, "--quiet",
               "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout)["result"]


def plan_of_new(arguments, folder):
    """As `plan`, of a folder of which nothing is recorded."""
    table = arguments.table + "_new"
    sql(arguments, f"""DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (id bigint PRIMARY KEY, class text, source text,
      image_vector real[])""")
    try:
        return plan(arguments, folder, table)
    finally:
        sql(arguments, f"DROP TABLE {table}")


def plan(arguments, folder, table, *options):
    """The seconds and the most memory, in KiB, that a plan takes."""
    command = [arguments.adbvec, "sync", folder, "--database-url", arguments.url, "--table", table, "--quiet", "--dry-run",
               *options]
    start = time.perf_counter()
    with open(os.devnull, "wb") as nowhere:
        process = subprocess.Popen(command, stdout=nowhere)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    found = time.perf_counter() - start
    if process.returncode != 0:
        sys.exit(process.returncode)
    return found, usage.ru_maxrss


def plans(arguments, folder, base):
    """Plans in which every image is new, moved or gone, and the plan of an empty folder."""
    def tell(name, measured):
        print(f"plan, {name:13} {measured[0]:8.3f} s, peak memory {measured[1] / 1024:.0f} MiB")

    os.mkdir(base + "/empty")
    tell("empty folder", plan_of_new(arguments, base + "/empty"))
    tell("all new", plan_of_new(arguments, folder))
    for name in os.listdir(folder):
        os.rename(f"{folder}/{name}", f"{folder}/moved-{name}")
    tell("all moved", plan(arguments, folder, arguments.table))
    os.rename(folder, base + "/elsewhere")
    os.mkdir(folder)
    tell("all gone", plan(arguments, folder, arguments.table, "--deleted", "delete", "--yes"))


def sql(arguments, script):
    subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", arguments.url], input=script, text=True, check=True)


def bitmap(path, seed):
    rows = bytes((seed * 71 + index * (seed % 97 + 3)) % 256 for index in range(64 * 64 * 3))
    head = b"BM" + (54 + len(rows)).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    info = b"".join(n.to_bytes(4, "little") for n in (40, 64, 64, 1 | 24 << 16, 0, len(rows), 0, 0, 0, 0))
    with open(path, "wb") as file:
        file.write(head + info + rows)


def prepare(arguments, folder):
    """Makes the files, and a table and a journal that have every one of them."""
    past = 1_700_000_000_000_000_000

    def size(number):
        """Different for each, as those of photographs mostly are; with contents a thousand of each."""
        return 8 + number % 1000 if arguments.plans else 1 + number * 7919 % 10_000_019

    def content(number):
        return b"%08d" % number + bytes(number % 1000)

    sql(arguments, f"""
      DROP TABLE IF EXISTS {arguments.table};
      CREATE TABLE {arguments.table} (id bigint PRIMARY KEY, class text, source text, image_vector real[]);
      ALTER TABLE {arguments.table} ALTER COLUMN image_vector SET STORAGE PLAIN;
    """)
    os.makedirs(folder + "/real")
    bitmap(folder + "/real/0.bmp", 1)
    sync(arguments, folder)
    lines = []
    for number in range(arguments.count):
        name = f"f{number // PER_FOLDER:05}/{number:08}.bmp"
        path = folder + "/" + name
        if number % PER_FOLDER == 0:
            os.mkdir(os.path.dirname(path))
        with open(path, "wb") as file:
            if arguments.plans:
                file.write(content(number))
            else:
                file.truncate(size(number))
        os.utime(path, ns=(past, past + number))
        digest = hashlib.sha256(content(number) if arguments.plans else name.encode()).hexdigest()
        lines.append(f"{number + 10}\t{name}\t{size(number)}\t{past + number}\t{os.stat(path).st_ctime_ns}\t{digest}\n")
    script = f"""
      CREATE TEMP TABLE files (id bigint, path text, size bigint, modified bigint, status bigint, digest text);
      COPY files FROM STDIN;
{"".join(lines)}\\.
      INSERT INTO {arguments.table} SELECT id, split_part(path, '/', 1), '{folder}/' || path,
        ARRAY(SELECT random() FROM generate_series(1, {arguments.dimension}))::real[] FROM files;
      INSERT INTO adbvec_load_image (load_key, path, id, byte_count, modified_at, content_hash, status_changed_at)
        SELECT l.load_key, f.path, f.id, f.size, f.modified, f.digest, f.status FROM files f,
          (SELECT load_key FROM adbvec_load ORDER BY started_at DESC LIMIT 1) l;
      ANALYZE;
    """
    sql(arguments, script)
    sql(arguments, "VACUUM")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--adbvec", required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--table", default="sync_benchmark")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--dimension", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--changes", action="store_true", help="also change one image in each round")
    parser.add_argument("--new", action="store_true", help="also plan the folder for a table without its images")
    parser.add_argument("--plans", action="store_true", help="also plan folders in which every image is new, moved or gone")
    arguments = parser.parse_args()
    base = tempfile.mkdtemp()
    folder = base + "/images"
    try:
        prepare(arguments, folder)
        database = sqlite3.connect(base + "/scan.sqlite")
        database.execute("CREATE TABLE images (path text PRIMARY KEY, modified integer, size integer)")
        for entry in files_below(folder):
            info = entry.stat()
            database.execute("INSERT INTO images VALUES (?, ?, ?)", (entry.path, info.st_mtime_ns, info.st_size))
        sync(arguments, folder)
        times = {"walk": [], "scan": [], "no change": [], "one change": []}
        memory = 0
        for number in range(arguments.rounds):
            times["walk"].append(seconds(lambda: walk(folder)))
            times["scan"].append(seconds(lambda: scan(folder, database)))
            report = {}
            times["no change"].append(seconds(lambda: report.update(sync(arguments, folder))))
            counts = report["counts"]
            assert counts["unchanged"] == arguments.count + 1 and counts["embedded"] == 0, counts
            memory = max(memory, report["peak_memory_kib"] or 0)
            if arguments.changes:
                bitmap(folder + "/real/0.bmp", number + 2)
                times["one change"].append(seconds(lambda: report.update(sync(arguments, folder))))
                assert report["counts"]["changed"] == 1, report
                info = os.stat(folder + "/real/0.bmp")
                database.execute("UPDATE images SET modified = ?, size = ? WHERE path = ?",
                                 (info.st_mtime_ns, info.st_size, folder + "/real/0.bmp"))
                # The image was modified just now: it is compared by its content once more.
                sync(arguments, folder)
        for name, found in times.items():
            if found:
                print(f"{name:12} {statistics.median(found):8.3f} s   (of {len(found)}: {min(found):.3f} to {max(found):.3f})")
        print(f"peak memory without a change: {memory / 1024:.0f} MiB, {arguments.count} images")
        if arguments.new:
            found, peak = plan_of_new(arguments, folder)
            print(f"plan of new images: {found:8.3f} s, peak memory {peak / 1024:.0f} MiB")
        if arguments.plans:
            plans(arguments, folder, base)
    finally:
        sql(arguments, f"DROP TABLE IF EXISTS {arguments.table}")
        shutil.rmtree(base)


main()
