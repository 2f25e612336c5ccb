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
