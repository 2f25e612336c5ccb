internal import COpenBLAS

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Products and row operations of row-major matrices of floats.
enum Matrix {
  /// A B, either of them transposed if asked; rows, inner and columns are those of the product.
  static func product(
    _ a: [Float],
    _ b: [Float],
    rows: Int,
    inner: Int,
    columns: Int,
    leftTransposed: Bool = false,
    rightTransposed: Bool = false
  ) -> [Float] {
    var result = [Float](repeating: 0, count: rows * columns)
    cblas_sgemm(
      CblasRowMajor,
      leftTransposed ? CblasTrans : CblasNoTrans,
      rightTransposed ? CblasTrans : CblasNoTrans,
      Int32(rows),
      Int32(columns),
      Int32(inner),
      1,
      a,
      Int32(leftTransposed ? rows : inner),
      b,
      Int32(rightTransposed ? inner : columns),
      0,
      &result,
      Int32(columns)
    )
    return result
  }

  /// Scales every row to length 1 and returns the lengths they had.
  static func normaliseRows(_ rows: inout [Float], width: Int) -> [Float] {
    (0..<rows.count / width).map { row in
      let range = row * width..<(row + 1) * width
      let length = max(rows[range].reduce(0) { $0 + $1 * $1 }.squareRoot(), 1e-12)
      for index in range { rows[index] /= length }
      return length
    }
  }

  /// Carries gradients with respect to unit rows back to the rows before they were scaled.
  static func throughNormalisation(_ gradient: inout [Float], units: [Float], lengths: [Float], width: Int) {
    for (row, length) in lengths.enumerated() {
      let range = row * width..<(row + 1) * width
      let along = zip(gradient[range], units[range]).reduce(0) { $0 + $1.0 * $1.1 }
      for index in range { gradient[index] = (gradient[index] - along * units[index]) / length }
    }
  }
}

extension Float {
  static func exponential(_ x: Float) -> Float { expf(x) }
  static func logarithm(_ x: Float) -> Float { logf(x) }
  static func cosine(_ x: Float) -> Float { cosf(x) }
}
