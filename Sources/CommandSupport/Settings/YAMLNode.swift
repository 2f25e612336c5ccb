/// A part of a YAML document, with the line where it begins.
///
/// Anchors, tags and several documents have no meaning in settings and are not followed.
struct YAMLNode {
  /// What the part is.
  enum Content {
    /// No value: nothing written, `~` or `null`.
    case null
    /// One value, as it is written, quotes taken off.
    case scalar(String)
    /// Lines of `key: value`, in their order.
    case mapping([(key: YAMLNode, value: YAMLNode)])
    /// A list, or a reference to another part.
    case other
  }

  let content: Content
  /// 1 for the first.
  let line: Int

  /// The text of one value; nil for anything else.
  var scalar: String? { if case .scalar(let text) = content { text } else { nil } }

  /// Whether there is no value.
  var isNull: Bool { if case .null = content { true } else { false } }
}
