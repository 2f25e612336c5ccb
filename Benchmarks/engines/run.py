"""What a Citus cluster costs beside one PostgreSQL: loading, building, searching, and whether it finds the same.

    python3 run.py --adbvec PROGRAM --url postgresql://COORDINATOR/DATABASE --single postgresql://ONE_NODE/DATABASE
                   [--workers 1,2,4] [--rows 20000] [--dim 256] [--shards 8] [--rounds 5] [--interface lo]

COORDINATOR leads to the coordinator of a cluster that the user may change (Citus and pgvector in the database), ONE_NODE
to one PostgreSQL with pgvector. Needs numpy, psycopg, cc and libpq. For each number of workers the table is spread over that
many of the first, and then loaded with 1, 2 and 4 connections a worker, by the command and by as many processes of the C loop,
in turns; then indexed, and searched through a connection that stays open. The network's bytes are those that an interface
counts (Linux): with all nodes on one machine, and nothing else talking, the loopback's.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

import numpy as np
import psycopg

here = os.path.dirname(os.path.abspath(__file__))
options = argparse.ArgumentParser()
options.add_argument("--adbvec", default="adbvec")
options.add_argument("--url", required=True)
options.add_argument("--single", required=True)
options.add_argument("--workers", default="1,2,4")
options.add_argument("--rows", type=int, default=20000)
options.add_argument("--dim", type=int, default=256)
options.add_argument("--shards", type=int, default=8)
options.add_argument("--rounds", type=int, default=5)
options.add_argument("--queries", type=int, default=100)
options.add_argument("--interface", default="lo")
options.add_argument("--folder", default="/tmp/adbvec-engines-bench")
o = options.parse_args()
os.makedirs(o.folder, exist_ok=True)
loop = o.folder + "/load_loop"
include = subprocess.check_output(["pg_config", "--includedir"], text=True).strip()
subprocess.check_call(["cc", "-O2", here + "/../loading/load_loop.c", "-o", loop, "-I" + include, "-lpq"])

# Vectors in clusters, as those of images are; queries are rows moved a little.
generator = np.random.default_rng(18)
centres = generator.standard_normal((200, o.dim), dtype=np.float32)
data = centres[generator.integers(0, 200, o.rows)] + 0.5 * generator.standard_normal((o.rows, o.dim), dtype=np.float32)
queries = data[generator.integers(0, o.rows, o.queries)] + 0.1 * generator.standard_normal((o.queries, o.dim), dtype=np.float32)
data.tofile(o.folder + "/v.f32")
np.save(o.folder + "/v.npy", data)
exact = [set(np.argsort(((data - query) ** 2).sum(1), kind="stable")[:10].tolist()) for query in queries]


def run(url, *statements):
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def seconds(commands):
    start = time.monotonic()
    processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    if any([process.wait() for process in processes]):
        sys.exit("a load failed")
    return time.monotonic() - start


def adbvec_load(url, connections):
    return [[o.adbvec, "load", o.folder + "/v.npy", "--restart", "--indexes", "keep", "--no-analyze", "--quiet"]
            + ["--connections", str(connections), "--database-url", url]]


def c_load(url, connections):
    bounds = [o.rows * part // connections for part in range(connections + 1)]
    return [[loop, "copy", url, "image_search", "vector", o.folder + "/v.f32", str(end - start), str(o.dim), str(start)]
            for start, end in zip(bounds, bounds[1:])]


def received():
    """Bytes that the interface has received since it is up."""
    for line in open("/proc/net/dev"):
        name, _, numbers = line.partition(":")
        if name.strip() == o.interface:
            return int(numbers.split()[0])
    return 0


def rates(url, connections):
    found = {"adbvec": [], "C": []}
    network = {"adbvec": [], "C": []}
    for _ in range(o.rounds):
        for name, commands in (("adbvec", adbvec_load(url, connections)), ("C", c_load(url, connections))):
            run(url, "TRUNCATE image_search")
            before = received()
            found[name].append(o.rows / seconds(commands))
            network[name].append((received() - before) / o.rows)
    ratio = statistics.median(a / c for a, c in zip(found["adbvec"], found["C"]))
    print(f"  load, {connections} connections: adbvec {statistics.median(found['adbvec']):.0f} rows/s, "
          f"C {statistics.median(found['C']):.0f} rows/s, ratio {ratio:.2f}; "
          f"network {min(network['adbvec']):.0f} and {min(network['C']):.0f} bytes a row", flush=True)


def search(url, is_cluster):
    literal = ["[" + ",".join(f"{x:.9g}" for x in query) + "]" for query in queries]
    prelude = ["SET LOCAL citus.propagate_set_commands = 'local'"] if is_cluster else []
    times, hits = [], 0
    with psycopg.connect(url) as connection:
        for number, vector in enumerate(literal * 2):
            if number == o.queries:
                before = received()
            start = time.monotonic()
            with connection.transaction():
                for statement in prelude + ["SET LOCAL hnsw.ef_search = 100", "SET LOCAL enable_seqscan = off"]:
                    connection.execute(statement)
                rows = connection.execute(
                    "SELECT id FROM image_search ORDER BY image_vector <-> %s::vector LIMIT 10", (vector,)
                ).fetchall()
            # The first time round fills the caches.
            if number >= o.queries:
                times.append(time.monotonic() - start)
                hits += len(exact[number - o.queries] & {row[0] for row in rows})
        network = (received() - before) / o.queries
    print(f"  search: p50 {statistics.median(times) * 1000:.2f} ms, recall of 10 beside numpy {hits / 10 / o.queries:.4f}, "
          f"network {network:.0f} bytes", flush=True)


def index(url, is_cluster):
    start = time.monotonic()
    run(url, "CREATE INDEX ON image_search USING hnsw (image_vector vector_l2_ops)", "ANALYZE image_search")
    print(f"  index: {time.monotonic() - start:.1f} s", flush=True)
    sizes = "pg_relation_size('%1$s'), pg_indexes_size('%1$s')"
    if is_cluster:
        rows = run(url, "SELECT result FROM run_command_on_shards('image_search', "
                        f"$$SELECT concat_ws(',', {sizes})$$)")
        table, indexes = map(sum, zip(*(map(int, row[0].split(",")) for row in rows)))
    else:
        table, indexes = run(url, "SELECT " + sizes.replace("%1$s", "image_search"))[0]
    print(f"  bytes a row: table {table / o.rows:.0f}, indexes {indexes / o.rows:.0f}", flush=True)


table = (
    "DROP TABLE IF EXISTS image_search, adbvec_load, adbvec_load_batch, adbvec_load_image, adbvec_recipe CASCADE",
    f"CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector vector({o.dim}))",
    "ALTER TABLE image_search ALTER image_vector SET STORAGE PLAIN",
)
print("one node")
run(o.single, *table)
for connections in (1, 2, 4):
    rates(o.single, connections)
index(o.single, False)
search(o.single, False)
nodes = run(o.url, "SELECT node_name, node_port FROM citus_get_active_worker_nodes() ORDER BY node_port")
for count in map(int, o.workers.split(",")):
    print(f"{count} workers, {o.shards} shards")
    run(o.url, table[0])
    for place, (host, port) in enumerate(nodes):
        run(o.url, f"SELECT citus_set_node_property('{host}', {port}, 'shouldhaveshards', {place < count})")
    run(o.url, *table[1:], "SELECT create_distributed_table('image_search', 'id', "
                           f"shard_count => {o.shards}, colocate_with => 'none')")
    for connections in (1, 2, 4):
        rates(o.url, connections * count)
    index(o.url, True)
    search(o.url, True)
for host, port in nodes:
    run(o.url, f"SELECT citus_set_node_property('{host}', {port}, 'shouldhaveshards', true)")
