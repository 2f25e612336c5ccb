internal import Glibc

extension String {
  /// A text with numbers in C's `printf` form, always with a decimal point.
  ///
  /// Foundation's initialiser of this kind links the whole of Foundation with its tables of ICU.
  /// - Parameter arguments: Numbers that fit the form's conversions, 511 bytes of text at most.
  package init(printf form: StaticString, _ arguments: any CVarArg...) {
    self = withVaList(arguments) { arguments in
      String(unsafeUninitializedCapacity: 512) { buffer in
        buffer.withMemoryRebound(to: CChar.self) { buffer in
          let form = UnsafeRawPointer(form.utf8Start).assumingMemoryBound(to: CChar.self)
          let count = Int(vsnprintf(buffer.baseAddress, buffer.count, form, arguments))
          return Swift.max(0, Swift.min(count, buffer.count - 1))
        }
      }
    }
  }
}

extension StringProtocol {
  /// The text without the white space and line ends around it.
  package func trimmingWhitespace() -> String {
    let start = drop(while: \.isWhitespace)
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(start[...last])
  }
}
