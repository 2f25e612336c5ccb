import Basics
import Foundation
import Glibc
import TestSupport
import Testing

@testable import ImageSources

/// Files as NumPy, pandas, h5py and compressors write them (`Tests/Fixtures/vectors/make.py`).
struct FieldFormatTests {
  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/vectors").path
  static let vectors = ["0.5,-1.25,3.0", "0.001,2.0,-8.0", "100.0,0.75,1e-07"]
  static let whole = zip(["7|cat", "8|chat noir é", "9|犬"], vectors).map { "\($0)|\($1)" }
  static let numbered = vectors.enumerated().map { "\($0)|NULL|\($1)" }
  static let hasHDF5 = ["103", "310", "200"].contains { version in
    ["hdf5_serial", "hdf5"].contains { dlopen("lib\($0).so.\(version)", RTLD_LAZY) != nil }
  }

  private func source(_ name: String, array: String? = nil) -> FeatureSource {
    var source = FeatureSource(path: Self.fixtures + "/" + name)
    source.array = array
    return source
  }

  private func refusal(of name: String, array: String? = nil) throws -> String? {
    let error = #expect(throws: CollectionError.self) { try rows(of: source(name, array: array)) }
    return error?.reason
  }

  @Test(arguments: [
    "stored.npz", "deflated.npz", "features.txt.gz", "features.txt.zst", "pandas.csv", "pandas-lists.csv",
  ])
  func rowsWithIdsAndClassesAreRead(name: String) throws {
    #expect(try rows(of: source(name)) == Self.whole)
  }

  @Test(arguments: ["fortran.npz", "rows.npy.zst"])
  func rowsWithoutIdsAreNumbered(name: String) throws {
    #expect(try rows(of: source(name)) == Self.numbered)
  }

  /// As `DataFrame(vectors).add_prefix("e").to_csv(…)` and its like write vectors.
  @Test(arguments: [
    ("e0,e1\n0.5,1\n2,3\n", ["0|NULL|0.5,1.0", "1|NULL|2.0,3.0"]),
    (",0,1\n7,0.5,1\n9,2,3\n", ["7|NULL|0.5,1.0", "9|NULL|2.0,3.0"]),
    ("id,width,dim_1,dim_2,file\n7,640,0.5,1,a.jpg\n", ["7|NULL|0.5,1.0"]),
    ("e08,e09,class\n0.5,1,cat\n", ["0|cat|0.5,1.0"]),
    ("id,f9,f10,f12\n7,1,2,3\n", ["7|NULL|1.0,2.0,3.0"]),
    ("7,1e-1,1e-2\n8,2,3\n", ["7|NULL|0.1,0.01", "8|NULL|2.0,3.0"]),
  ])
  func aRunOfNumberedColumnsIsAVector(text: String, expected: [String]) throws {
    let scratch = try TemporaryFolder()
    #expect(try rows(of: FeatureSource(path: try scratch.file("f.csv", text))) == expected)
  }

  @Test func twoRunsOfNumberedColumnsAreNotGuessedAt() throws {
    #expect(
      try complaint("id,a0,a1,b0,b1\n7,1,2,3,4\n", name: "f.csv")
        == "line 1: the header has several runs of numbered columns, from a0 and from b0. Fix: leave all but the vector's "
        + "out of the file"
    )
  }

  /// `stored-texts.npz` has ids of the type `<U3`.
  @Test func idsOfAnArrayMayBeTextsWhereTheTablesAre() throws {
    var texts = source("stored-texts.npz")
    texts.textIDs = .any
    #expect(
      try rows(of: texts) == zip(["a|cat", "b é|chat noir é", "007|犬"], Self.vectors).map { "\($0)|\($1)" }
    )
    #expect(
      try refusal(of: "stored-texts.npz")
        == "its ids are texts, and the table's are integers. Fix: save integers, or leave the array out, so that rows are "
        + "numbered"
    )
  }

  @Test func anArrayIsChosenByItsName() throws {
    #expect(
      try refusal(of: "two.npz")
        == "none of its arrays has a name that says it holds the vectors; it has left 3 × 3, right 3 × 3. Fix: name one "
        + "with --array"
    )
    #expect(
      try refusal(of: "two.npz", array: "middle")?.hasPrefix("it has no array \"middle\"; it has left")
        == true
    )
    #expect(try rows(of: source("two.npz", array: "right")) == Self.numbered)
    #expect(try refusal(of: "pandas.csv", array: "x") == "the format csv has one array; leave --array out")
  }

  @Test(.enabled(if: hasHDF5, "libhdf5 is not installed"))
  func tablesOfHDF5AreRead() throws {
    #expect(try rows(of: source("ann.hdf5")) == Self.numbered)
    #expect(try rows(of: source("ann.hdf5", array: "test")) == [Self.numbered[0]])
    #expect(try rows(of: source("chunked.h5", array: "left")) == Self.numbered)
    #expect(try refusal(of: "ann.hdf5", array: "distances")?.hasPrefix("it has no table of numbers") == true)
    #expect(
      try refusal(of: "chunked.h5")
        == "none of its tables has a name that says it holds the vectors; it has left 3 × 3, right 3 × 3. Fix: name one "
        + "with --array"
    )
    let reader = try source("ann.hdf5").open()
    try reader.skip(to: SourcePlace(position: 2, offset: 0, line: 0))
    var batch = FeatureBatch(firstPosition: 2)
    #expect(try !reader.read(into: &batch, limit: 5))
    #expect(batch.ids == [2] && batch.values == [100, 0.75, 1e-7])
    let scratch = try TemporaryFolder()
    let bytes = try Array(Data(contentsOf: URL(filePath: Self.fixtures + "/ann.hdf5")))
    let cut = try scratch.file("cut.hdf5", Array(bytes[..<900]))
    let error = #expect(throws: CollectionError.self) { try FeatureSource(path: cut).open() }
    #expect(error?.reason == "as HDF5, it is damaged or cut short; copy or download it again")
  }

  /// The fuzzer found it: libhdf5 1.10 reads through a null pointer, and ended the program with it.
  @Test(.enabled(if: hasHDF5, "libhdf5 is not installed"))
  func aFileOnWhichLibhdf5CrashesIsRefused() throws {
    let reason = try #require(try refusal(of: "crashing.hdf5"))
    #expect(reason.hasPrefix("none of its tables has a name") || reason.hasPrefix("as HDF5, it is damaged"))
    #expect(try rows(of: source("ann.hdf5")) == Self.numbered)
  }

  @Test(.enabled(if: hasHDF5, "libhdf5 is not installed"))
  func filesOfHDF5AreReadAtTheSameTime() async throws {
    try await withThrowingTaskGroup(of: [String].self) { group in
      for _ in 0..<16 { group.addTask { try rows(of: source("ann.hdf5")) } }
      for try await read in group { #expect(read == Self.numbered) }
    }
  }

  @Test func whatNumPyHoldsBesidesNumbersIsNamed() throws {
    #expect(
      try refusal(of: "objects.npz")
        == "its elements are |O, neither integers nor text. Fix: save array.astype('int64') or array.astype(str)"
    )
    #expect(try refusal(of: "objects.npy")?.contains("Python objects") == true)
    #expect(try refusal(of: "records.npy")?.contains("a table of records") == true)
    #expect(try refusal(of: "fortran-deflated.npz")?.contains("numpy.ascontiguousarray") == true)
    #expect(
      try refusal(of: "pandas-shortened.csv")
        == "its vector was shortened by NumPy, which prints ... for what is left out. Fix: write array.tolist()"
    )
  }

  @Test(arguments: ["stored.npz", "deflated.npz", "features.txt.gz", "features.txt.zst", "rows.npy.zst"])
  func everyCutAndChangeOfACompressedFileIsNoticed(name: String) throws {
    let scratch = try TemporaryFolder()
    let bytes = try Array(Data(contentsOf: URL(filePath: Self.fixtures + "/" + name)))
    let expected = try rows(of: source(name))
    for count in 8..<bytes.count {
      let path = try scratch.file("cut-" + name, Array(bytes[..<count]))
      // A file of members is whole where one of them ends.
      let rows = try? rows(of: FeatureSource(path: path))
      #expect(rows == nil || name == "features.txt.gz" && rows == [expected[0]], "cut at \(count)")
    }
    for place in 0..<bytes.count {
      var other = bytes
      other[place] ^= 0x10
      let path = try scratch.file("odd-" + name, other)
      let rows = try? rows(of: FeatureSource(path: path))
      // Names, dates and flags of an archive are not content; ids and classes may be lost with the name of their array.
      let values = rows?.map { $0.split(separator: "|").last.map(String.init) ?? "" }
      #expect(values == nil || values == Self.vectors, "byte \(place)")
    }
  }

  @Test func readingGoesOnInsideACompressedFile() throws {
    for name in ["stored.npz", "deflated.npz", "features.txt.gz", "features.txt.zst", "rows.npy.zst"] {
      let reader = try source(name).open()
      var batch = FeatureBatch()
      _ = try reader.read(into: &batch, limit: 2)
      let place = SourcePlace(position: 2, offset: batch.endOffset, line: batch.endLine)
      let again = try source(name).open()
      try again.skip(to: place)
      var rest = FeatureBatch(firstPosition: 2)
      while try again.read(into: &rest, limit: 5) {}
      #expect(rest.values == [100, 0.75, 1e-7], "\(name)")
      #expect(rest.labels == (name == "rows.npy.zst" ? [nil] : ["犬"]), "\(name)")
    }
  }

  @Test func twoArraysInOneFileAreRefusedCompressedOrNot() throws {
    let scratch = try TemporaryFolder()
    let unpacked = try ByteStream(path: Self.fixtures + "/rows.npy.zst", decompresses: true)
    while try unpacked.require(unpacked.availableCount + 1) {}
    let array = unpacked.withAvailable { Array($0) }
    let two = try scratch.file("two.npy", array + array)
    let packed = try Array(Data(contentsOf: URL(filePath: Self.fixtures + "/rows.npy.zst")))
    for path in [two, try scratch.file("two.npy.zst", packed + packed)] {
      let error = #expect(throws: CollectionError.self) { try rows(of: FeatureSource(path: path)) }
      #expect(error?.reason.hasPrefix("164 bytes follow the array; more than one array in a file") == true)
    }
  }

  @Test(arguments: [
    ("1;cat;[0.5,1]\n", "f.csv", "its fields are not separated by this delimiter. Fix: --delimiter ';'"),
    (
      "id;class;vector\n1;cat;{0.5,1}\n", "f",
      "its fields are not separated by this delimiter. Fix: --delimiter ';'"
    ),
    ("id,vector\n1,\n", "f.csv", "it has no vector. Fix: leave rows without a vector out of the file"),
    ("id,vector\n1,[]\n", "f.csv", "its vector is empty. Fix: leave rows without a vector out of the file"),
    (
      "id,vector\n1,\"{1:0.5,3:2}/5\"\n", "f.csv",
      "its vector is sparse. Fix: write it in full, such as vector::vector in PostgreSQL"
    ),
    (
      "id,vector\n1,\"[[1,2]]\"\n", "f.csv",
      "its vector holds vectors. Fix: write one vector a row, such as array[0]"
    ),
    (
      "id,vector\n1,\"{1,NULL}\"\n", "f.csv",
      "its vector has NULL at element 1. Fix: leave such rows out of the file"
    ),
  ])
  func anotherLayoutIsRefusedWithAWayOut(text: String, name: String, reason: String) throws {
    // What is wrong with the first line is seen in it; the rest in the first row.
    let line = reason.hasPrefix("its fields") ? 1 : 2
    #expect(try complaint(text, name: name) == "line \(line): \(reason)")
  }

  @Test func aNullVectorIsNamedWithItsLineAndAWayOut() throws {
    let text = "{\"id\":1,\"embedding\":[1]}\n{\"id\":2,\"embedding\":null}\n"
    #expect(
      try complaint(text, name: "f.jsonl")
        == "line 2: its embedding is null. Fix: leave rows without a vector out, such as jq -c 'select(.embedding)' FILE "
        + "| adbvec load -"
    )
  }

  @Test func linesThatEndWithCRAloneAreNamed() throws {
    let scratch = try TemporaryFolder()
    for (name, text) in [
      ("f.csv", "id,vector\r1,[1]\r"), ("f", "1|a|{1}\r2|b|{2}\r"), ("f.jsonl", "{}\r{}\r"),
    ] {
      let path = try scratch.file(name, text)
      let error = #expect(throws: CollectionError.self) { try FeatureSource(path: path).open() }
      #expect(error?.reason == "its lines end with CR alone. Fix: tr '\\r' '\\n' < '\(path)' | adbvec load -")
    }
  }

  /// The advice for Parquet and Feather is run as it is printed, with what follows the pipe left out.
  @Test(
    .enabled(if: Self.run("import pyarrow") == "", "pyarrow is not installed"),
    arguments: [("parquet", "pyarrow.parquet.write_table"), ("feather", "pyarrow.feather.write_feather")]
  )
  func theConversionThatIsAdvisedWorks(name: String, writer: String) throws {
    let scratch = try TemporaryFolder()
    let path = scratch.path + "/v." + name
    let made = Self.run(
      "import pyarrow, pyarrow.\(name); \(writer)(pyarrow.table({'id': [7, 8], 'class': ['cat', None], "
        + "'embedding': pyarrow.array([[0.5, -1.25], [0.1, 3]], pyarrow.list_(pyarrow.float32(), 2))}), '\(path)')"
    )
    #expect(made == "")
    let error = #expect(throws: CollectionError.self) { try FeatureSource(path: path).open() }
    let advice = try #require(error?.reason.split(separator: "Fix: python3 -c \"").last)
    let script = try #require(advice.split(separator: "\" | adbvec load -").first)
    let lines = try #require(Self.run(String(script)))
    let rows = try rows(of: lines, name: "v.jsonl")
    #expect(rows == ["7|cat|0.5,-1.25", "8|NULL|0.1,3.0"])
  }

  /// What Python prints; nil when it fails or is not there.
  private static func run(_ script: String) -> String? {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : nil
  }

  @Test func vectorsOfPostgreSQLAndPythonAreRead() throws {
    let text =
      "id,vector\n1,\"[1,2.5]\"\n2,\"{1,2.5}\"\n3,\"[1.  2.5]\"\n4,\"[ 1.\n  2.5 ]\"\n5,\"[1, 2.5]\"\n"
    #expect(try rows(of: text, name: "f.csv") == (1...5).map { "\($0)|NULL|1.0,2.5" })
  }

  /// The path stands for FILE.
  static let others: [(name: String, content: String, reason: String)] = [
    (
      "a.json", "[{\"id\":1,\"vector\":[1]}]",
      "it is a JSON array, not one JSON object per line. Fix: jq -c '.[]' FILE | adbvec load -"
    ),
    (
      "a.jsonl", " [\n {\"id\":1}]\n",
      "it is a JSON array, not one JSON object per line. Fix: jq -c '.[]' FILE | adbvec load -"
    ),
    (
      "a.json", "{\n \"id\": 1\n}\n",
      "its JSON object goes over several lines. Fix: jq -c . FILE | adbvec load -"
    ),
    (
      "a.csv", "sep=;\nid;v\n",
      "its first line is Excel's sep=, not a row. Fix: tail -n +2 FILE | adbvec load - --delimiter ';'"
    ),
    ("a.gif", "GIF89a", "it is an image. Fix: adbvec embed-load FILE"),
    ("a.npy", "", "there is nothing in it"),
    (
      "glove.txt", "the 0.1 0.2\n",
      "it is none of features, npy, npz, hdf5, fvecs, bvecs, csv, jsonl by its first bytes. Fix: write CSV "
        + "(id,class,vector), or JSON lines; --input-format names a format that is not recognised"
    ),
  ]

  @Test(arguments: others)
  func whatLooksLikeAFormatIsNamed(name: String, content: String, reason: String) throws {
    let scratch = try TemporaryFolder()
    let path = try scratch.file(name, content)
    let error = #expect(throws: CollectionError.self) { try FeatureSource(path: path).open() }
    #expect(error?.reason == reason.replacing("FILE", with: "'\(path)'"))
  }

  @Test func spreadsheetsAreNamed() throws {
    let scratch = try TemporaryFolder()
    let bytes = "id,vector\n1,\"[1]\"\n".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    let path = try scratch.file("utf16.csv", [0xFF, 0xFE] + bytes)
    let error = #expect(throws: CollectionError.self) { try FeatureSource(path: path).open() }
    #expect(error?.reason == "it is UTF-16. Fix: iconv -f UTF-16 -t UTF-8 '\(path)' | adbvec load -")
    #expect(
      try complaint("\"id\";\"vector\"\n\"1\";\"[1,2]\"\n", name: "f.csv")
        == "line 1: its fields are not separated by this delimiter. Fix: --delimiter ';'"
    )
    let folder = #expect(throws: CollectionError.self) { try FeatureSource(path: scratch.path).open() }
    #expect(folder?.reason.hasSuffix("Fix: for a folder of images, adbvec embed-load") == true)
  }

  /// What is advised for a compressed file decompresses it first.
  @Test func compressedFilesOfOtherKindsAreNamed() throws {
    let scratch = try TemporaryFolder()
    func refusal(_ content: [UInt8], _ name: String) throws -> String? {
      let path = try scratch.file(name, gzip(content))
      let error = #expect(throws: CollectionError.self) { try FeatureSource(path: path).open() }
      return error?.reason.replacing("'\(path)'", with: "FILE")
    }
    #expect(
      try refusal(Array("GIF89a".utf8) + [0, 0], "photo.gif.gz")
        == "it is a compressed image. Fix: gzip -dc FILE > IMAGE && adbvec embed-load IMAGE"
    )
    #expect(
      try refusal(Array("[{\"id\":1}]".utf8), "a.json.gz")
        == "it is a JSON array, not one JSON object per line. Fix: gzip -dc FILE | jq -c '.[]' | adbvec load -"
    )
    #expect(
      try refusal(Array("id,vector\r1,\"[1]\"\r".utf8), "a.csv.gz")
        == "its lines end with CR alone. Fix: gzip -dc FILE | tr '\\r' '\\n' | adbvec load -"
    )
  }

  /// A gzip member with one stored block.
  private func gzip(_ content: [UInt8]) -> [UInt8] {
    var crc: UInt32 = ~0
    for byte in content {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    func little(_ value: UInt32, _ bytes: Int) -> [UInt8] {
      (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let count = UInt32(content.count)
    return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1] + little(count, 2) + little(~count, 2) + content
      + little(~crc, 4)
      + little(count, 4)
  }

  @Test func aQuoteBehindABlankIsNamed() throws {
    #expect(
      try complaint("id, class, vector\n1, cat, \"[1, 2, 3]\"\n", name: "f.csv")
        == "line 2: it has 5 fields where the first has 3: a quote behind a blank does not quote. Fix: remove the blanks "
        + "before the quotes"
    )
  }

  @Test func decimalCommasAreNamed() throws {
    let scratch = try TemporaryFolder()
    var source = FeatureSource(path: try scratch.file("f.csv", "id;class;a;b\n1;cat;0,5;1,5\n"))
    source.delimiter = UInt8(ascii: ";")
    let error = #expect(throws: CollectionError.self) { try rows(of: source) }
    #expect(
      error?.reason
        == "its numbers have decimal commas. Fix: write them with points, such as tr , . < FILE | adbvec load -"
    )
  }

  @Test func aFormatThatIsOnlyReadIsNotWritten() throws {
    let scratch = try TemporaryFolder()
    for format in [FeatureSource.Format.npz, .hdf5] {
      let error = #expect(throws: CollectionError.self) {
        try FeatureOutput.open(scratch.path + "/x", format: format)
      }
      #expect(error?.reason == "the format \(format) can be read but not written")
      #expect(!FileManager.default.fileExists(atPath: scratch.path + "/x"))
    }
  }
}
