/// Adam (Kingma and Ba, 2014) with its usual constants.
struct Adam {
  private var first: [Float]
  private var second: [Float]
  private var firstPower: Float = 1
  private var secondPower: Float = 1

  init(count: Int) {
    first = [Float](repeating: 0, count: count)
    second = first
  }

  mutating func step(_ values: inout [Float], gradient: [Float], rate: Float) {
    let (beta1, beta2): (Float, Float) = (0.9, 0.999)
    firstPower *= beta1
    secondPower *= beta2
    let (correction1, correction2) = (1 - firstPower, 1 - secondPower)
    for index in values.indices {
      let slope = gradient[index]
      first[index] = beta1 * first[index] + (1 - beta1) * slope
      second[index] = beta2 * second[index] + (1 - beta2) * slope * slope
      values[index] -=
        rate * (first[index] / correction1) / ((second[index] / correction2).squareRoot() + 1e-8)
    }
  }
}

/// Sebastiano Vigna's splitmix64: small, and the same numbers everywhere.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
