internal import VectorSQL

/// The words that PostgreSQL (9.4 to 18) or Greenplum does not take as a bare name of a table or column.
enum ReservedWords {
  /// The name as SQL text: bare where that reads the same, quoted otherwise.
  static func quotedWhereNeeded(_ identifier: Identifier) -> String {
    let name = identifier.name
    let isPlain = name.utf8.enumerated().allSatisfy { index, byte in
      (0x61...0x7A).contains(byte) || byte == 0x5F || (index > 0 && (0x30...0x39).contains(byte))
    }
    return isPlain && !words.contains(name) ? name : identifier.quoted
  }

  private static let words: Set<String> = [
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "between",
    "bigint", "binary", "bit", "boolean", "both", "case", "cast", "char", "character", "check", "coalesce",
    "collate", "collation", "column", "concurrently", "constraint", "create", "cross", "cube",
    "current_catalog", "current_date", "current_role", "current_schema", "current_time", "current_timestamp",
    "current_user", "dec", "decimal", "decode", "default", "deferrable", "desc", "distinct", "distributed",
    "do", "else", "end", "except", "exclude", "exists", "extract", "false", "fetch", "float", "following",
    "for", "foreign", "freeze", "from", "full", "grant", "greatest", "group", "group_id", "grouping",
    "having", "ilike", "in", "initially", "inner", "inout", "int", "integer", "intersect", "interval",
    "into", "is", "isnull", "join", "lateral", "leading", "least", "left", "like", "limit", "localtime",
    "localtimestamp", "log", "merge_action", "national", "natural", "nchar", "none", "normalize", "not",
    "notnull", "null", "nullif", "numeric", "offset", "on", "only", "or", "order", "out", "outer", "over",
    "overlaps", "overlay", "partition", "placing", "position", "preceding", "precision", "primary", "real",
    "references", "returning", "right", "rollup", "row", "scatter", "select", "session_user", "setof",
    "sets", "similar", "smallint", "some", "substring", "symmetric", "system_user", "table", "tablesample",
    "then", "time", "timestamp", "to", "trailing", "treat", "trim", "true", "unbounded", "union", "unique",
    "user", "using", "values", "varchar", "variadic", "verbose", "when", "where", "window", "with",
    "xmlattributes", "xmlconcat", "xmlelement", "xmlexists", "xmlforest", "xmlnamespaces", "xmlparse",
    "xmlpi", "xmlroot", "xmlserialize", "xmltable",
  ]
}
