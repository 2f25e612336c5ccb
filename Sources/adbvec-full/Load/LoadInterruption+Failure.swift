import CommandSupport
import EmbeddingPipeline

extension LoadInterruption: FailureWithCause {}
