public import VectorSQL

extension SearchPlan.IndexFacts {
  /// What the catalogue says of an index, as a plan is judged by it.
  public init(_ index: VectorTable.Index) {
    self.init(
      name: index.name,
      method: index.method,
      metricOption: index.method == "ann"
        ? (index.options["distancemeasure"] ?? "l2").lowercased() : index.operatorClass,
      isValid: index.isValid
    )
  }
}
