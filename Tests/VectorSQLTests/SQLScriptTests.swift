import Testing
import VectorSQL
import VectorSQLExamples

@Suite("Scripts for people")
struct SQLScriptTests {
  @Test("psql: variables above, the query below, no vector in a search by id")
  func psql() throws {
    var search = imageSearch()
    search.settings.efSearch = 200
    #expect(
      try search.script(.psql, for: .pgvector, comment: "the 10 nearest\nto id 4999").text == """
        -- the 10 nearest
        -- to id 4999
        \\set id 4999
        \\set top_k 10
        BEGIN;
        SET LOCAL hnsw.ef_search = 200;
        SELECT "id", "class", "image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint) AS "distance"
        FROM "public"."image_search"
        WHERE "image_vector" IS NOT NULL
          AND (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint) IS NOT NULL
        ORDER BY "image_vector" <-> (SELECT "image_vector" FROM "public"."image_search" WHERE "id" = :'id'::bigint)
        LIMIT :'top_k'::bigint;
        COMMIT;

        """
    )
  }

  @Test("psql: hostile text stays inside its variable")
  func hostilePsql() throws {
    var search = imageSearch(to: .vector([0.1, 1e-7, -2, 0, 0, 0, 0, 1e20]))
    search.filters = [Column<String>("class").equals("it's :id \\ `rm`\n\\! x")]
    let text = try search.script(.psql, for: .pgvector).text
    #expect(text.contains(#"\set p2 'it''s :id \\ `rm`\n\\! x'"#))
    #expect(text.contains(#"\set query '[0.1,1e-07,-2,0,0,0,0,1e+20]'"#))
    #expect(text.contains(#"WHERE "class" = :'p2'"#))
    #expect(text.contains(#"<-> :'query'::vector"#))
  }

  @Test("prepare: types declared, values given at the end")
  func prepare() throws {
    let text = try imageSearch(to: .vector(probe)).script(.prepare, for: .analyticDB).text
    #expect(
      text == """
        PREPARE adbvec_search (real[], bigint) AS
        SELECT "id", "class", sqrt("image_vector" <-> $1::real[]) AS "distance"
        FROM "public"."image_search"
        ORDER BY "image_vector" <-> $1::real[]
        LIMIT $2;
        EXECUTE adbvec_search('{0.5,-1,2,0,0.25,1,-3,1e-07}', 10);
        DEALLOCATE adbvec_search;

        """
    )
  }

  @Test("literal: typed constants")
  func literal() throws {
    let text = try imageSearch(to: .vector(probe)).script(.literal, for: .pgvector).text
    #expect(text.contains(#"ORDER BY "image_vector" <-> '[0.5,-1,2,0,0.25,1,-3,1e-07]'::vector"#))
    #expect(text.hasSuffix("LIMIT 10;\n"))
  }

  @Test("parameters: one JSON object")
  func parameters() throws {
    let text = try imageSearch().script(.parameters, for: .pgvector).text
    #expect(text.hasPrefix(#"{"settings":[],"text":"SELECT \"id\", \"class\""#))
    #expect(
      text.hasSuffix(#""parameters":[{"type":"bigint","value":4999},{"type":"bigint","value":10}]}"# + "\n")
    )
  }
}
