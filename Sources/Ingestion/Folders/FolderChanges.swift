public import Basics
internal import ImageSources

/// What a run did, or would do, with the images of a folder: how many of each.
public struct FolderChanges: Sendable, Hashable, Encodable {
  /// Images that got a row.
  public var added = 0
  /// Images whose content changed, and whose vector was replaced.
  public var changed = 0
  /// Images at another path, which kept their row.
  public var moved = 0
  /// Images, among those added and changed, that took their vector from an image of equal content, or from one that they look
  /// like.
  public var duplicates = 0
  /// Images that look like another one, among those that this run compared.
  public var nearDuplicates = 0
  /// Images without a row, because they are equal to another one or look like it, those that earlier runs left out among them.
  public var leftOut = 0
  /// Images whose time of modification changed and whose content did not.
  public var touched = 0
  /// Images that did not change.
  public var unchanged = 0
  /// Images that cannot be read.
  public var unreadable = 0
  /// Rows that were deleted because their image is not in the folder any more.
  public var deleted = 0
  /// Rows that were flagged for that.
  public var flagged = 0
  /// Rows of images that are not in the folder any more, and that stay as they are.
  public var missing = 0
  /// Rows that were to be deleted and stay until it is confirmed, because they are many.
  public var heldBack = 0
  /// How often the model ran.
  public var embedded = 0

  /// As a plan has it.
  init(_ plan: LoadPlan, _ options: LoadOptions) {
    let replaced = plan.duplicates.countWithRow
    added = plan.new.count + plan.duplicates.count - replaced
    changed = plan.changed.count + replaced
    moved = plan.moved.count
    duplicates = plan.duplicates.count
    leftOut = plan.leftOut + plan.skipped.count
    touched = plan.touched
    unchanged = plan.unchanged
    unreadable = plan.unreadable
    embedded = plan.new.count + plan.changed.count
    let retired = plan.retired(options.deleted, isConfirmed: options.confirmsDeletions).count
    switch options.deleted {
    case .keep: missing = plan.deleted.count
    case .flag: (flagged, missing) = (retired, plan.deleted.count - retired)
    case .delete: (deleted, heldBack) = (retired, plan.deleted.count - retired)
    }
  }

  /// Takes in what became of the images that were to be embedded, and of those that share a vector with them.
  mutating func settle(
    embedded counts: LoadCounts,
    copied: LoadCounts,
    near: [NearDuplicate],
    _ plan: LoadPlan?
  ) {
    nearDuplicates = near.count
    if let plan, plan.search?.treatment == .skip {
      leftOut += near.count { plan.mayShare(at: $0.position) }
    }
    added = counts.loaded - counts.replaced + copied.loaded - copied.replaced
    changed = counts.replaced + copied.replaced
    duplicates = copied.loaded
    unreadable += counts.unreadable + copied.unreadable
    embedded = counts.loaded + near.count { $0.wasEmbedded }
  }
}

/// What happens to one image of a folder.
public struct FolderChange: Sendable, Hashable, Encodable {
  /// The kind of change; open, so that a new one breaks nobody's switch.
  public struct Action: Sendable, Hashable, Encodable, CustomStringConvertible {
    /// The action's name.
    public let description: String

    /// The image gets a row.
    public static let add = Action(description: "add")
    /// The image is embedded again.
    public static let change = Action(description: "change")
    /// The row takes the image's new path.
    public static let move = Action(description: "move")
    /// The row is deleted.
    public static let delete = Action(description: "delete")
    /// The row is flagged as one whose image is missing.
    public static let flag = Action(description: "flag")
    /// The row stays though its image is missing.
    public static let keep = Action(description: "keep")
    /// The image gets no row, because it is equal to another one.
    public static let leaveOut = Action(description: "leave out")

    /// Writes the name.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(description)
    }
  }

  /// What happens.
  public var action: Action
  /// The image's path in the folder.
  public var path: String
  /// The path before, of an image that was moved.
  public var from: String?
  /// The image of equal content whose vector is taken, or which stands for both.
  public var duplicateOf: String?
  /// The row's id; nil where the row is still to be made.
  public var id: ImageID?
}

extension LoadPlan {
  /// Gives every image with which something happens, in the order of the paths; those that only the journal cares for are left
  /// out.
  func forEachChange(_ options: LoadOptions, _ body: (FolderChange) -> Void) {
    func change(_ action: FolderChange.Action, _ position: Int) -> FolderChange {
      FolderChange(action: action, path: files[position].path, id: action == .add ? nil : ids[position])
    }
    let heldBack =
      options.deleted == .delete && retired(.delete, isConfirmed: options.confirmsDeletions).isEmpty
    let action: FolderChange.Action = options.deleted == .delete ? .delete : .flag
    var gone = deleted.startIndex
    func giveGone(before path: UnsafeRawBufferPointer?) {
      while gone < deleted.endIndex,
        path.map({ path in deleted.withPath(at: gone) { $0.lexicographicallyPrecedes(path) } }) ?? true
      {
        let image = deleted[gone]
        let stays = options.deleted == .keep || heldBack || options.deleted == .flag && image.isMissing
        body(FolderChange(action: stays ? .keep : action, path: image.path, id: image.id))
        gone += 1
      }
    }
    let (moves, moved) = (movesInOrder, moved)
    var (move, shared, left) = (moves[...], duplicates[...], skipped[...])
    let positions = PositionSet(moved.lazy.map(\.position)).union(new).union(changed)
      .union(duplicates.members).union(skipped.members)
    for position in positions {
      files.withPath(at: position) { giveGone(before: $0) }
      if new.contains(position) { body(change(.add, position)) }
      if changed.contains(position) { body(change(.change, position)) }
      if let next = move.first, case let row = moved[Int(next)], row.position == position {
        var moving = change(.move, position)
        moving.from = row.path
        body(moving)
        move.removeFirst()
      }
      if duplicates.members.contains(position), let duplicate = shared.popFirst() {
        var sharing = change(duplicate.hasRow ? .change : .add, position)
        sharing.duplicateOf = duplicate.original
        body(sharing)
      }
      if skipped.members.contains(position), let duplicate = left.popFirst() {
        body(
          FolderChange(action: .leaveOut, path: files[position].path, duplicateOf: duplicate.original)
        )
      }
    }
    giveGone(before: nil)
  }
}
