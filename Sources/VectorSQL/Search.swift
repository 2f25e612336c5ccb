/// Where a typed search begins: `Search(Products.self)`.
public struct Search<T: Table>: Sendable {
  /// A search in a table.
  public init(_ table: T.Type) {}

  /// Chooses what each row shows; the types of the rows follow from the columns.
  public func select<each E: SQLExpression>(
    _ pick: (T) -> (repeat each E)
  ) -> Selection<T, repeat (each E).Value> {
    var outputs: [VectorSearch.Output] = []
    for expression in repeat each pick(T()) {
      outputs.append(expression.output(number: outputs.count + 1))
    }
    return Selection(outputs: outputs)
  }
}
