internal import CFeatureKernels
internal import COpenBLAS

/// Layer norm of each token.
struct LayerNormStep: Step {
  let name: String
  let scale: FloatBuffer
  let shift: FloatBuffer
  let epsilon: Float
  let input: TensorView
  let output: TensorView
  let kernels: KernelSet

  var scratchCount: Int { 0 }

  func run(_ arena: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>) {
    kernels.table.layer_norm(
      input.shape.pixels,
      input.shape.channels,
      arena + input.offset,
      input.pixelStride,
      scale.start,
      shift.start,
      epsilon,
      arena + output.offset,
      output.pixelStride
    )
  }
}

/// The class token in front of the patches, plus the position embedding.
struct TokensStep: Step {
  let name: String
  let classToken: FloatBuffer
  let positions: FloatBuffer
  let input: TensorView
  let output: TensorView
  let kernels: KernelSet

  var scratchCount: Int { 0 }

  func run(_ arena: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>) {
    let channels = output.shape.channels
    let to = arena + output.offset
    kernels.table.add(
      1,
      channels,
      classToken.start,
      channels,
      positions.start,
      channels,
      0,
      to,
      output.pixelStride
    )
    kernels.table.add(
      input.shape.pixels,
      channels,
      arena + input.offset,
      input.pixelStride,
      positions.start + channels,
      channels,
      0,
      to + output.pixelStride,
      output.pixelStride
    )
  }
}

/// Scaled dot-product attention: softmax(q k' / sqrt(d)) v, head by head.
struct AttentionStep: Step {
  let name: String
  let heads: Int
  let input: TensorView
  let output: TensorView
  let kernels: KernelSet

  var scratchCount: Int { input.shape.pixels * input.shape.pixels }

  func run(_ arena: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>) {
    let tokens = Int32(input.shape.pixels)
    let width = output.shape.channels
    let depth = width / heads
    let stride = Int32(input.pixelStride)
    for head in 0..<heads {
      let queries = arena + input.offset + head * depth
      cblas_sgemm(
        CblasRowMajor,
        CblasNoTrans,
        CblasTrans,
        tokens,
        tokens,
        Int32(depth),
        1,
        queries,
        stride,
        queries + width,
        stride,
        0,
        scratch,
        tokens
      )
      kernels.table.softmax(Int(tokens), Int(tokens), scratch, Int(tokens), 1 / Float(depth).squareRoot())
      cblas_sgemm(
        CblasRowMajor,
        CblasNoTrans,
        CblasNoTrans,
        tokens,
        Int32(depth),
        tokens,
        1,
        scratch,
        tokens,
        queries + 2 * width,
        stride,
        0,
        arena + output.offset + head * depth,
        Int32(output.pixelStride)
      )
    }
  }
}
