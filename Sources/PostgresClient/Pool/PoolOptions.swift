/// How a pool keeps its connections.
public struct PoolOptions: Sendable, Hashable {
  /// The most connections at once.
  public var maximum = 8
  /// The longest that a caller waits for a connection.
  public var acquireTimeout = Duration.seconds(30)
  /// The most callers that wait; more are turned away at once.
  public var maximumWaiting = 1_000
  /// A connection that was idle for longer is asked for a sign of life before it is given out.
  public var checkAfter = Duration.seconds(30)
  /// How long such a sign of life may take.
  public var checkTimeout = Duration.seconds(2)
  /// A connection that was idle for longer is closed when it is next looked at.
  public var maximumIdle = Duration.seconds(600)
  /// A connection older than this is closed when it is given back.
  public var maximumAge = Duration.seconds(3600)

  /// The defaults.
  public init() {}
}
