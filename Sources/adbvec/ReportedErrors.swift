import Basics
import Checkpoints
import ImageCodecs
import ImageGrid
import ImageSearch
import ImageSources
import Inference
import Ingestion
import MetricLearning
import ModelChange
import Sandbox
import VectorSQL

// The codes of the libraries' errors, as `--format json` shows them.

extension ChangeError: ReportedError { package var reportedCode: String { "change" } }
extension CheckpointError: ReportedError { package var reportedCode: String { snakeCase(code.name) } }
extension CollectionError: ReportedError { package var reportedCode: String { snakeCase(code.description) } }
extension GridError: ReportedError { package var reportedCode: String { snakeCase(code.name) } }
extension IdentifierError: ReportedError { package var reportedCode: String { "invalid_name" } }
extension ImageError: ReportedError { package var reportedCode: String { snakeCase(code.name) } }
extension ImageSearchError: ReportedError { package var reportedCode: String { snakeCase(code.name) } }
extension LoadError: ReportedError { package var reportedCode: String { snakeCase(code.description) } }
extension ModelStoreError: ReportedError { package var reportedCode: String { snakeCase(code.name) } }
extension NetworkError: ReportedError { package var reportedCode: String { snakeCase(code.name) } }
extension ProjectionError: ReportedError { package var reportedCode: String { snakeCase(code.name) } }
extension RecipeMismatch: ReportedError { package var reportedCode: String { "recipe_mismatch" } }
extension RenderingError: ReportedError { package var reportedCode: String { code.description } }
extension SandboxError: ReportedError { package var reportedCode: String { snakeCase(code.name) } }
extension TensorError: ReportedError { package var reportedCode: String { snakeCase(code.name) } }
extension VectorTableError: ReportedError { package var reportedCode: String { snakeCase(code.name) } }
