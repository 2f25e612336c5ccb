"""How Python loads the same rows: python_ways.py tutorial|psycopg3 DSN TABLE FILE.

tutorial: the AnalyticDB tutorial's way, psycopg2, the feature file into a StringIO, text COPY.
psycopg3: binary COPY with pgvector-python, from a .npy file (vector column only).
"""
import io
import sys

way, dsn, table, path = sys.argv[1:]
if way == "tutorial":
    import psycopg2

    buffer = io.StringIO()
    with open(path) as lines:
        for line in lines:
            buffer.write(line)
    buffer.seek(0)
    connection = psycopg2.connect(dsn)
    sql = f"COPY {table} (id, class, image_vector) FROM STDIN WITH (FORMAT csv, DELIMITER '|')"
    if "vector_t" in table:
        buffer = io.StringIO(buffer.getvalue().replace("{", "[").replace("}", "]"))
    connection.cursor().copy_expert(sql, buffer)
    connection.commit()
else:
    import numpy
    import pgvector.psycopg
    import psycopg

    vectors = numpy.load(path, mmap_mode="r")
    with psycopg.connect(dsn) as connection:
        pgvector.psycopg.register_vector(connection)
        with connection.cursor().copy(f"COPY {table} (id, class, image_vector) FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "text", "vector"])
            for number, vector in enumerate(vectors):
                copy.write_row((number, f"class_{number % 100:02d}", vector))
