import Foundation
import TestSupport
import Testing
import VectorSQL

/// What the sandbox's index finds of the true neighbours, among the features of 2,000 real images.
@Suite(.enabled(if: Environment.hasData, "../shared/data is not there"))
struct SandboxRecallTests {
  /// Recall@20 for 100 of the images under each measure, by the index alone, with the default effort.
  private static let recall = """
    CREATE INDEX ON image_search USING ann (image_vector)
      WITH (dim = 1000, distancemeasure = ip, hnsw_m = 16, hnsw_ef_construction = 100);
    CREATE INDEX ON image_search USING ann (image_vector)
      WITH (dim = 1000, distancemeasure = cosine, hnsw_m = 16, hnsw_ef_construction = 100);
    ANALYZE image_search;
    SET enable_seqscan = off;
    CREATE FUNCTION pg_temp.recall(operator text) RETURNS float8 LANGUAGE plpgsql AS $$
    DECLARE
      share float8;
    BEGIN
      EXECUTE format(
        'WITH queries AS (SELECT id, image_vector AS v FROM image_search WHERE id %% 20 = 0),
           exact AS MATERIALIZED (SELECT q.id AS query, e.id FROM queries q,
             LATERAL (SELECT id FROM image_search d ORDER BY (d.image_vector %1$s q.v) + 0 LIMIT 20) e),
           found AS MATERIALIZED (SELECT q.id AS query, a.id FROM queries q,
             LATERAL (SELECT id FROM image_search d ORDER BY d.image_vector %1$s q.v LIMIT 20) a)
         SELECT count(*)::float8 / (SELECT count(*) FROM exact) FROM exact JOIN found USING (query, id)',
        operator) INTO share;
      RETURN share;
    END $$;
    SELECT op, pg_temp.recall(op) FROM unnest(ARRAY['<->', '<#>', '<=>']) op;
    EXPLAIN SELECT id FROM image_search ORDER BY image_vector <-> array_fill(1::real, ARRAY[1000]) LIMIT 20;
    """

  @Test func findsTheNearestImages() async throws {
    try await TestServer.withDatabase(extensions: ["fastann"]) { database in
      let environment = [
        "ADBVEC_MIGRATIONS": Environment.package + "/migrations", "ADBVEC_DIALECT": "analyticdb",
        "ADBVEC_WEIGHTS": Environment.data + "/weights/squeezenet1_1-onnxzoo.safetensors",
        "DATABASE_URL": database.url,
      ]
      for words in [
        ["migrate", "up", "--set", "hnsw_m=16", "--set", "hnsw_ef_construction=100"],
        ["embed-load", Environment.data + "/cifar-100-binary/train.bin"],
      ] {
        let finished = try await Program.run(Program.adbvec, words, environment: environment)
        #expect(finished.exitCode == 0, "\(finished.error)")
      }
      let printed = try await Program.psql(Self.recall, on: database)
      #expect(printed.exitCode == 0, "\(printed.error)")
      #expect(printed.output.contains("Index Scan using image_search_image_vector_idx"))
      let lines = printed.output.split(separator: "\n").map { $0.split(separator: "|") }.filter {
        $0.count == 2
      }
      #expect(lines.map { $0[0] } == ["<->", "<#>", "<=>"])
      for line in lines {
        let recall = try #require(Double(line[1]))
        print("recall@20 of \(line[0]) over 2,000 images: \(recall)")
        #expect(recall >= 0.95, "\(line[0])")
      }
    }
  }
}
