internal import Checkpoints
internal import COpenBLAS
internal import Synchronization
internal import Glibc

/// OpenBLAS, which is loaded when it is first needed.
public enum OpenBLAS {
  private static let wantedThreads = Mutex<Int32?>(nil)

  /// Sets how many threads OpenBLAS uses in the whole process, now or when it is loaded.
  ///
  /// Nothing here changes that number unasked. A process that embeds images on several threads wants 1: images are what
  /// runs in parallel.
  ///
  /// - Parameter count: 1 or more.
  public static func useThreads(_ count: Int) {
    wantedThreads.withLock { $0 = Int32(clamping: max(1, count)) }
  }

  /// - Throws: `ProjectionError` with code `library` and the package to install.
  package static func open() throws {
    if let problem = adbvec_openblas_problem() { throw ProjectionError(.library, String(cString: problem)) }
    wantedThreads.withLock { wanted in
      if let count = wanted { openblas_set_num_threads(count) }
      wanted = nil
    }
  }
}

/// Products and row operations of row-major matrices of floats.
enum Matrix {
  enum Factor { case left, right }

  /// A B, one of them transposed if asked; rows, inner and columns are those of the product.
  static func product(
    _ a: [Float],
    _ b: [Float],
    rows: Int,
    inner: Int,
    columns: Int,
    transposing transposed: Factor? = nil
  ) -> [Float] {
    var result = [Float](repeating: 0, count: rows * columns)
    cblas_sgemm(
      CblasRowMajor,
      transposed == .left ? CblasTrans : CblasNoTrans,
      transposed == .right ? CblasTrans : CblasNoTrans,
      Int32(rows),
      Int32(columns),
      Int32(inner),
      1,
      a,
      Int32(transposed == .left ? rows : inner),
      b,
      Int32(transposed == .right ? inner : columns),
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

/// A symmetric matrix in double precision and what LAPACK knows about it.
struct SymmetricMatrix {
  let order: Int
  private(set) var values: [Double]

  init(order: Int, values: [Double]) {
    self.order = order
    self.values = values
  }

  /// The mean outer product of rows (count x order) of floats.
  static func meanOuterProduct(_ rows: [Float], order: Int) throws -> SymmetricMatrix {
    try OpenBLAS.open()
    let wide = rows.map(Double.init)
    let count = rows.count / order
    var values = [Double](repeating: 0, count: order * order)
    cblas_dgemm(
      CblasRowMajor,
      CblasTrans,
      CblasNoTrans,
      Int32(order),
      Int32(order),
      Int32(count),
      1 / Double(max(count, 1)),
      wide,
      Int32(order),
      wide,
      Int32(order),
      0,
      &values,
      Int32(order)
    )
    return SymmetricMatrix(order: order, values: values)
  }

  var meanDiagonal: Double {
    (0..<order).reduce(0) { $0 + values[$1 * order + $1] } / Double(order)
  }

  func adding(_ other: SymmetricMatrix, times factor: Double) -> SymmetricMatrix {
    SymmetricMatrix(order: order, values: zip(values, other.values).map { $0 + factor * $1 })
  }

  /// The matrix drawn towards the multiple of the identity with the same trace, by a share from 0 to 1.
  func shrunk(by share: Double) -> SymmetricMatrix {
    let diagonal = meanDiagonal * share
    var result = values.map { $0 * (1 - share) }
    for index in 0..<order { result[index * order + index] += diagonal }
    return SymmetricMatrix(order: order, values: result)
  }

  /// The eigenvalues, largest first, and the eigenvectors as rows.
  ///
  /// - Throws: `ProjectionError` with code `numerical`.
  func eigenvectors() throws -> (values: [Double], vectors: [Double]) {
    try OpenBLAS.open()
    var matrix = values
    var eigenvalues = [Double](repeating: 0, count: order)
    var n = Int32(order)
    var info: Int32 = 0
    var workCount: Int32 = -1
    var indexCount: Int32 = -1
    var work: [Double] = [0]
    var index: [Int32] = [0]
    // The first call only asks for the size of the working memory.
    for _ in 0..<2 {
      dsyevd_(
        "V",
        "U",
        &n,
        &matrix,
        &n,
        &eigenvalues,
        &work,
        &workCount,
        &index,
        &indexCount,
        &info
      )
      guard info == 0 else {
        throw ProjectionError(.numerical, "the eigenvalues of a matrix of order \(order) did not converge")
      }
      if workCount < 0 {
        workCount = Int32(work[0])
        indexCount = index[0]
        work = [Double](repeating: 0, count: Int(workCount))
        index = [Int32](repeating: 0, count: Int(indexCount))
      }
    }
    // LAPACK's columns are rows here, in ascending order.
    var vectors: [Double] = []
    vectors.reserveCapacity(order * order)
    for row in stride(from: order - 1, through: 0, by: -1) {
      vectors += Self.oriented(matrix[row * order..<(row + 1) * order])
    }
    return (eigenvalues.reversed(), vectors)
  }

  /// The vector or its negative, whichever has its largest component positive, so that results do not hang on
  /// LAPACK's choice.
  private static func oriented(_ vector: ArraySlice<Double>) -> [Double] {
    let largest = vector.max { abs($0) < abs($1) } ?? 0
    return largest < 0 ? vector.map(-) : Array(vector)
  }

  /// A B for row-major matrices.
  static func product(_ a: [Double], _ b: [Double], rows: Int, inner: Int, columns: Int) -> [Double] {
    var result = [Double](repeating: 0, count: rows * columns)
    cblas_dgemm(
      CblasRowMajor,
      CblasNoTrans,
      CblasNoTrans,
      Int32(rows),
      Int32(columns),
      Int32(inner),
      1,
      a,
      Int32(inner),
      b,
      Int32(columns),
      0,
      &result,
      Int32(columns)
    )
    return result
  }
}

/// Small functions of vectors.
public enum VectorMath {
  /// Scales a vector to Euclidean length 1; a zero vector stays as it is.
  public static func normalise(_ vector: inout [Float]) {
    vector.withUnsafeMutableBufferPointer { normalise($0) }
  }

  package static func normalise(_ vector: UnsafeMutableBufferPointer<Float>) {
    let length = vector.reduce(into: 0.0) { $0 += Double($1) * Double($1) }.squareRoot()
    guard length > 0, length.isFinite else { return }
    for index in vector.indices { vector[index] = Float(Double(vector[index]) / length) }
  }

  /// The element-wise mean of vectors of one length, as for flipped or scaled copies of an image; empty for
  /// none.
  ///
  /// - Throws: `TensorError` with code `shapeMismatch` when the lengths differ.
  public static func mean(of vectors: [[Float]]) throws -> [Float] {
    guard let first = vectors.first else { return [] }
    var sum = [Double](repeating: 0, count: first.count)
    for vector in vectors {
      guard vector.count == sum.count else {
        throw TensorError(
          .shapeMismatch,
          "vectors of \(sum.count) and \(vector.count) values have no mean"
        )
      }
      for index in sum.indices { sum[index] += Double(vector[index]) }
    }
    return sum.map { Float($0 / Double(vectors.count)) }
  }
}
