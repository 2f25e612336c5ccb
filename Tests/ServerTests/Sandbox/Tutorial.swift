import Basics
import Foundation

/// The tutorial's table, its feature file, and its statements as they stand there.
enum Tutorial {
  static let dimension = 1_000
  static let count = 300

  static let statements = [
    """
    CREATE TABLE IF NOT EXISTS public.image_search (
        id INTEGER NOT NULL,
        class TEXT,
        image_vector REAL[],
        PRIMARY KEY(id)
    ) DISTRIBUTED BY(id);
    """,
    "ALTER TABLE public.image_search ALTER COLUMN image_vector SET STORAGE PLAIN;",
    """
    CREATE INDEX image_vector_index ON public.image_search USING ann(image_vector)
    WITH (dim = '1000', hnsw_m = '100', pq_enable='0');
    """,
  ]

  /// The statements and the load in the tutorial's Python, then one line per row found for each image asked for.
  /// Arguments: module, port, database, feature file, ids.
  static let program = """
    import importlib, io, sys
    module, port, database, path, *ids = sys.argv[1:]
    driver = importlib.import_module(module)
    conn = driver.connect(host='127.0.0.1', port=port, dbname=database, user='adbvec', password='unused')
    cur = conn.cursor()
    for statement in STATEMENTS:
        cur.execute(statement)
    conn.commit()
    text = open(path).read()
    copy = "COPY public.image_search FROM STDIN WITH (DELIMITER '|')"
    if module == 'psycopg2':
        cur.copy_expert(copy, io.StringIO(text))
    else:
        with cur.copy(copy) as stream:
            stream.write(text)
    conn.commit()
    for id in ids:
        cur.execute("SELECT image_vector FROM public.image_search WHERE id = %s", (int(id),))
        vector = cur.fetchone()[0]
        cur.execute(f"SELECT id, class, l2_distance(image_vector, Array{vector}::real[]) AS distance "
                    f"FROM public.image_search ORDER BY image_vector <-> Array{vector}::real[] LIMIT 20")
        for row in cur.fetchall():
            print(*row, sep='|')
    conn.close()
    """.replacing("STATEMENTS", with: "[" + statements.map { "'''\($0)'''" }.joined(separator: ",") + "]")

  /// Vectors that are the same in every run, in a few clusters.
  static let vectors: [[Float]] = {
    var dice = SeededGenerator(seed: 1)
    let centers = (0..<10).map { _ in (0..<dimension).map { _ in Float.random(in: -1...1, using: &dice) } }
    return (0..<count).map { index in
      centers[index % 10].map { $0 + Float.random(in: -0.5...0.5, using: &dice) }
    }
  }()

  /// The feature file: `id|class|{…}` a line.
  static func writeFeatures(to path: String) throws {
    let lines = vectors.enumerated().map {
      "\($0)|class\($0 % 10)|{\($1.map(\.description).joined(separator: ","))}\n"
    }
    try lines.joined().write(toFile: path, atomically: true, encoding: .utf8)
  }

  /// The ids of an exact search, nearest first.
  static func nearest(to id: Int, count: Int = 20) -> [Int] {
    func distance(_ other: Int) -> Double {
      zip(vectors[id], vectors[other]).reduce(0) { sum, pair in
        let difference = Double(pair.0) - Double(pair.1)
        return sum + difference * difference
      }
    }
    let distances = vectors.indices.map(distance)
    return Array(vectors.indices.sorted { distances[$0] < distances[$1] }.prefix(count))
  }
}
