"""What the originals of the catalogue's encoders compute, for `igm encoders add` to compare with on the machine it runs on.

    python encoder_goldens.py formula OUT --i3d FOLDER
    python encoder_goldens.py weights OUT ENCODER FILE [--i3d FOLDER]

`formula` takes weights that are a function of their names (`encoders.py` has it, and so has packages/encoders/src/catalog/Recipe.ts):
the whole ResNets and I3Ds, and a BERT-base of two narrow layers. `weights` takes the published file of an encoder, which is
for a machine that has it: model.safetensors of timm/resnet18.tv_in1k, timm/resnet50.tv_in1k or
google-bert/bert-base-uncased, rgb_imagenet.pt or flow_imagenet.pt. The features go to packages/encoders/goldens, thinned out.
Where an encoder takes one channel for the original's three, the original is given that channel three times.
"""

import argparse
import hashlib
import json
import pathlib

import numpy as np
import torch
import torchvision
import transformers

import encoders

KEPT = 64
TOLERANCE = 1e-5


class Bert(torch.nn.Module):
    def __init__(self, **config):
        super().__init__()
        self.bert = transformers.BertModel(transformers.BertConfig(**config))

    def forward(self, ids, mask):
        return self.bert(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]


TWO_LAYERS = {"num_hidden_layers": 2, "intermediate_size": 96, "vocab_size": 211, "max_position_embeddings": 40}

class Frames(torch.nn.Module):
    """The mean of a network's features over the frames of a clip (n x 3 x frames x height x width)."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, clip):
        n, channels, frames, *size = clip.shape
        return self.net(clip.transpose(1, 2).reshape(n * frames, channels, *size)).reshape(n, frames, -1).mean(1)


class Grey(torch.nn.Module):
    """A network on the one channel of an image or clip, taken three times."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, sample):
        return self.net(torch.cat([sample] * 3, 1))


LIBRARIES = {
    "resnet": f"torchvision {torchvision.__version__.split('+')[0]}",
    "bert": f"transformers {transformers.__version__}",
    "i3d": "piergiaj/pytorch-i3d",
}


def image(size, channels=3):
    return {"image": {"kind": "normal", "shape": [2, channels, size, size]}}


def sentences(below):
    return {"ids": {"kind": "integers", "shape": [2, 12], "below": below}, "mask": {"kind": "lengths", "lengths": [12, 7]}}


def clip(channels):
    return {"clip": {"kind": "normal", "shape": [1, channels, 9, 193, 200]}}


def made(recipe, name):
    """A recipe's input."""
    if recipe["kind"] == "normal":
        return encoders.normal(name, recipe["shape"])
    if recipe["kind"] == "integers":
        return encoders.integers(name, recipe["shape"], recipe["below"])
    return encoders.lengths(name, recipe["lengths"])


def original(encoder, i3d, small):
    """An encoder's original, the part of it that has the file's names, and inputs for it."""
    if encoder == "resnet18-grey":
        net = encoders.headless(torchvision.models.resnet18())
        return Grey(net), net, image(64, 1)
    if encoder == "resnet18-frames":
        net = encoders.headless(torchvision.models.resnet18())
        return Frames(net), net, {"clip": {"kind": "normal", "shape": [2, 3, 2, 64, 64]}}
    if encoder == "i3d-depth":
        net = encoders.i3d_module(i3d)(400, in_channels=3)
        return Grey(encoders.PooledI3d(net)), net, clip(1)
    if encoder.startswith("resnet"):
        net = encoders.headless(getattr(torchvision.models, encoder)())
        return net, net, image(64)
    if encoder.startswith("bert"):
        net = Bert(**(TWO_LAYERS if small else {}))
        return net, net.bert, sentences(211 if small else 30522)
    channels = {"i3d-rgb": 3, "i3d-flow": 2}[encoder]
    net = encoders.i3d_module(i3d)(400, in_channels=channels)
    return encoders.PooledI3d(net), net, clip(channels)


def golden(encoder, net, weights, recipes, out):
    inputs = {port: made(recipe, f"golden/{encoder}/{port}") for port, recipe in recipes.items()}
    features = net.eval()(*inputs.values()).numpy().astype(np.float32)
    every = max(1, features.shape[1] // KEPT)
    library = LIBRARIES[encoder.split("-")[0].rstrip("0123456789") if not encoder.startswith("i3d") else "i3d"]
    by = f"{library} (torch {torch.__version__.split('+')[0]})"
    numbers = [[float(f"{x:.9g}") for x in row[::every]] for row in features]
    content = {"encoder": encoder, "by": by, "weights": weights, "inputs": recipes, "every": every, "features": numbers,
               "tolerance": TOLERANCE}
    kind = "formula" if "formula" in weights else weights["sha256"][:12]
    file = out / f"{encoder}.{kind}.json"
    file.write_text(json.dumps(content, separators=(",", ":")) + "\n")
    print(file, features.shape, float(np.abs(features).max()), flush=True)


def formula(arguments):
    for encoder in ("resnet18", "resnet18-grey", "resnet18-frames", "resnet50", "bert-base-uncased", "i3d-rgb", "i3d-flow", "i3d-depth"):
        net, named, recipes = original(encoder, arguments.i3d, small=True)
        encoders.filled(named)
        layout = [[name, list(v.shape)] for name, v in named.state_dict().items() if v.is_floating_point()]
        golden(encoder, net, {"formula": layout}, recipes, arguments.out)


def weights(arguments):
    net, named, recipes = original(arguments.encoder, arguments.i3d, small=False)
    file = pathlib.Path(arguments.file)
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        state = load_file(file)
    else:
        state = torch.load(file, map_location="cpu", weights_only=True)
    renamed = {name.removeprefix("bert.").replace(".gamma", ".weight").replace(".beta", ".bias"): v for name, v in state.items()}
    missing = named.load_state_dict(renamed, strict=False).missing_keys
    assert not [name for name in missing if not name.endswith("num_batches_tracked")], missing
    golden(arguments.encoder, net, {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}, recipes, arguments.out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["formula", "weights"])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("encoder", nargs="?")
    parser.add_argument("file", nargs="?")
    parser.add_argument("--i3d", help="a folder with pytorch_i3d.py")
    arguments = parser.parse_args()
    {"formula": formula, "weights": weights}[arguments.what](arguments)
