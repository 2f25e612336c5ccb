internal import COpenBLAS

/// A symmetric matrix in double precision and what LAPACK knows about it.
struct SymmetricMatrix {
  let order: Int
  private(set) var values: [Double]

  init(order: Int, values: [Double]) {
    self.order = order
    self.values = values
  }

  /// The mean outer product of rows (count x order) of floats.
  static func meanOuterProduct(_ rows: [Float], order: Int) -> SymmetricMatrix {
    _ = KernelSet.singleThreaded
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
    try KernelSet.openBLAS()
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
