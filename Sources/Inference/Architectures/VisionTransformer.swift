internal import ImageCodecs

// Dosovitskiy et al., "An Image is Worth 16x16 Words", 2020; Touvron et al., "Training data-efficient image
// transformers", 2020. Tensor names: torchvision for ViT, timm for DeiT.

extension Architecture {
  /// ViT-B/16: 768-d class token, 86.6 million parameters.
  public static let viTB16 = viT("vit_b_16", patch: 16)

  /// ViT-B/32: 768-d class token, 88.2 million parameters.
  public static let viTB32 = viT("vit_b_32", patch: 32)

  /// DeiT-tiny: 192-d class token, 5.7 million parameters.
  public static let deiTTiny = deiT("deit_tiny_patch16_224", width: 192, heads: 3)

  /// DeiT-small: 384-d class token, 22 million parameters.
  public static let deiTSmall = deiT("deit_small_patch16_224", width: 384, heads: 6)

  /// timm's ViT-Ti/16, whose tensors are DeiT-tiny's: 192-d class token.
  public static let timmViTTiny = deiT("vit_tiny_patch16_224", width: 192, heads: 3, .half)

  /// timm's ViT-S/16, whose tensors are DeiT-small's: 384-d class token.
  public static let timmViTSmall = deiT("vit_small_patch16_224", width: 384, heads: 6, .half)

  /// timm's ViT-B/16: 768-d class token.
  public static let timmViTBase = deiT("vit_base_patch16_224", width: 768, heads: 12, .half)

  private static func viT(_ name: String, patch: Int) -> Architecture {
    let names = TransformerNames(
      patches: "conv_proj",
      classToken: "class_token",
      positions: "encoder.pos_embedding",
      block: { "encoder.layers.encoder_layer_\($0)" },
      norms: ("ln_1", "ln_2"),
      queries: ("self_attention.in_proj_weight", "self_attention.in_proj_bias"),
      projection: "self_attention.out_proj",
      perceptron: ("mlp.0", "mlp.3"),
      norm: "encoder.ln",
      head: "heads.head"
    )
    return Architecture(name: name, classifier: "heads.head.weight") { net in
      net.transformer(names, patch: patch, width: 768, heads: 12)
    }
  }

  private static func deiT(
    _ name: String,
    width: Int,
    heads: Int,
    _ normalization: Normalization = .imageNet
  ) -> Architecture {
    let names = TransformerNames(
      patches: "patch_embed.proj",
      classToken: "cls_token",
      positions: "pos_embed",
      block: { "blocks.\($0)" },
      norms: ("norm1", "norm2"),
      queries: ("attn.qkv.weight", "attn.qkv.bias"),
      projection: "attn.proj",
      perceptron: ("mlp.fc1", "mlp.fc2"),
      norm: "norm",
      head: "head"
    )
    let preprocessing = Preprocessing(resize: 248, interpolation: .bicubic, normalization: normalization)
    return Architecture(name: name, preprocessing: preprocessing, classifier: "head.weight") { net in
      net.transformer(names, patch: 16, width: width, heads: heads)
    }
  }
}

/// What the layers of a transformer are called.
private struct TransformerNames: Sendable {
  var patches: String
  var classToken: String
  var positions: String
  var block: @Sendable (Int) -> String
  var norms: (String, String)
  var queries: (weight: String, bias: String)
  var projection: String
  var perceptron: (String, String)
  var norm: String
  var head: String
}

extension GraphBuilder {
  fileprivate mutating func transformer(
    _ names: TransformerNames,
    patch: Int,
    width: Int,
    heads: Int
  ) -> Graph.Outputs {
    var x = convolution(names.patches, input, width, Window(kernel: patch, stride: patch))
    x = tokens("tokens", x, classToken: names.classToken, positions: names.positions)
    for index in 0..<12 {
      x = transformerBlock(names, names.block(index), x, width: width, heads: heads)
    }
    x = layerNorm(names.norm, x)
    let token = append("class_token", .classToken, [x])
    let map = append("patch_tokens", .patches, [x])
    return Graph.Outputs(map: map, classToken: token, logits: linear(names.head, token, classes))
  }

  private mutating func transformerBlock(
    _ names: TransformerNames,
    _ block: String,
    _ input: Graph.Value,
    width: Int,
    heads: Int
  ) -> Graph.Value {
    var x = layerNorm("\(block).\(names.norms.0)", input)
    x = linear(
      "\(block).qkv",
      x,
      3 * width,
      weight: "\(block).\(names.queries.weight)",
      bias: "\(block).\(names.queries.bias)"
    )
    x = append("\(block).attention", .attention(heads: heads), [x])
    x = linear("\(block).\(names.projection)", x, width)
    let attended = add("\(block).add", x, input)
    x = layerNorm("\(block).\(names.norms.1)", attended)
    x = linear("\(block).\(names.perceptron.0)", x, 4 * width)
    x = append("\(block).gelu", .activation(.gelu), [x])
    x = linear("\(block).\(names.perceptron.1)", x, width)
    return add(block, x, attended)
  }
}
