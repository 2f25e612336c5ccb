import Testing
import VectorSQL

@testable import ImageSearch
@testable import ModelChange
@testable import PostgresClient

/// What a request makes of a table's vectors.
@Suite struct NewVectorsTests {
  private func table(_ type: String, _ dimension: Int, recipe: Recipe? = nil) throws -> ChangedTable {
    let column = VectorTable.Column(
      name: "v",
      type: type,
      typeOID: 1,
      isRequired: false,
      hasDefault: false,
      isUnique: false,
      storage: "x"
    )
    var server = ServerCapabilities(serverVersion: 180_000, versionText: "PostgreSQL 18.0")
    server.extensions["vector"] = .init(version: "0.8.1", schema: "public")
    return ChangedTable(
      change: try VectorChange(table: "public.t", column: "v", idColumn: "id", sourceColumn: nil),
      catalog: VectorTable(
        name: "public.t",
        oid: 1,
        kind: .table,
        columns: [column],
        vectorIndexes: [],
        estimatedRows: 0,
        isOwned: true,
        hasParts: false,
        hasRowSecurity: false,
        mayHaveTriggers: false
      ),
      column: column,
      classColumn: nil,
      recipe: recipe.map { RecordedRecipe(recipe: $0, table: "public.t", count: 1) },
      server: server,
      dimension: dimension,
      dependents: ColumnDependents(dependents: [], traits: [], hasRequiredCheck: false, notes: []),
      isUnderWay: false
    )
  }

  @Test func modelNeedsImages() {
    #expect(!VectorRequest().needsImages(Recipe()))
    let parts: [(inout VectorRequest) -> Void] = [
      { $0.weights = "/w" }, { $0.model = "m" }, { $0.feature = "f" }, { $0.scales = "224" },
      { $0.mirrors = false },
    ]
    for part in parts {
      var request = VectorRequest()
      part(&request)
      #expect(request.needsImages(Recipe()))
    }
  }

  @Test(arguments: [
    (nil, false, false, false), (nil, true, false, true), ("no", true, false, true),
    ("yes", true, false, false), ("yes", false, true, false),
  ])
  func lengthsThatWereLostNeedImages(was: String?, wanted: Bool, needsImages: Bool, newly: Bool) {
    var request = VectorRequest()
    request.normalises = wanted
    let old = Recipe(was.map { [.normalise: $0] } ?? [:])
    #expect(request.needsImages(old) == needsImages)
    #expect(request.newlyNormalises(old) == newly)
  }

  @Test func onlyProjectionOfProjectedVectorsNeedsImages() {
    var request = VectorRequest()
    request.projection = "/p"
    #expect(!request.needsImages(Recipe()))
    #expect(!request.needsImages(Recipe([.projection: "none"])))
    #expect(request.needsImages(Recipe([.projection: "1a2b"])))
  }

  @Test func fieldsOfOtherModelAreDropped() {
    let old = Recipe([
      .architecture: "a", .weightsFile: "/w", .weights: "1", .feature: "f", .projection: "2",
      .projectionFile: "/p", .metric: "l2",
    ])
    var request = VectorRequest()
    request.feature = "g"
    let sameModel = request.kept(of: old)
    #expect(sameModel[.projection] == nil && sameModel[.projectionFile] == nil)
    #expect(sameModel[.architecture] == "a" && sameModel[.weightsFile] == "/w" && sameModel[.weights] == "1")
    request.model = "b"
    let otherModel = request.kept(of: old)
    #expect(
      otherModel[.architecture] == nil && otherModel[.weightsFile] == nil && otherModel[.weights] == nil
    )
    #expect(otherModel[.feature] == "f" && otherModel[.metric] == "l2")
  }

  @Test(arguments: [
    ("vector(512)", 2000, "vector"), ("vector(512)", 2001, "halfvec"), ("halfvec(4)", 5000, "halfvec"),
    ("real[]", 5000, "real[]"),
  ])
  func vectorThatNoIndexTakesBecomesHalfvec(type: String, dimension: Int, usual: String) throws {
    let table = try table(type, 512)
    #expect(table.usualType(dimension: dimension) == usual)
    #expect(table.possibleTypes.contains(usual))
  }

  @Test func roundedVectorsKeepTheirNeighbours() throws {
    let table = try table("vector(512)", 512)
    #expect(table.vectors(convertedTo: "vector", normalises: false) == nil)
    let halves = try #require(table.vectors(convertedTo: "halfvec", normalises: false))
    #expect(halves.type == "halfvec(512)" && halves.dimension == 512 && halves.minimumAgreement == 0.9)
    let scaled = try #require(table.vectors(convertedTo: "vector", normalises: true))
    #expect(scaled.type == "vector(512)" && scaled.minimumAgreement == 0)
  }

  @Test func projectionIsAddedToRecipe() throws {
    let table = try table("vector(512)", 512, recipe: Recipe([.architecture: "a"]))
    let new = table.vectors(projectedBy: (file: "/p", digest: "1a"), dimension: 64, type: "vector")
    let made = Recipe([.architecture: "a", .projection: "1a", .projectionFile: "/p"])
    #expect(new.making == .projection(file: "/p", made))
    #expect(new.type == "vector(64)" && new.dimension == 64 && new.minimumAgreement == 0)
  }

  @Test func rowsThatFileDeletesAreCounted() {
    #expect(ChangeFiles.warnings(missing: .drop, count: 0, others: 0) == [])
    #expect(
      ChangeFiles.warnings(missing: .drop, count: 1, others: 0) == [
        "the file deletes 1 row without a vector, whose images were not there"
      ]
    )
    let kept = ChangeFiles.warnings(missing: .keep, count: 2, others: 3)
    #expect(kept.count == 2 && kept[0].hasPrefix("3 rows got another source behind the switch"))
    #expect(
      kept[1]
        == "2 rows without a vector, whose images were not there, stay; --missing drop writes a file that deletes them"
    )
  }
}
