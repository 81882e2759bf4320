"""What the originals of this project's encoders compute, and their torch.onnx exports, with weights by a formula.

    python encoders.py golden OUT --i3d FOLDER --released FOLDER [--only resnet|bert|i3d|released]
    python encoders.py export OUT --i3d FOLDER

The originals are torchvision's ResNets, transformers' BertModel, the module of piergiaj/pytorch-i3d (--i3d) and the models
of IGM's released code (--released). A weight is a function of its name, its shape and its position (`weight`), as an input
is of its case (`normal`, `integers`); packages/encoders/test/formula.ts has the same functions. OUT gets a safetensors
file for each family: outputs, thinned out to at most KEPT numbers a sample, and as metadata the cases and the names and
shapes of the originals' state dictionaries; or four ONNX files, whose batch axis is free.
"""

import argparse
import importlib
import json
import math
import os
import pathlib
import sys
import tempfile

import numpy as np
import torch
import torchvision
import transformers
from safetensors.numpy import save_file

KEPT = 128

torch.set_grad_enabled(False)


def words(name: str, count: int) -> np.ndarray:
    """The 32-bit words of a name: a finaliser of 32-bit integers over a counter, seeded with the name's FNV-1a hash."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    x = np.uint32(seed) + np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def uniform(name: str, shape) -> np.ndarray:
    """Numbers in [-1, 1), multiples of 2 ** -23."""
    return ((words(name, math.prod(shape)) >> np.uint32(8)).astype(np.float64) * 2.0**-23 - 1).reshape(shape)


def weight(name: str, shape) -> np.ndarray:
    """A weight of an original: spread so that its layer's output is about as large as its input."""
    u = uniform(name, shape)
    if len(shape) > 1:
        return u * math.sqrt(6 / math.prod(shape[1:]))
    if name.endswith("running_var"):
        return 1 + u * 0.5
    if name.endswith("weight"):
        return 1 + u * 0.25
    return u * 0.125


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.astype(np.float32))


def filled(model: torch.nn.Module) -> torch.nn.Module:
    state = model.state_dict()
    model.load_state_dict({k: tensor(weight(k, v.shape)) if v.is_floating_point() else v for k, v in state.items()})
    return model.eval()


def layout(model: torch.nn.Module):
    """Names and shapes of a state dictionary; counters and other integers are marked."""
    return [[k, list(v.shape), *([] if v.is_floating_point() else ["int64"])] for k, v in model.state_dict().items()]


class Family:
    def __init__(self):
        self.outputs, self.cases, self.layouts = {}, [], {}

    def add(self, name, of, layout, options, inputs, run, quick=False):
        """A case: what `run` makes of the inputs, for the graph that `of` and `options` describe."""
        values = {port: INPUTS[kind](f"{name}/{port}", *rest) for port, (kind, *rest) in inputs.items()}
        output = run(**values).numpy().astype(np.float32)
        every = max(1, output.shape[1] // KEPT)
        self.outputs[name] = np.ascontiguousarray(output[:, ::every])
        self.cases.append({"name": name, "of": of, "layout": layout, "options": options, "inputs": inputs,
                           "every": every, "quick": quick})
        print(name, output.shape, float(np.abs(output).max()), flush=True)

    def save(self, file):
        metadata = {"cases": self.cases, "layouts": self.layouts}
        save_file(self.outputs, file, {k: json.dumps(v, separators=(",", ":")) for k, v in metadata.items()})


def normal(name, shape):
    return tensor(uniform(name, shape) * 2)


def integers(name, shape, below):
    return torch.from_numpy((words(name, math.prod(shape)) % np.uint32(below)).astype(np.int64).reshape(shape))


def lengths(_, numbers):
    """A mask whose row i has 1 in its first numbers[i] columns, as wide as the largest."""
    return torch.tensor([[int(i < n) for i in range(max(numbers))] for n in numbers])


INPUTS = {"normal": normal, "integers": integers, "lengths": lengths}


def image(*shape):
    return {"image": ["normal", list(shape)]}


def clip(*shape):
    return {"clip": ["normal", list(shape)]}


def headless(net):
    net.fc = torch.nn.Identity()
    return net


def resnets(family, _):
    make = {18: torchvision.models.resnet18, 34: torchvision.models.resnet34, 50: torchvision.models.resnet50}
    sizes = {
        18: [((1, 3, 64, 64), True), ((3, 3, 57, 91), True), ((2, 3, 224, 224), False), ((1, 3, 255, 193), False)],
        34: [((2, 3, 97, 64), False)],
        50: [((1, 3, 64, 64), False), ((4, 3, 224, 224), False), ((2, 3, 191, 301), False)],
    }
    for depth, shapes in sizes.items():
        net = filled(make[depth]())
        family.layouts[f"resnet{depth}"] = layout(net)
        options = {"depth": depth, "channels": 3}
        add = lambda name, options, *rest, of=depth, **more: family.add(
            f"resnet{of}-{name}", "ResNet", f"resnet{of}", options, *rest, **more)
        add("logits-2x224", {**options, "output": "logits"}, image(2, 3, 224, 224), lambda image: net(image))
        headless(net)
        for shape, quick in shapes:
            name = "x".join(map(str, shape))
            add(f"pooled-{name}", {**options, "output": "pooled"}, image(*shape), lambda image: net(image), quick=quick)
        if depth == 18:
            original = net.conv1.weight.clone()
            for channels in (1, 2):
                for how, by in (("sum", channels), ("mean", 3)):
                    net.conv1.weight = torch.nn.Parameter((original.sum(1, keepdim=True) / by).repeat(1, channels, 1, 1))
                    adapted = {"depth": 18, "channels": channels, "output": "pooled", "adapt": how}
                    add(f"{how}-{channels}", adapted, image(2, channels, 65, 47), lambda image: net(image), quick=True)


def bert(config, tanh=False):
    activation = "gelu_new" if tanh else "gelu"
    return filled(transformers.BertModel(transformers.BertConfig(**config, hidden_act=activation)))


SMALL = {"hidden_size": 48, "num_attention_heads": 4, "num_hidden_layers": 3, "intermediate_size": 80,
         "vocab_size": 211, "max_position_embeddings": 40}


def sentences(numbers, vocabulary, types=False):
    shape = [len(numbers), max(numbers)]
    inputs = {"ids": ["integers", shape, vocabulary], "mask": ["lengths", numbers]}
    return {**inputs, "types": ["integers", shape, 2]} if types else inputs


def berts(family, _):
    def run(net, output):
        def of(ids, mask, types=None):
            hidden = net(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
            if output == "cls":
                return hidden[:, 0]
            m = mask[:, :, None].float()
            return (hidden * m).sum(1) / m.sum(1)

        return of

    for tanh in (False, True):
        net = bert(SMALL, tanh)
        family.layouts["bert-small"] = layout(net)
        options = {"width": 48, "heads": 4, **({"gelu": "tanh"} if tanh else {})}
        for output in ("cls", "mean"):
            for types in (False, True):
                name = f"bert-small-{output}{'-types' if types else ''}{'-tanh' if tanh else ''}"
                of = {**options, "output": output, **({"types": True} if types else {})}
                for numbers in ([7, 12, 1, 40], [1], [5, 5]):
                    family.add(f"{name}-{'-'.join(map(str, numbers))}", "Bert", "bert-small", of,
                               sentences(numbers, 211, types), run(net, output), quick=True)
    net = bert({})
    family.layouts["bert-base"] = layout(net)
    for output in ("cls", "mean"):
        for numbers in ([64, 10, 33], [128], [17, 2]):
            family.add(f"bert-base-{output}-{'-'.join(map(str, numbers))}", "Bert", "bert-base",
                       {"width": 768, "output": output}, sentences(numbers, 30522), run(net, output))


def i3d_module(folder):
    sys.path.insert(0, folder)
    return importlib.import_module("pytorch_i3d").InceptionI3d


class PooledI3d(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, clip):
        return self.net.extract_features(clip).mean((2, 3, 4))


def i3ds(family, arguments):
    of = i3d_module(arguments.i3d)
    shapes = {
        3: [((1, 3, 9, 193, 200), True), ((1, 3, 64, 224, 224), False), ((2, 3, 16, 224, 224), False),
            ((1, 3, 80, 224, 224), False), ((1, 3, 21, 256, 230), False)],
        2: [((1, 2, 64, 224, 224), False), ((1, 2, 80, 224, 224), False)],
        1: [((1, 1, 64, 224, 224), False), ((2, 1, 13, 224, 224), False)],
    }
    for channels, cases in shapes.items():
        net = PooledI3d(filled(of(400, in_channels=channels)))
        family.layouts[f"i3d-{channels}"] = layout(net.net)
        for shape, quick in cases:
            family.add(f"i3d-{'x'.join(map(str, shape))}", "I3d", f"i3d-{channels}",
                       {"channels": channels, "pooling": "mean"}, clip(*shape), net, quick=quick)


def released_models(folder):
    """The released models, started from checkpoints that are made here."""
    sys.path.insert(0, folder)
    setting = {"fps": 3, "setting": {"num_class": 4}}
    created = lambda module: filled(importlib.import_module(f"models.{module}").create_model(setting))
    video = importlib.import_module("models.Model3D").InceptionI3d
    with tempfile.TemporaryDirectory() as scratch:
        before = os.getcwd()
        os.chdir(scratch)
        os.makedirs("checkpoint/resnet50")
        transformers.BertModel(transformers.BertConfig()).save_pretrained("checkpoint/bert")
        torch.save(torchvision.models.resnet50().state_dict(), "checkpoint/resnet50/resnet50-0676ba61.pth")
        torch.save(video(400, in_channels=3).state_dict(), "checkpoint/rgb_imagenet.pt")
        torch.save(video(400, in_channels=2).state_dict(), "checkpoint/flow_imagenet.pt")
        try:
            return [created(module) for module in ("AudioVideo", "TextImage", "RODModel")]
        finally:
            os.chdir(before)


def releases(family, arguments):
    av, ti, rod = released_models(arguments.released)
    family.layouts = {"released-av": layout(av), "released-ti": layout(ti), "released-rod": layout(rod)}
    for shape, quick in (((2, 1, 65, 47), True), ((2, 1, 257, 188), False)):
        family.add(f"audio-{'x'.join(map(str, shape))}", "Released.audio", "released-av", {},
                   {"image": ["normal", list(shape)]}, lambda image: av.audio_encoder(image), quick=quick)
    for shape, quick in (((2, 3, 3, 64, 48), True), ((2, 3, 3, 224, 224), False), ((2, 3, 1, 224, 224), False)):
        av.video_encoder.fps = shape[2]
        family.add(f"video-{'x'.join(map(str, shape))}", "Released.video", "released-av", {},
                   clip(*shape), lambda clip: av.video_encoder(clip), quick=quick)
    family.add("text-50-9", "Released.text", "released-ti", {}, sentences([50, 9], 30522),
               lambda ids, mask: ti.text_encoder(ids, attention_mask=mask, return_dict=True).last_hidden_state[:, 0, :])
    family.add("image-2x224", "Released.image", "released-ti", {}, image(2, 3, 224, 224),
               lambda image: ti.visual_encoder(image))
    for name, net, channels in (("rgb", rod.rgb_encoder, 3), ("flow", rod.of_encoder, 2), ("depth", rod.depth_encoder, 1)):
        for frames in (64, 80):
            shape = (1, channels, frames, 224, 224)
            family.add(f"{name}-{frames}", f"Released.{name}", "released-rod", {}, clip(*shape), lambda clip: net(clip))


FAMILIES = {"resnet": resnets, "bert": berts, "i3d": i3ds, "released": releases}


def golden(arguments):
    for name, cases in FAMILIES.items():
        if arguments.only in (None, name):
            family = Family()
            cases(family, arguments)
            family.save(arguments.out / f"{name}.safetensors")


class Cls(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, ids, mask):
        return self.net(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]


def export(arguments):
    """Exports with the names of this project's inputs, and with its weights."""
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=512)
    video = PooledI3d(filled(i3d_module(arguments.i3d)(400, in_channels=3)))
    tokens = {0: batch, 1: length}
    models = {
        "resnet18": (headless(filled(torchvision.models.resnet18())), {"image": (2, 3, 224, 224)}, {0: batch}),
        "resnet50": (headless(filled(torchvision.models.resnet50())), {"image": (2, 3, 224, 224)}, {0: batch}),
        "bert-base": (Cls(bert({})), None, tokens),
        "i3d": (video, {"clip": (2, 3, 64, 224, 224)}, {0: batch}),
    }
    for name, (net, shapes, free) in models.items():
        if shapes is None:
            inputs = {"ids": torch.ones(2, 64, dtype=torch.int64), "mask": torch.ones(2, 64, dtype=torch.int64)}
        else:
            inputs = {port: torch.randn(shape) for port, shape in shapes.items()}
        torch.onnx.export(net.eval(), tuple(inputs.values()), arguments.out / f"{name}.onnx", input_names=list(inputs),
                          output_names=["features"], dynamic_shapes=tuple(free for _ in inputs), external_data=False,
                          dynamo=True)
        print(name, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["golden", "export"])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--i3d", help="a folder with pytorch_i3d.py")
    parser.add_argument("--released", help="a checkout of IJCAI25-IGM")
    parser.add_argument("--only", choices=FAMILIES)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    {"golden": golden, "export": export}[arguments.what](arguments)
