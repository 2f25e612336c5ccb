"""Loads a page on loopback with searches by id and by image, and reports latencies beside the bare search.

    load.py URL [--clients 64] [--seconds 60] [--uploads 0.1] [--images FOLDER] [--process PID] [--bare NAME=FILE…]

FILE is pgbench's log of the bare search, whose third column is the latency in microseconds.

Standard library only. 503 is counted apart: it is the page's way to stay quick; every other error fails the run.
"""

import argparse
import asyncio
import json
import random
import statistics
import time
from pathlib import Path
from urllib.parse import urlsplit


class Client:
    """One connection that asks one thing after another."""

    def __init__(self, host, port):
        self.host, self.port, self.reader = host, port, None

    async def ask(self, method, path, body=b"", kind=None):
        if self.reader is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
        if kind:
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        self.writer.write(head.encode() + b"\r\n" + body)
        await self.writer.drain()
        answer = await self.reader.readuntil(b"\r\n\r\n")
        lines = answer.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        content = await self.reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), content

    def close(self):
        if self.reader is not None:
            self.writer.close()
        self.reader = None


class Tally:
    def __init__(self):
        self.latencies = {"id": [], "image": []}
        self.parts = {"id": [], "image": []}
        self.statuses, self.errors, self.resident = {}, [], []


async def work(client, tally, ids, images, share, deadline, seed):
    chance = random.Random(seed)
    while time.monotonic() < deadline:
        kind = "image" if images and chance.random() < share else "id"
        started = time.perf_counter()
        try:
            if kind == "image":
                status, content = await client.ask("POST", "/api/v1/search/image?k=20", chance.choice(images), "image/png")
            else:
                status, content = await client.ask("GET", f"/api/v1/search?id={chance.choice(ids)}&k=20")
        except (OSError, asyncio.IncompleteReadError) as error:
            tally.errors.append(repr(error))
            client.close()
            continue
        tally.statuses[status] = tally.statuses.get(status, 0) + 1
        if status == 200:
            tally.latencies[kind].append((time.perf_counter() - started) * 1_000)
            tally.parts[kind].append(json.loads(content)["timing"])
        elif status == 503:
            await asyncio.sleep(0.2)
        else:
            tally.errors.append(f"{status}: {content[:200]!r}")
    client.close()


def resident(process):
    """VmRSS in MiB."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024


async def watch(process, tally, started, deadline):
    while time.monotonic() < deadline:
        tally.resident.append((time.monotonic() - started, resident(process)))
        await asyncio.sleep(1)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def report(tally, options):
    print(f"{options.clients} clients, {options.seconds} s: answers by status {tally.statuses}, other errors {len(tally.errors)}")
    for kind, values in tally.latencies.items():
        if not values:
            continue
        print(f"by {kind:8}{len(values):7} answers, p50 {statistics.median(values):8.1f} ms, p99 {percentile(values, 0.99):8.1f} ms")
        for part in ("features_ms", "database_ms", "waiting_ms"):
            middle = statistics.median(timing[part] for timing in tally.parts[kind])
            print(f"   {part[:-3]:9} p50 {middle:8.1f} ms, {100 * middle / statistics.median(values):5.1f} % of the answer's p50")
    for name, path in (bare.split("=") for bare in options.bare):
        bare = [int(line.split()[2]) / 1_000 for line in Path(path).read_text().splitlines()]
        line = f"bare prepared search, {name}: {len(bare)} answers, p50 {statistics.median(bare):.1f} ms, p99 {percentile(bare, 0.99):.1f} ms"
        if values := tally.latencies["id"]:
            line += f"; the page by id takes {statistics.median(values) / statistics.median(bare):.2f} (p50) and {percentile(values, 0.99) / percentile(bare, 0.99):.2f} (p99) times as long"
        print(line)
    if tally.resident:
        step = max(1, len(tally.resident) // 8)
        print("VmRSS in MiB at second: " + ", ".join(f"{at:.0f}: {size:.0f}" for at, size in tally.resident[::step]))
        half = len(tally.resident) // 2
        early, late = (statistics.mean(size for _, size in part) for part in (tally.resident[half // 2 : half], tally.resident[-half // 2 :]))
        print(f"mean of the second quarter {early:.0f} MiB, of the last {late:.0f} MiB: {100 * (late / early - 1):+.1f} %")
    for error in tally.errors[:5]:
        print("error:", error)


async def main(options):
    address = urlsplit(options.url)
    host, port = address.hostname, address.port
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise SystemExit("this load is for loopback only")
    client = Client(host, port)
    _, content = await client.ask("GET", "/api/v1/images?k=200")
    ids = [image["id"] for image in json.loads(content)["images"]]
    client.close()
    images = [path.read_bytes() for path in sorted(Path(options.images).rglob("*.png"))[:200]] if options.images else []
    tally, started = Tally(), time.monotonic()
    deadline = started + options.seconds
    clients = [work(Client(host, port), tally, ids, images, options.uploads, deadline, n) for n in range(options.clients)]
    watches = [watch(options.process, tally, started, deadline)] if options.process else []
    await asyncio.gather(*watches, *clients)
    report(tally, options)
    raise SystemExit(1 if tally.errors else 0)


parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("--clients", type=int, default=64)
parser.add_argument("--seconds", type=float, default=60)
parser.add_argument("--uploads", type=float, default=0.1)
parser.add_argument("--images")
parser.add_argument("--process", type=int)
parser.add_argument("--bare", nargs="*", default=[])
asyncio.run(main(parser.parse_args()))
