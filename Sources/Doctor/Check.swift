/// One thing that is looked at: a name, and a pure judgement of the facts.
struct Check: Sendable {
  let name: String
  let judge: @Sendable (Facts, Expectations) -> Outcome

  /// Everything that is looked at, in the order in which people read it: what comes first explains what follows.
  static let all: [Check] =
    [.engine, .extension, .dialect, .table, .dimension, .storage]
    + [.index, .operatorClass, .indexMetric, .indexOptions, .statistics]
    + [.plan, .settings, .recall, .statement]
}

extension Check {
  /// Judges all facts.
  static func findings(_ facts: Facts, _ expectations: Expectations) -> [Finding] {
    all.compactMap { check in
      if check.name == Check.statement.name, expectations.statement == nil { return nil }
      return Finding(check.name, check.judge(facts, expectations))
    }
  }
}
