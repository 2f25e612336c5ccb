/// A setting that can come from a flag, the environment or `adbvec.yaml`.
package struct Setting: Sendable, Hashable {
  /// The flag's name and the key in `adbvec.yaml`: `database-url`.
  package let key: String
  /// What it is, for `config show`.
  package let help: String
  /// What holds when nobody sets it.
  package let fallback: String?
  /// Whether its value may hold a password.
  package let isSecret: Bool

  private init(_ key: String, _ help: String, fallback: String? = nil, isSecret: Bool = false) {
    self.key = key
    self.help = help
    self.fallback = fallback
    self.isSecret = isSecret
  }

  /// `ADBVEC_DATABASE_URL` for `database-url`.
  package var variable: String {
    "ADBVEC_" + key.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
  }

  package static let databaseURL = Setting(
    "database-url",
    "the server: postgresql://user@host:port/database",
    isSecret: true
  )
  package static let dialect = Setting("dialect", "pgvector or analyticdb", fallback: "pgvector")
  package static let table = Setting("table", "the table with the vectors", fallback: "public.image_search")
  package static let idColumn = Setting("id-column", "the column with the ids", fallback: "id")
  package static let classColumn = Setting("class-column", "the column with the labels", fallback: "class")
  package static let vectorColumn = Setting(
    "vector-column",
    "the column with the vectors",
    fallback: "image_vector"
  )
  package static let metric = Setting("metric", "l2, ip or cosine; without it the index's own")
  package static let migrations = Setting("migrations", "the folder with the migrations")
  package static let model = Setting("model", "the network; without it the one that the weights fit")
  package static let weights = Setting("weights", "the checkpoint file, .safetensors or .pth")
  package static let feature = Setting("feature", "what is taken from the network", fallback: "logits")
  package static let scales = Setting("scales", "sizes of the input that are averaged", fallback: "1")
  package static let mirror = Setting("mirror", "yes averages with the mirror image", fallback: "no")
  package static let normalise = Setting("normalise", "yes scales vectors to length 1", fallback: "no")
  package static let projection = Setting("projection", "the projection's file, applied last")
  package static let pgBin = Setting("pg-bin", "the folder with PostgreSQL's programs, for adbvec db")

  package static let all: [Setting] = [
    databaseURL, dialect, table, idColumn, classColumn, vectorColumn, metric, migrations, model, weights,
    feature, scales, mirror, normalise, projection, pgBin,
  ]
}
