internal import CLibpq

/// Where a connection stands in a transaction.
public enum TransactionStatus: Sendable, Hashable {
  /// Outside any transaction block.
  case idle
  /// Inside a transaction block that is sound.
  case inTransaction
  /// Inside a block whose last statement failed; only ROLLBACK helps.
  case failed
  /// A statement is under way, or the connection is gone.
  case unknown

  init(_ status: PGTransactionStatusType) {
    switch status {
    case PQTRANS_IDLE: self = .idle
    case PQTRANS_INTRANS: self = .inTransaction
    case PQTRANS_INERROR: self = .failed
    default: self = .unknown
    }
  }
}
