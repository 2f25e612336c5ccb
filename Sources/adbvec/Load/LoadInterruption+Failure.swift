import CommandSupport
import Ingestion

extension LoadInterruption: FailureWithCause {}
