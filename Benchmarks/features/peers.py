"""ONNX Runtime and PyTorch on the same two networks and weights, one setting a process.

    peers.py PEER NET WEIGHTS THREADS BATCH SECONDS     PEER: onnxruntime, torch, torch-channels-last
    peers.py tutorial squeezenet1_1 WEIGHTS THREADS BATCH SECONDS CIFAR.bin

Prints images a second of wall time and of processor time, as JSON. Batch norms are folded into the convolutions
beforehand, which both peers profit from.
"""
import json
import os
import sys
import time

peer, net, weights, threads, batch, seconds = sys.argv[1:7]
threads, batch, seconds = int(threads), int(batch), float(seconds)
os.environ["OMP_NUM_THREADS"] = str(threads)

import numpy as np


def tensors():
    if weights.endswith(".safetensors"):
        from safetensors.numpy import load_file
        return load_file(weights)
    import torch
    return {k: v.numpy() for k, v in torch.load(weights, weights_only=True).items()}


class Builder:
    """Layers as (operation, name, inputs, attributes), with folded weights beside."""

    def __init__(self):
        self.layers, self.constants, self.t = [], {}, tensors()

    def add(self, operation, inputs, **attributes):
        name = "v%d" % len(self.layers)
        self.layers.append((operation, name, inputs, attributes))
        return name

    def conv(self, x, name, stride=1, pads=(0, 0, 0, 0), norm=None, activation=None):
        w = self.t[name + ".weight"]
        b = self.t.get(name + ".bias", np.zeros(len(w), np.float32))
        if norm:
            g, beta, m, v = (self.t["%s.%s" % (norm, p)] for p in ("weight", "bias", "running_mean", "running_var"))
            scale = g / np.sqrt(v + 1e-3)
            w, b = w * scale[:, None, None, None], (b - m) * scale + beta
        groups = len(w) if w.shape[1] == 1 else 1
        self.constants[name + ".w"] = np.ascontiguousarray(w, np.float32)
        self.constants[name + ".b"] = b.astype(np.float32)
        y = self.add("conv", [x], name=name, stride=stride, pads=pads, groups=groups)
        return self.add(activation, [y]) if activation else y


def squeezenet():
    n = Builder()
    pool = lambda x: n.add("maxpool", [x])
    x = pool(n.conv("x", "features.0", 2, activation="relu"))
    for i in (3, 4, 0, 6, 7, 0, 9, 10, 11, 12):
        if i == 0:
            x = pool(x)
            continue
        s = n.conv(x, "features.%d.squeeze" % i, activation="relu")
        a = n.conv(s, "features.%d.expand1x1" % i, activation="relu")
        b = n.conv(s, "features.%d.expand3x3" % i, pads=(1, 1, 1, 1), activation="relu")
        x = n.add("concat", [a, b])
    x = n.conv(x, "classifier.1", activation="relu")
    n.add("average", [x])
    return n


def efficientnet():
    n = Builder()
    x = n.conv("x", "_conv_stem", 2, (0, 0, 1, 1), "_bn0", "relu6")
    block = 0
    for repeat, k, stride, expand in ((1, 3, 1, 1), (2, 3, 2, 6), (2, 5, 2, 6), (3, 3, 2, 6), (3, 5, 1, 6), (4, 5, 2, 6), (1, 3, 1, 6)):
        for index in range(repeat):
            p, s, before = "_blocks.%d." % block, stride if index == 0 else 1, x
            if expand > 1:
                x = n.conv(x, p + "_expand_conv", norm=p + "_bn0", activation="relu6")
            total = k - s
            pads = (total // 2, total // 2, total - total // 2, total - total // 2)
            x = n.conv(x, p + "_depthwise_conv", s, pads, p + "_bn1", "relu6")
            x = n.conv(x, p + "_project_conv", norm=p + "_bn2")
            if index > 0:
                x = n.add("add", [x, before])
            block += 1
    x = n.conv(x, "_conv_head", norm="_bn1", activation="relu6")
    x = n.add("average", [x])
    n.constants["fc.w"], n.constants["fc.b"] = n.t["_fc.weight"], n.t["_fc.bias"]
    n.add("linear", [x])
    return n


def onnxruntime(n):
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper
    constants = [numpy_helper.from_array(v, k) for k, v in n.constants.items()]
    constants += [numpy_helper.from_array(np.float32(0), "zero"), numpy_helper.from_array(np.float32(6), "six")]
    nodes = []
    for operation, name, inputs, a in n.layers:
        make = lambda kind, more=(), **attributes: nodes.append(helper.make_node(kind, list(inputs) + list(more), [name], **attributes))
        if operation == "conv":
            k = n.constants[a["name"] + ".w"].shape[2]
            make("Conv", [a["name"] + ".w", a["name"] + ".b"], kernel_shape=[k, k], strides=[a["stride"]] * 2, pads=a["pads"], group=a["groups"])
        elif operation == "relu": make("Relu")
        elif operation == "relu6": make("Clip", ["zero", "six"])
        elif operation == "maxpool": make("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
        elif operation == "concat": make("Concat", axis=1)
        elif operation == "add": make("Add")
        elif operation == "average":
            nodes.append(helper.make_node("GlobalAveragePool", inputs, [name + "p"]))
            nodes.append(helper.make_node("Flatten", [name + "p"], [name]))
        elif operation == "linear": make("Gemm", ["fc.w", "fc.b"], transB=1)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, net, [value("x", TensorProto.FLOAT, [batch, 3, 224, 224])],
                              [value(n.layers[-1][1], TensorProto.FLOAT, [batch, 1000])], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"x": x})[0]


def torch_run(n, channels_last):
    import torch
    import torch.nn.functional as F
    torch.set_num_threads(threads)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    c = {k: torch.from_numpy(v) for k, v in n.constants.items()}
    c = {k: v.contiguous(memory_format=layout) if v.dim() == 4 else v for k, v in c.items()}

    def run(x):
        with torch.inference_mode():
            v = {"x": (torch.from_numpy(x) if isinstance(x, np.ndarray) else x).contiguous(memory_format=layout)}
            for operation, name, inputs, a in n.layers:
                y = [v[i] for i in inputs]
                if operation == "conv":
                    top, left, bottom, right = a["pads"]
                    same = top == left == bottom == right
                    z = y[0] if same else F.pad(y[0], (left, right, top, bottom))
                    v[name] = F.conv2d(z, c[a["name"] + ".w"], c[a["name"] + ".b"], a["stride"], top if same else 0, 1, a["groups"])
                elif operation == "relu": v[name] = F.relu(y[0], inplace=True)
                elif operation == "relu6": v[name] = F.relu6(y[0], inplace=True)
                elif operation == "maxpool": v[name] = F.max_pool2d(y[0], 3, 2, ceil_mode=True)
                elif operation == "concat": v[name] = torch.cat(y, 1)
                elif operation == "add": v[name] = y[0] + y[1]
                elif operation == "average": v[name] = y[0].mean((2, 3))
                elif operation == "linear": v[name] = F.linear(y[0], c["fc.w"], c["fc.b"])
                last = v[name]
            return last.numpy()
    return run


def tutorial(run, path):
    """The tutorial's loop: Pillow's Resize(256) and CenterCrop(224), ToTensor, Normalize, batches, NCHW."""
    import torch
    from PIL import Image
    raw = np.fromfile(path, np.uint8).reshape(-1, 3074)[:, 2:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    images = [Image.fromarray(np.ascontiguousarray(p)) for p in raw[:batch]]
    mean, deviation = torch.tensor([.485, .456, .406])[:, None, None], torch.tensor([.229, .224, .225])[:, None, None]

    def prepare(image):
        cut = image.resize((256, 256), Image.BILINEAR).crop((16, 16, 240, 240))
        x = torch.from_numpy(np.array(cut)).permute(2, 0, 1).contiguous().float().div(255)
        return (x - mean) / deviation
    return lambda _: run(torch.stack([prepare(p) for p in images]))


n = squeezenet() if net == "squeezenet1_1" else efficientnet()
run = onnxruntime(n) if peer == "onnxruntime" else torch_run(n, peer == "torch-channels-last")
if peer == "tutorial":
    run = tutorial(run, sys.argv[7])
x = np.random.default_rng(0).standard_normal((batch, 3, 224, 224)).astype(np.float32)
if seconds == 0:
    np.save(sys.argv[7], run(np.load(sys.argv[8])))
    sys.exit()
run(x)
done, start, processor = 0, time.perf_counter(), time.process_time()
while time.perf_counter() - start < seconds:
    run(x)
    done += batch
print(json.dumps({"wall": round(done / (time.perf_counter() - start), 2),
                  "processor": round(done / (time.process_time() - processor), 2)}))
