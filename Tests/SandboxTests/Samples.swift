/// Texts in which a lexer can lose its way when they come in pieces.
enum Samples {
  static let clause = "CREATE TABLE t (i int) DISTRIBUTED BY (i);"

  static let sql = [
    "SELECT 'it''s', E'a\\'b\\\\', U&'d\\0061', B'01', N'n'; \(clause) \(clause)",
    "SELECT E'a\\\\\\\\\\\\\\'; \(clause)' , 1; \(clause)",
    "SELECT E'a'\n'\\'; \(clause) b'; \(clause)",
    "SELECT $a$ $b$ $a \(clause) $$ $a$; \(clause)",
    "SELECT $$\(clause)$$; \(clause)",
    "SELECT \"x\"\"y; \(clause)\", U&\"d; \(clause)\"; \(clause)",
    "/* /* \(clause) */ \(clause) */ \(clause)",
    "-- \(clause)\n\(clause)-- x",
    "SELECT 1-- \n, 2-1, a$b$c, $1; \(clause)",
    "COPY t FROM STDIN;\n\(clause)\n\\.\n\(clause)",
    "CREATE TABLE \"t;\" (i int) DISTRIBUTED /* ; */ BY\n(i, \"j)\") ;\(clause)",
    "CREATE TABLE t AS SELECT 'DISTRIBUTED RANDOMLY' DISTRIBUTED RANDOMLY; \(clause)",
    "ALTER TABLE s.t SET WITH (a=b) DISTRIBUTED BY (i, \"j)\"); SELECT s.t.gp_segment_id, gp_segment_id; \(clause)",
    "CREATE TABLE t (i int) WITH (fillfactor=7, appendonly=true, orientation=row) DISTRIBUTED BY (i); \(clause)",
    "create unlogged table größe (i int) distributed replicated;;; \(clause)",
  ]
}
