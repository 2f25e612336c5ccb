internal import SQLLexer

/// One `{{…}}` that is a tag.
struct TemplateTag: Hashable {
  var range: Range<Int>
  /// What stands between the braces.
  var content: String
  /// The content's words, comparison signs apart; never empty.
  var words: [String]

  /// `if` of `#if`, `^if` and `/if`.
  var kind: String { String(words[0].dropFirst()) }

  /// Whether it stands for no text of its own.
  var isSection: Bool { ["#", "^", "/"].contains(words[0].first) || words[0] == "else" }

  /// Reads what stands between braces; nil when that is no tag but SQL.
  init?(_ content: String, range: Range<Int>) {
    let spaced = Self.separatingSigns(content)
    let words = spaced.split { $0 == " " || $0 == "\t" }.map(String.init)
    guard let first = words.first else { return nil }
    let marked = first.first.map { "#^/".contains($0) } ?? false
    let isTag = marked || first == "else" || (words.count == 1 && Self.isName(first))
    guard isTag, Self.isName(marked ? String(first.dropFirst()) : first) else { return nil }
    self.range = range
    self.content = content
    self.words = words
  }

  private static func isName(_ word: String) -> Bool {
    guard let first = word.utf8.first, first == 0x5F || (0x41...0x5A).contains(first & 0xDF) else {
      return false
    }
    return word.utf8.allSatisfy {
      $0 == 0x5F || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0 & 0xDF)
    }
  }

  private static func separatingSigns(_ content: String) -> String {
    var text = ""
    var previous: Character = " "
    for character in content {
      let isSign = "=<>!".contains(character)
      if isSign != "=<>!".contains(previous) { text += " " }
      text.append(character)
      previous = character
    }
    return text
  }
}

extension TemplateParser {
  /// The tags of the range in their order; a tag ends on its line.
  func tags() -> [TemplateTag] {
    let bytes = file.text.utf8
    var found: [TemplateTag] = []
    var offset = range.lowerBound
    while offset + 3 < range.upperBound {
      guard bytes[offset] == UInt8(ascii: "{"), bytes[offset + 1] == UInt8(ascii: "{") else {
        offset += 1
        continue
      }
      if let tag = tag(at: offset) {
        found.append(tag)
        offset = tag.range.upperBound
      } else {
        offset += 1
      }
    }
    return found
  }

  private func tag(at start: Int) -> TemplateTag? {
    let bytes = file.text.utf8
    var end = start + 2
    while end + 1 < range.upperBound, bytes[end] != 0x0A, bytes[end] != UInt8(ascii: "{") {
      if bytes[end] == UInt8(ascii: "}"), bytes[end + 1] == UInt8(ascii: "}") {
        return TemplateTag(file.text[start + 2..<end], range: start..<end + 2)
      }
      end += 1
    }
    return nil
  }

  /// The line of a tag that has it for itself, with its line end: such a line leaves nothing behind.
  func wholeLine(of tag: Range<Int>) -> Range<Int>? {
    let bytes = file.text.utf8
    var start = tag.lowerBound
    while start > range.lowerBound, bytes[start - 1] == 0x20 || bytes[start - 1] == 0x09 { start -= 1 }
    guard start == range.lowerBound || bytes[start - 1] == 0x0A else { return nil }
    var end = tag.upperBound
    while end < range.upperBound, bytes[end] == 0x20 || bytes[end] == 0x09 { end += 1 }
    guard end == range.upperBound || bytes[end] == 0x0A else { return nil }
    return start..<min(end + 1, range.upperBound)
  }
}
