"""Loads a page on loopback with searches by id and by picture, and reports latencies beside the bare search.

    load.py URL [--clients 64] [--seconds 60] [--uploads 0.1] [--pictures FOLDER] [--database-ms MEDIAN]

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
        self.latencies = {"id": [], "picture": []}
        self.parts = {"id": [], "picture": []}
        self.statuses, self.errors, self.resident = {}, [], []


async def work(client, tally, ids, pictures, share, deadline, seed):
    chance = random.Random(seed)
    while time.monotonic() < deadline:
        kind = "picture" if pictures and chance.random() < share else "id"
        started = time.perf_counter()
        try:
            if kind == "picture":
                status, content = await client.ask("POST", "/api/v1/search/picture?k=20", chance.choice(pictures), "image/png")
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


async def watch(host, port, tally, deadline):
    client = Client(host, port)
    while time.monotonic() < deadline:
        _, content = await client.ask("GET", "/metrics")
        lines = content.decode().splitlines()
        tally.resident += [float(line.split()[1]) / (1 << 20) for line in lines if line.startswith("process_resident_memory_bytes ")]
        await asyncio.sleep(2)
    client.close()


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
    if options.database_ms and tally.latencies["id"]:
        ratio = statistics.median(tally.latencies["id"]) / options.database_ms
        print(f"the bare prepared search, eight connections: p50 {options.database_ms:.1f} ms; the page takes {ratio:.2f} times as long")
    third = len(tally.resident) // 3
    if third:
        early, late = statistics.mean(tally.resident[third : 2 * third]), statistics.mean(tally.resident[-third:])
        print(f"resident memory {early:.0f} MiB in the middle third, {late:.0f} MiB in the last: {100 * (late / early - 1):+.1f} %")
    for error in tally.errors[:5]:
        print("error:", error)


async def main(options):
    address = urlsplit(options.url)
    host, port = address.hostname, address.port
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise SystemExit("this load is for loopback only")
    client = Client(host, port)
    _, content = await client.ask("GET", "/api/v1/pictures?k=200")
    ids = [picture["id"] for picture in json.loads(content)["pictures"]]
    client.close()
    pictures = [path.read_bytes() for path in sorted(Path(options.pictures).rglob("*.png"))[:200]] if options.pictures else []
    tally, deadline = Tally(), time.monotonic() + options.seconds
    clients = [work(Client(host, port), tally, ids, pictures, options.uploads, deadline, n) for n in range(options.clients)]
    await asyncio.gather(watch(host, port, tally, deadline), *clients)
    report(tally, options)
    raise SystemExit(1 if tally.errors else 0)


parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("--clients", type=int, default=64)
parser.add_argument("--seconds", type=float, default=60)
parser.add_argument("--uploads", type=float, default=0.1)
parser.add_argument("--pictures")
parser.add_argument("--database-ms", type=float)
asyncio.run(main(parser.parse_args()))
