internal import Basics
internal import FoundationEssentials

/// Everything that made an embedding: two vectors can be compared when their recipes are the same.
///
/// A recipe is a set of fields with text values, as people write them on the command line. A field without a value is
/// not known and is not compared; fields of later versions are kept as they are.
public struct Recipe: Sendable, Hashable {
  /// A part of a recipe.
  public struct Field: RawRepresentable, Sendable, Hashable, Comparable {
    /// The field's name in JSON.
    public let rawValue: String

    /// The field with that name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The architecture's name, such as `squeezenet1_1`.
    public static let architecture = Field(rawValue: "architecture")
    /// A digest of the weights with their SHA-256, in hexadecimal digits.
    public static let weights = Field(rawValue: "weights")
    /// The layer and its pooling: `logits`, `gem:3`, `layer:NAME`.
    public static let feature = Field(rawValue: "feature")
    /// The sizes of the input whose embeddings are averaged: `1`, `0.7,1,1.4`.
    public static let scales = Field(rawValue: "scales")
    /// `yes` when the mirror image is averaged in.
    public static let mirror = Field(rawValue: "mirror")
    /// `yes` when vectors are scaled to length 1.
    public static let normalise = Field(rawValue: "normalise")
    /// A digest of the projection that is applied last; `none` without one.
    public static let projection = Field(rawValue: "projection")
    /// What the projection's file says of its making; never compared.
    public static let projectionProvenance = Field(rawValue: "projection_provenance")
    /// What shows through transparent pixels: `#RRGGBB`; `none` drops transparency.
    public static let background = Field(rawValue: "background")
    /// `yes` when images are turned as their EXIF orientation says.
    public static let exif = Field(rawValue: "exif")
    /// `yes` when colours of an ICC profile become sRGB's.
    public static let icc = Field(rawValue: "icc")
    /// `exact` for every pixel of the file, `fast` for as many as the resize needs.
    public static let decode = Field(rawValue: "decode")
    /// How 16-bit grey becomes 8-bit: `clipped` or `scaled`.
    public static let grey16 = Field(rawValue: "grey16")
    /// The length that the shorter side is resized to, in pixels.
    public static let resize = Field(rawValue: "resize")
    /// The side of the square that is cut out, in pixels.
    public static let crop = Field(rawValue: "crop")
    /// `bilinear` or `bicubic`.
    public static let interpolation = Field(rawValue: "interpolation")
    /// The means that are subtracted from red, green and blue.
    public static let mean = Field(rawValue: "mean")
    /// The deviations that red, green and blue are divided by.
    public static let deviation = Field(rawValue: "deviation")
    /// The metric that the vectors are meant to be compared by; a search may choose another.
    public static let metric = Field(rawValue: "metric")
    /// Where the weights were read from when the recipe was recorded; never compared.
    public static let weightsFile = Field(rawValue: "weights_file")
    /// Where the projection was read from when the recipe was recorded; never compared.
    public static let projectionFile = Field(rawValue: "projection_file")

    /// The fields that decide a vector, in the order in which differences are listed.
    public static let compared: [Field] = [
      .architecture, .weights, .feature, .scales, .mirror, .normalise, .projection, .background, .exif, .icc,
      .decode, .grey16,
      .resize, .crop, .interpolation, .mean, .deviation,
    ]

    /// By name.
    public static func < (left: Field, right: Field) -> Bool { left.rawValue < right.rawValue }
  }

  private var values: [String: String] = [:]

  /// A recipe of which nothing is known.
  public init() {}

  /// A recipe from its fields.
  public init(_ values: [Field: String]) {
    self.values = Dictionary(uniqueKeysWithValues: values.map { ($0.key.rawValue, $0.value) })
  }

  /// The value of a field; nil where it is not known.
  public subscript(field: Field) -> String? {
    get { values[field.rawValue] }
    set { values[field.rawValue] = newValue }
  }

  /// The recipe before its projection, and without the names of files.
  public var unprojected: Recipe {
    var recipe = self
    for field in [Field.projection, .projectionFile, .projectionProvenance, .weightsFile] {
      recipe[field] = nil
    }
    return recipe
  }

  /// Whether nothing is known.
  public var isEmpty: Bool { values.isEmpty }

  /// The fields with a value, by name.
  public var fields: [(field: Field, value: String)] {
    values.map { (Field(rawValue: $0.key), $0.value) }.sorted { $0.0 < $1.0 }
  }
}

extension Recipe: Codable {
  /// Reads an object of texts.
  public init(from decoder: any Decoder) throws {
    values = try decoder.singleValueContainer().decode([String: String].self)
  }

  /// Writes an object of texts.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(values)
  }

  /// JSON with the fields in the order of their names.
  public var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(values)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }

  /// A recipe as a table records it: JSON, or the words that version 1 wrote into `adbvec_load`.
  /// - Returns: nil for a text that is neither, and for an empty one.
  public init?(recorded text: String) {
    let text = text.drop { $0 == " " }
    guard !text.isEmpty else { return nil }
    if text.hasPrefix("{") {
      guard let recipe = try? JSONDecoder().decode(Recipe.self, from: Data(text.utf8)) else { return nil }
      self = recipe
      // Recorded before there was a choice.
      if self[.exif] != nil {
        self[.decode] = self[.decode] ?? "exact"
        self[.icc] = self[.icc] ?? "no"
      }
    } else {
      self.init(words: text)
    }
  }

  /// Version 1: `squeezenet1_1 logits normalised weights:1a2b scales:0.7,1 mirror projection:3c4d background:255,255,255
  /// exif grey16:scaled, ids by path`. What it does not mention has its default.
  private init?(words text: Substring) {
    let numbering = text.firstRange(of: ", ids by ")?.lowerBound ?? text.endIndex
    let words = text[..<numbering].split(separator: " ")
    guard words.count >= 3, words.contains(where: { $0.hasPrefix("weights:") }) else { return nil }
    self.init([
      .architecture: String(words[0]), .feature: String(words[1]), .scales: "1", .mirror: "no",
      .normalise: "no",
      .projection: "none", .background: "none", .exif: "no", .icc: "no", .decode: "exact", .grey16: "clipped",
    ])
    for word in words.dropFirst(2) {
      let parts = word.split(separator: ":", maxSplits: 1).map(String.init)
      switch (parts[0], parts.count > 1 ? parts[1] : nil) {
      case ("normalised", nil): self[.normalise] = "yes"
      case ("exif", nil): self[.exif] = "yes"
      case ("background", let color?): self[.background] = Self.hexadecimal(color)
      case ("scales", let value?): self[.scales] = Self.plain(value)
      case ("mirror", let value): self[.mirror] = value == "none" ? "no" : "yes"
      case ("weights", let value?), ("projection", let value?), ("grey16", let value?):
        self[Field(rawValue: parts[0])] = value
      default: break
      }
    }
  }

  /// `0.7,1.0` as `0.7,1`.
  private static func plain(_ numbers: String) -> String {
    numbers.split(separator: ",").map { $0.hasSuffix(".0") ? String($0.dropLast(2)) : String($0) }
      .joined(separator: ",")
  }

  /// `255,255,255` as `#ffffff`.
  private static func hexadecimal(_ color: String) -> String {
    let channels = color.split(separator: ",").compactMap { UInt8($0) }
    guard channels.count == 3 else { return color }
    return "#" + channels.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

extension Recipe {
  /// A field in which two recipes differ.
  public struct Difference: Sendable, Hashable {
    /// The field.
    public let field: Field
    /// The value in the recipe that is recorded for the table.
    public let recorded: String
    /// The value in the other recipe.
    public let given: String
  }

  /// The fields known to both recipes in which another recipe differs from this one.
  public func differences(from other: Recipe) -> [Difference] {
    Field.compared.compactMap { field in
      guard let recorded = self[field], let given = other[field], !Self.agree(recorded, given, field) else {
        return nil
      }
      return Difference(field: field, recorded: recorded, given: given)
    }
  }

  private static func agree(_ left: String, _ right: String, _ field: Field) -> Bool {
    guard field == .weights || field == .projection, left != "none", right != "none" else {
      return left == right
    }
    return SHA256.agree(left, right)
  }

  /// The crop as the share of the resized image that gives its length again, as `--crop` takes it; nil without both.
  private var cropShare: String? {
    guard let resize = self[.resize].flatMap({ Int($0) }), let crop = self[.crop].flatMap({ Int($0) }),
      crop > 0,
      resize >= crop
    else { return nil }
    let shares = [100.0, 1e3, 1e4, 1e5, 1e6].map { (Double(crop) / Double(resize) * $0).rounded(.down) / $0 }
    return shares.first { $0 > 0 && Double(crop) / $0 < Double(resize + 1) }.map { "\($0)" }
  }

  /// Refuses a recipe that contradicts this one.
  /// - Parameter table: the table that this recipe is recorded for, as messages name it.
  /// - Throws: `RecipeMismatch`.
  public func check(_ other: Recipe, table: String) throws(RecipeMismatch) {
    let differences = differences(from: other)
    guard differences.isEmpty else {
      throw RecipeMismatch(table: table, differences: differences, cropShare: cropShare)
    }
  }
}

/// A query, or new rows, whose recipe is not the one that made the table's vectors.
public struct RecipeMismatch: Error, Sendable, Hashable, CustomStringConvertible {
  /// The table, as messages name it.
  public let table: String
  /// The fields that differ.
  public let differences: [Recipe.Difference]
  /// The file whose vectors were made by the other recipe; nil where images are still to be embedded.
  public var file: String?

  /// The crop of the table's recipe as a share of the resized image.
  private let cropShare: String?

  /// A mismatch in these fields.
  /// - Parameter cropShare: the crop of the table's recipe as a share of the resized image, 0…1.
  public init(table: String, differences: [Recipe.Difference], cropShare: String? = nil) {
    self.table = table
    self.differences = differences
    self.cropShare = cropShare
  }

  /// The two recipes side by side, and the options that give the recorded one.
  public var description: String {
    let rows = [("", "table", "given")] + differences.map { ($0.field.rawValue, $0.recorded, $0.given) }
    let first = rows.map(\.0.count).max() ?? 0
    let second = rows.map(\.1.count).max() ?? 0
    let lines = rows.map { "  \(Self.padded($0.0, first))  \(Self.padded($0.1, second))  \($0.2)" }
    return "the vectors of \(table) were made by another recipe, so that distances would mean nothing:\n"
      + lines.joined(separator: "\n") + "\nFix: \(wayToRecorded)"
  }

  /// The options that give the recorded recipe.
  private var wayToRecorded: String {
    var options: [String] = []
    for option in differences.map(option) where !options.contains(option) { options.append(option) }
    let all = options.joined(separator: " ")
    return file.map { "make \($0) again with adbvec embed and \(all)" } ?? "use \(all)"
  }

  private func option(_ difference: Recipe.Difference) -> String {
    let recorded = difference.recorded
    switch difference.field {
    case .architecture: return "--model \(recorded)"
    case .weights: return "--weights FILE (the file whose digest is \(recorded))"
    case .feature: return "--feature \(recorded)"
    case .scales: return "--scales \(recorded)"
    case .mirror: return recorded == "yes" ? "--mirror" : "--no-mirror"
    case .normalise: return recorded == "yes" ? "--normalise" : "--no-normalise"
    case .projection:
      return recorded == "none"
        ? "no --projection" : "--projection FILE (the file whose digest is \(recorded))"
    case .background: return recorded == "none" ? "no --background" : "--background '\(recorded)'"
    case .exif: return recorded == "yes" ? "--exif" : "--no-exif"
    case .icc: return recorded == "yes" ? "--icc" : "--no-icc"
    case .grey16: return "--grey16 \(recorded)"
    case .resize where cropShare != nil, .crop where cropShare != nil: return "--crop \(cropShare ?? "")"
    case .deviation: return "--std \(recorded)"
    default: return "--\(difference.field.rawValue) \(recorded)"
    }
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}

extension RecipeMismatch: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { "recipe_mismatch" }
}
