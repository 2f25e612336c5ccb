import Foundation
import ImageSearch
import PostgresClient
import Testing
import VectorSQL

/// What tables record of their vectors.
@Suite struct RecipeStoreTests {
  @Test func recipeIsReplacedAndVersionOneIsRead() async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(
        trusted: """
          CREATE TABLE \(schema).images (id int, image_vector vector(2));
          CREATE TABLE \(schema).adbvec_load (table_oid bigint, recipe text, started_at timestamptz DEFAULT now());
          INSERT INTO \(schema).adbvec_load VALUES ('\(schema).images'::regclass::oid::bigint,
            'squeezenet1_1 logits weights:ab12cd34 normalised, ids by path')
          """
      )
      let name = QualifiedName(schema: try Identifier(validating: schema), name: "images")
      func store() async throws -> RecipeStore {
        try await RecipeStore(table: name, column: "image_vector", on: connection)
      }
      let old = try #require(try await store().read(connection))
      #expect(old.recipe[.normalise] == "yes")
      #expect(old.recipe[.weights] == "ab12cd34")
      var recipe = Recipe([.architecture: "resnet18", .weights: "ff"])
      for feature in ["logits", "gem:3"] {
        recipe[.feature] = feature
        try await store().write(recipe, on: connection)
        #expect(try await store().read(connection)?.recipe == recipe)
      }
      let column = try await RecipeStore(table: name, column: "other", on: connection)
      #expect(try await column.read(connection)?.recipe == old.recipe)
    }
  }

  @Test func aDroppedTableLeavesNoRecipeToItsSuccessor() async throws {
    try await ScratchSchema.with { connection, schema in
      let name = QualifiedName(schema: try Identifier(validating: schema), name: "images")
      let recipe = Recipe([.architecture: "resnet18", .weights: "ff", .feature: "pooled"])
      func run(_ sql: String) async throws { try await connection.run(trusted: sql) }
      func store() async throws -> RecipeStore {
        try await RecipeStore(table: name, column: "image_vector", on: connection)
      }
      func found() async throws -> [Recipe?] {
        let current = try await store()
        return [try await current.read(connection)?.recipe, try await current.recorded(connection)]
      }
      let make = "CREATE TABLE \(schema).images (id int, image_vector vector(2))"
      let fill = "INSERT INTO \(schema).images VALUES (1, '[1,2]')"
      try await run(make)
      try await store().write(recipe, on: connection)
      #expect(try await found() == [recipe, recipe])
      // Emptied it is the same table.
      try await run(fill)
      try await run("TRUNCATE \(schema).images")
      #expect(try await found() == [recipe, recipe])
      for isRestored in [true, false] {
        try await run("DROP TABLE \(schema).images")
        try await run(make)
        #expect(try await found() == [nil, nil])
        if !isRestored { try await store().forgetPredecessor(on: connection) }
        // The rows of a dump were made as was recorded with them.
        try await run(fill)
        #expect(try await found() == (isRestored ? [recipe, recipe] : [nil, nil]))
        try await store().forgetPredecessor(on: connection)
        #expect(try await found() == (isRestored ? [recipe, recipe] : [nil, nil]))
      }
      // Of versions that did not write down the table.
      try await store().write(recipe, on: connection)
      try await run("UPDATE \(schema).adbvec_recipe SET recipe = (recipe::jsonb - 'table_oid')::text")
      try await run("TRUNCATE \(schema).images")
      #expect(try await found() == [recipe, recipe])
    }
  }

  @Test func recipesAreComparedFieldByField() throws {
    let words = try #require(
      Recipe(
        recorded: "vgg11 rmac:3 normalised weights:ab12cd34 scales:0.7,1.0 mirror:averaged projection:77 "
          + "background:255,0,10 exif grey16:scaled"
      )
    )
    #expect(
      words
        == Recipe([
          .architecture: "vgg11", .feature: "rmac:3", .normalise: "yes", .weights: "ab12cd34",
          .scales: "0.7,1",
          .mirror: "yes", .projection: "77", .background: "#ff000a", .exif: "yes", .icc: "no",
          .decode: "exact", .grey16: "scaled",
        ])
    )
    #expect(Recipe(recorded: "") == nil)
    // Before there was a choice every pixel was decoded.
    let older = try #require(Recipe(recorded: #"{"exif":"no","resize":"256"}"#))
    #expect(older[.decode] == "exact" && older[.icc] == "no")
    let faster = #expect(throws: RecipeMismatch.self) {
      try older.check(Recipe([.exif: "no", .decode: "fast"]), table: "images")
    }
    #expect(faster?.description.hasSuffix("Fix: use --decode exact") ?? false)
    #expect(Recipe(recorded: #"{"resize":"256"}"#)?[.decode] == nil)
    #expect(Recipe(recorded: "{broken") == nil)
    #expect(Recipe(recorded: words.json) == words)
    var other = words
    #expect(words.differences(from: other).isEmpty)
    other[.weights] = "ab12cd34" + String(repeating: "0", count: 56)
    #expect(words.differences(from: other).isEmpty)
    // What one of them does not know is not compared.
    other[.resize] = "256"
    #expect(words.differences(from: other).isEmpty)
    for field in Recipe.Field.compared where words[field] != nil {
      var changed = words
      changed[field] = "none of these"
      #expect(words.differences(from: changed).map(\.field) == [field])
      #expect(throws: RecipeMismatch.self) { try words.check(changed, table: "images") }
    }
    let mismatch = RecipeMismatch(
      table: "public.images",
      differences: words.differences(from: Recipe([.exif: "no"]))
    )
    #expect(mismatch.description.hasSuffix("Fix: use --exif"))
    // What is recorded in pixels is given as a share, and every option named exists.
    let recorded = Recipe([.resize: "256", .crop: "224", .deviation: "128,128,128"])
    let changedCrop = Recipe([.resize: "248", .crop: "224", .deviation: "1,1,1"])
    let refusal = #expect(throws: RecipeMismatch.self) { try recorded.check(changedCrop, table: "images") }
    #expect(refusal?.description.hasSuffix("Fix: use --crop 0.875 --std 128,128,128") ?? false)
  }
}
