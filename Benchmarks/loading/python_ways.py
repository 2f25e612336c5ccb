"""How Python loads the same rows: python_ways.py tutorial|psycopg3|data …

tutorial DSN TABLE KIND FILE        the AnalyticDB tutorial's way: psycopg2, the feature file into a StringIO, text COPY.
psycopg3 DSN TABLE KIND FILE ROWS   binary COPY from a .npy file, with pgvector-python for vector, as lists for real[].
data STEM ROWS DIM                  writes the rows: .f32 for C, .npy, .labels, and .txt, the tutorial's feature file.
"""
import io
import sys


def tutorial(dsn, table, kind, path):
    import psycopg2

    buffer = io.StringIO()
    with open(path) as lines:
        for line in lines:
            buffer.write(line if kind == "real" else line.replace("{", "[").replace("}", "]"))
    buffer.seek(0)
    connection = psycopg2.connect(dsn)
    connection.cursor().copy_expert(
        f"COPY {table} (id, class, image_vector) FROM STDIN WITH (FORMAT csv, DELIMITER '|')", buffer
    )
    connection.commit()


def psycopg3(dsn, table, kind, path, rows):
    import numpy
    import pgvector.psycopg
    import psycopg

    vectors = numpy.load(path, mmap_mode="r")[: int(rows)]
    with psycopg.connect(dsn) as connection:
        if kind == "vector":
            pgvector.psycopg.register_vector(connection)
        with connection.cursor().copy(f"COPY {table} (id, class, image_vector) FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "text", "vector" if kind == "vector" else "float4[]"])
            for number, vector in enumerate(vectors):
                copy.write_row((number, f"class_{number % 100:02d}", vector if kind == "vector" else vector.tolist()))


def data(stem, rows, dim):
    """Gaussian clusters; the text is what `str` makes of the float widened to double, as in the tutorial."""
    import numpy

    rows, dim = int(rows), int(dim)
    random = numpy.random.default_rng(20260101)
    centres = random.standard_normal((100, dim), dtype=numpy.float32)
    vectors = centres[numpy.arange(rows) % 100]
    vectors += numpy.float32(0.6) * random.standard_normal((rows, dim), dtype=numpy.float32)
    numpy.save(stem + ".npy", vectors)
    vectors.tofile(stem + ".f32")
    with open(stem + ".labels", "w") as labels:
        labels.writelines(f"class_{n % 100:02d}\n" for n in range(rows))
    with open(stem + ".txt", "w") as lines:
        for n, vector in enumerate(vectors):
            lines.write(f"{n}|class_{n % 100:02d}|{{{','.join(map(str, vector.tolist()))}}}\n")


if __name__ == "__main__":
    {"tutorial": tutorial, "psycopg3": psycopg3, "data": data}[sys.argv[1]](*sys.argv[2:])
