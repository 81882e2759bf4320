"""Trains the cases of `npm run parity-inputs` with the functions of IGM's released code, in float64.

    python released.py CHECKOUT_OF_IJCAI25_IGM INPUTS OUT [--every N] [--sample N]

The released functions are imported from the checkout and fed; what they compute is written down from outside: losses as
they report them, gradients as the optimizer finds them, weights after its step, moments and matrices as the model keeps
them. OUT gets one safetensors file for each case named code-* or cremad-*.
"""

import argparse
import importlib
import json
import logging
import pathlib
import sys
import unittest.mock

import numpy as np
import sklearn.metrics  # noqa: F401, imported before modules are patched
import torch
from safetensors.numpy import load_file, safe_open, save_file

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.Tensor.cuda = lambda self, *_, **__: self
torch.nn.Module.cuda = lambda self, *_, **__: self
torch.Tensor.float = torch.Tensor.double

#  What the code calls the modalities: state of training, classifier, position among the inputs.
SETS = {
    2: ("train_CREMA", {"audio": ("train_audio", "cls_a", 0), "video": ("train_video", "cls_v", 1)}),
    3: ("train_nvGesture", {
        "rgb": ("train_rgb", "cls_r", 0),
        "flow": ("train_of", "cls_o", 1),
        "depth": ("train_depth", "cls_d", 2),
    }),
}


class Frozen(torch.nn.Module):
    """An encoder of features that are already there; it has a parameter because the code asks for its gradient."""

    def __init__(self, *_, **__):
        super().__init__()
        self.shift = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x.reshape(len(x), -1) + (self.shift - self.shift.detach())


def released(checkout: str, name: str):
    """A training script of the checkout as a module; what it imports for media and encoders is not needed."""
    missing = ("torchvision", "transformers", "librosa", "cv2", "pandas", "PIL", "datasets", "datasets.CREMA",
               "datasets.nvGesture")
    stubs = {name: unittest.mock.MagicMock() for name in missing}
    with unittest.mock.patch.dict(sys.modules, stubs), unittest.mock.patch.object(sys, "path", [checkout, *sys.path]):
        return importlib.import_module(name)


class Recorder:
    def __init__(self, every):
        self.every, self.results, self.losses, self.step = every, {}, [], 0

    def put(self, name, tensor):
        self.results[name] = tensor.detach().numpy().reshape(tensor.shape if tensor.dim() == 2 else (1, -1)).copy()

    def parameters(self, kind, head, of):
        if self.step % self.every == 0:
            for name, parameter in named(head):
                self.put(f"{kind}/{self.step}/{name}", of(parameter))


def named(head):
    """The parameters as this project names them: W1, b1, … of the Linear layers in order."""
    linear = [m for m in head if isinstance(m, torch.nn.Linear)]
    return [pair for i, m in enumerate(linear, 1) for pair in ((f"W{i}", m.weight), (f"b{i}", m.bias))]


def train(checkout, inputs, case, every):
    script, modalities = SETS[len(case["modalities"])]
    module = released(checkout, script)
    recorder = Recorder(every)
    widths, classes = case["widths"], case["widths"][3]
    settings = case["optimizer"]
    adam = settings["kind"] == "adam"
    module.config = module.cfg = {
        "fps": 1,
        "print_inteval": 10**9,
        "setting": {"num_class": classes},
        "train": {
            "mixup_alpha": 1.0,
            "noise_ratio": case["rho"],
            "noise_ratio_cls": case["rho"],
            "flat_ratio": 0.3,
            "temperature1": case["tau"],
        },
    }
    for encoder in ("AudioEncoder", "VideoEncoder", "RGBEncoder", "OFEncoder", "DepthEncoder"):
        module.create_model.__globals__[encoder] = Frozen

    def fresh():
        model = module.create_model(module.cfg)
        for modality, (_, classifier, _) in modalities.items():
            if modality in case["modalities"]:
                layers = torch.nn.Sequential(
                    torch.nn.Linear(widths[0], widths[1]), torch.nn.ReLU(),
                    torch.nn.Linear(widths[1], widths[2]), torch.nn.Linear(widths[2], widths[3]))
                setattr(model, classifier, layers)
        return model

    class Averager:
        """The code's, but it writes down what it averages: a loss and an accuracy in turn."""

        turn = 0

        def __init__(self):
            self.loss = Averager.turn % 2 == 0
            Averager.turn += 1

        def add(self, value):
            if self.loss:
                recorder.losses.append(value)

        def item(self):
            return 0.0

    module.Averager = Averager
    one_hot = torch.nn.functional.one_hot
    labels = one_hot(torch.from_numpy(inputs["labels"]).long(), classes).double()
    select_labels = one_hot(torch.from_numpy(inputs["select/labels"]).long(), classes).double()

    def batch(split, rows, y):
        by_position = sorted((position, name) for name, (_, _, position) in modalities.items())
        parts = [torch.from_numpy(inputs[f"{split}/{name}"]).double()[rows] for _, name in by_position]
        return (*parts, y[rows])

    def loader(order):
        """As the DataLoader with drop_last gives them."""
        size = case["batch"]
        return [batch("train", order[i:i + size], labels) for i in range(0, len(order) - size + 1, size)]

    draws = {}

    def fed_mixup(x, y, _alpha):
        pi, lam = draws["partners"].pop(0), draws["lambda"].pop(0)
        return lam * x + (1 - lam) * x[pi, :], y, y[pi], lam

    module.mixup_data = fed_mixup
    quiet = logging.getLogger("quiet")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    best, kept, epoch = 0, None, 0
    first = {name: torch.from_numpy(inputs[f"weights/{name}"]) for name in
             (key.removeprefix("weights/") for key in inputs if key.startswith("weights/"))}
    previous = None
    for number, turn in enumerate(case["turns"], 1):
        model = fresh()
        state, classifier, _ = modalities[turn["head"]]
        head = getattr(model, classifier)
        if number == 1:
            with torch.no_grad():
                for modality in case["modalities"]:
                    for name, parameter in named(getattr(model, modalities[modality][1])):
                        parameter.copy_(first[f"{modality}.{name}"].reshape(parameter.shape))
        else:
            model.load_state_dict(kept)
            assert turn["after"] == previous
            with torch.no_grad():
                module.compute_P_matrix(model, loader(inputs[f"moment/{number}"]), module.cfg, modalities[previous][0])
            before = [m for m in getattr(model, modalities[previous][1]) if isinstance(m, torch.nn.Linear)]
            for i, m in enumerate(before, 1):
                recorder.put(f"moment/{number}/{i}", model.fea_in[m.weight])
                recorder.put(f"P/{number}/{i}", model.P_matrix[m.weight])
        if adam:
            optimizer = torch.optim.Adam(model.parameters(), lr=settings["rate"], betas=tuple(settings["betas"]),
                                         eps=settings["epsilon"], weight_decay=settings["weightDecay"])
        else:
            optimizer = torch.optim.SGD(model.parameters(), lr=settings["rate"], momentum=settings["momentum"],
                                        weight_decay=settings["weightDecay"])
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, case["schedule"]["size"], case["schedule"]["factor"])
        step = optimizer.step

        def recorded():
            recorder.step += 1
            recorder.parameters("gradient", head, lambda p: p.grad)
            step()
            recorder.parameters("weights", head, lambda p: p)

        optimizer.step = recorded
        run = module.train_withoutP if number == 1 else module.train_withP
        for _ in range(turn["epochs"]):
            scheduler.step()
            rows = inputs[f"rows/{epoch}"]
            places = [{row: i for i, row in enumerate(batch)} for batch in rows]
            draws["partners"] = [torch.tensor([place[row] for row in partners])
                                 for place, partners in zip(places, inputs[f"partners/{epoch}"])]
            draws["lambda"] = [float(x) for x in inputs[f"lambda/{epoch}"].ravel()]
            run(epoch, [batch("train", r, labels) for r in rows], model, optimizer, quiet, state)
            score = module.val(epoch, [batch("select", np.arange(len(select_labels)), select_labels)], model, quiet, "test")
            if score > best:
                best, kept = score, {k: v.clone() for k, v in model.state_dict().items()}
            epoch += 1
        previous = turn["head"]
    for modality in case["modalities"]:
        held = model = fresh()
        held.load_state_dict(kept)
        for name, parameter in named(getattr(held, modalities[modality][1])):
            recorder.put(f"kept/{modality}.{name}", parameter)
    recorder.results["loss"] = np.array(recorder.losses)
    return recorder.results


def sampled(results, limit):
    """At most `limit` numbers of each tensor, evenly from its first on; the losses whole."""
    thin = lambda a: a if a.size <= limit else a.ravel()[:: -(-a.size // limit)].copy()
    return {k: v if k == "loss" else thin(v) for k, v in results.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout")
    parser.add_argument("inputs", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=5)
    parser.add_argument("--sample", type=int, default=10**9)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for file in sorted(options.inputs.glob("*.safetensors")):
        with safe_open(file, "numpy") as opened:
            case = json.loads(opened.metadata()["case"])
        if case["semantics"] != "code" or not case["name"].startswith(options.only):
            continue
        with unittest.mock.patch("builtins.print"):
            results = train(options.checkout, load_file(file), case, options.every)
        results = sampled(results, options.sample)
        metadata = {"every": str(options.every), "sample": str(options.sample)}
        save_file({k: np.ascontiguousarray(v) for k, v in results.items()}, options.out / file.name, metadata)
        print(case["name"], len(results["loss"]), "steps, last loss", results["loss"][-1])
