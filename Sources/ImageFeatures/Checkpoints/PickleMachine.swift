/// The stack machine of Python's pickle protocols 2 to 5 (`pickletools`), restricted to data.
///
/// It builds plain values and the tensors that PyTorch's own rebuild functions describe. A global outside the allowed
/// list, an opcode that would construct or call anything else, and every malformed input is an error.
struct PickleMachine {
  /// The most bytes of one pickle.
  static let byteLimit = 64 << 20

  var heap = PickleHeap()
  var stack: [PickleReference] = []
  var marks: [Int] = []
  var memo: [Int: PickleReference] = [:]

  /// Runs one pickle from the cursor's position to its STOP, and returns the value it leaves.
  static func run(_ cursor: inout ByteCursor) throws -> (heap: PickleHeap, value: PickleReference) {
    var machine = PickleMachine()
    let start = cursor.position
    while true {
      let opcode = try cursor.byte()
      guard cursor.position - start <= byteLimit else {
        throw CheckpointError(.tooLarge, "the pickle is longer than \(byteLimit >> 20) MiB")
      }
      guard let operation = PickleOpcode(rawValue: opcode) else {
        throw CheckpointError(.unsupported, "the pickle uses opcode \(opcode), which is not allowed")
      }
      if operation == .stop { return (machine.heap, try machine.pop()) }
      try machine.perform(operation, &cursor)
    }
  }

  mutating func push(_ node: PickleNode) throws {
    stack.append(try heap.insert(node))
  }

  mutating func pop() throws -> PickleReference {
    guard stack.count > (marks.last ?? 0), let top = stack.popLast() else { throw Self.underflow }
    return top
  }

  func top() throws -> PickleReference {
    guard stack.count > (marks.last ?? 0), let top = stack.last else { throw Self.underflow }
    return top
  }

  /// Takes everything above the latest mark, and the mark.
  mutating func popToMark() throws -> [PickleReference] {
    guard let mark = marks.popLast(), mark <= stack.count else { throw Self.underflow }
    let items = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return items
  }

  static var underflow: CheckpointError {
    CheckpointError(.damaged, "the pickle takes more from its stack than is there")
  }
}
