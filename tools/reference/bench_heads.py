"""The PyTorch side of the benchmarks: times IGM's released code on frozen features, on request.

    python bench_heads.py CHECKOUT_OF_IJCAI25_IGM FEATURES.safetensors [--device cpu|cuda]

Requests are JSON objects on lines of stdin, answers on lines of stdout; README.md lists them. The training step is
train_withP of the checkout's train_CREMA.py, without what it only reports: accuracy, F1, mAP, the flat loss by itself.
The head that is trained stands where the code has video, the one before it where the code has audio.
"""

import argparse
import ast
import collections
import json
import os
import pathlib
import sys
import time
import traceback
import types
import unittest.mock

import torch
from safetensors.numpy import load_file, safe_open
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.nn.functional import cross_entropy, one_hot

CHECKED_STEPS, AGREEMENT = 20, 1e-5
#  How the statements of train_withP begin that only report.
REPORTS = ("print(", "logger.", "ta.", "ta =", "pred_q =", "f1 =", "correct =", "acc =", "mAP =", "loss_flat =",
           "loss_ave =", "acc_ave =", "if step % cfg['print_inteval']")


class Frozen(torch.nn.Module):
    """An encoder of features that are already there; it has a parameter because the code asks for its gradient."""

    def __init__(self, *_, **__):
        super().__init__()
        self.shift = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x.reshape(len(x), -1) + (self.shift - self.shift.detach())


def released(checkout):
    """train_CREMA.py as a module, its training step without reports; what it imports for media is not needed."""
    tree = ast.parse(pathlib.Path(checkout, "train_CREMA.py").read_text())
    step = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "train_withP")
    for block in (step, *(n for n in step.body if isinstance(n, ast.For))):
        block.body = [statement for statement in block.body if not ast.unparse(statement).startswith(REPORTS)]
    left = {n.id for n in ast.walk(step) if isinstance(n, ast.Name)} & {"print", "argmax", "f1_score", "compute_mAP"}
    if left or ast.unparse(step).count(".item()") != 1:
        raise SystemExit("train_withP is not the one of the pinned commit")
    missing = ("torchvision", "transformers", "librosa", "cv2", "pandas", "PIL", "datasets", "datasets.CREMA",
               "sklearn", "sklearn.metrics")
    stubs = {name: unittest.mock.MagicMock() for name in missing}
    module = types.ModuleType("train_CREMA")
    with unittest.mock.patch.dict(sys.modules, stubs), unittest.mock.patch.object(sys, "path", [checkout, *sys.path]):
        exec(compile(tree, "train_CREMA.py", "exec"), module.__dict__)
    module.create_model.__globals__.update(AudioEncoder=Frozen, VideoEncoder=Frozen)
    return module


def new_head(widths):
    first, *others = (torch.nn.Linear(i, o) for i, o in zip(widths, widths[1:]))
    return torch.nn.Sequential(first, torch.nn.ReLU(), *others)


class Bench:
    def __init__(self, module, device, tables, file):
        with safe_open(file, "numpy") as opened:
            self.case = case = json.loads(opened.metadata()["case"])
        self.given = given = {k: torch.from_numpy(v) for k, v in {**tables, **load_file(file)}.items()}
        rows, partners, mixing = given["rows"].long(), given["partners"].long(), given["lambda"].ravel().tolist()
        same = partners.unsqueeze(2) == rows.unsqueeze(1)
        if rows.shape != (len(mixing), case["batch"]) or not same.any(2).all():
            raise ValueError("rows and partners must be steps x batch, partners in their batch, lambda one a step")
        x, self.previous = (given[name].float().to(device) for name in ("x", "previous"))
        y = one_hot(given["y"].long().ravel(), case["classes"]).float().to(device)
        self.idle = x[:1]  # the modality that the code is handed and does not use
        self.batches = [(self.idle, x[r], y[r]) for r in rows]
        self.draws = list(zip(same.int().argmax(2).to(device), mixing))
        module.config = module.cfg = {"fps": 1, "setting": {"num_class": case["classes"]}, "train": {
            "mixup_alpha": 1.0, "noise_ratio": case["rho"], "noise_ratio_cls": case["rho"],
            "flat_ratio": case["share"], "temperature1": case["tau"]}}
        self.module, self.device, self.model = module, device, module.create_model(module.cfg)
        self.model.cls_v = new_head(case["widths"])
        self.model.cls_a = new_head([self.previous.shape[1], *case["widths"][1:]])
        self.model.to(device)
        self.load(self.model.cls_a, "previous.")
        self.compute_p([(self.previous[r], self.idle, None) for r in rows])
        self.expected = self.first_steps()

    @torch.no_grad()
    def load(self, head, prefix=""):
        for i, layer in enumerate((m for m in head if isinstance(m, torch.nn.Linear)), 1):
            layer.weight.copy_(self.given[f"{prefix}W{i}"])
            layer.bias.copy_(self.given[f"{prefix}b{i}"].ravel())

    def reset(self):
        self.load(self.model.cls_v)
        self.optimizer = torch.optim.SGD(self.model.parameters(), self.case["rate"], self.case["momentum"],
                                         weight_decay=self.case["weightDecay"])

    @torch.no_grad()
    def compute_p(self, batches):
        self.model.fea_in, self.model.P_matrix = collections.defaultdict(dict), collections.defaultdict(dict)
        self.module.compute_P_matrix(self.model, batches, self.module.cfg, "train_audio")

    def epoch(self, steps=None):
        draws = iter(self.draws)

        def fed_mixup(x, y, _alpha):
            pi, lam = next(draws)
            return lam * x + (1 - lam) * x[pi, :], y, y[pi], lam

        self.module.mixup_data = fed_mixup
        self.module.train_withP(0, self.batches[:steps], self.model, self.optimizer, None, "train_video")

    def first_steps(self):
        """The losses of the first steps from the given weights on, and the weights that they lead to."""
        losses = []
        self.reset()
        with unittest.mock.patch.object(self.module, "Averager", lambda: types.SimpleNamespace(add=losses.append)):
            self.epoch(CHECKED_STEPS)
        weights = [p.detach().clone() for p in self.model.cls_v.parameters()]
        self.reset()
        return losses, weights

    def timed(self, work):
        wait = torch.cuda.synchronize if self.device == "cuda" else lambda: None
        wait()
        start = time.perf_counter()
        work()
        wait()
        return {"seconds": time.perf_counter() - start, "threads": torch.get_num_threads()}

    def transition(self, count):
        size = self.case["batch"]
        if not size <= count <= len(self.previous):
            raise ValueError(f"{count} rows asked for, {len(self.previous)} given, {size} in a batch")
        batches = [(self.previous[i:i + size], self.idle, None) for i in range(0, count - size + 1, size)]
        with unittest.mock.patch.multiple(self.model, fea_in=None, P_matrix=None):  # which puts them back
            return self.timed(lambda: self.compute_p(batches))

    def one_head(self):
        """The released step as a function of one head's weights and velocities, which it changes in place."""
        case, head = self.case, self.model.cls_v
        projections = {name: [p for other, p in self.model.P_matrix.items() if other.shape == parameter.shape]
                       for name, parameter in head.named_parameters()}

        def mixed(parameters, x, y, y_partner, lam):
            logits = functional_call(head, parameters, (x,))
            return lam * cross_entropy(logits, y) + (1 - lam) * cross_entropy(logits, y_partner)

        def flat(parameters, x, y):
            return cross_entropy(functional_call(head, parameters, (x,)), y)

        def step(weights, velocities, x, y, y_partner, lam):
            up, loss = grad_and_value(mixed)(weights, x, y, y_partner, lam)
            for k, w in weights.items():
                w.add_(up[k] * (case["rho"] / torch.linalg.vector_norm(up[k])))
            down, flat_loss = grad_and_value(flat)(weights, x, y)
            for k, w in weights.items():
                gradient = up[k].mul_(1 - case["share"]).add_(down[k], alpha=case["share"])
                for p in projections[k]:
                    gradient = gradient @ p
                velocities[k].mul_(case["momentum"]).add_(gradient).add_(w, alpha=case["weightDecay"])
                w.sub_(velocities[k], alpha=case["rate"])
            return (1 - case["share"]) * loss + case["share"] * flat_loss

        return step

    def stacked(self, count):
        """The weights and velocities of many heads; the first has the given weights, the others PyTorch's own."""
        torch.manual_seed(0)
        heads = [new_head(self.case["widths"]).to(self.device) for _ in range(count)]
        self.load(heads[0])
        weights = {k: v.detach() for k, v in stack_module_state(heads)[0].items()}
        return weights, {k: torch.zeros_like(v) for k, v in weights.items()}

    def train_stacked(self, state, steps):
        """The weights after so many steps and the losses; batches and draws are the same for all heads."""
        step = vmap(self.one_head(), in_dims=(0, 0, None, None, None, None))
        losses = []
        for i in range(steps):
            (_, x, y), (pi, lam) = (of[i % len(self.batches)] for of in (self.batches, self.draws))
            losses.append(step(*state, lam * x + (1 - lam) * x[pi], y, y[pi], lam))
        return state[0], losses

    def vmap(self, count, steps):
        weights, losses = self.train_stacked(self.stacked(1), len(self.expected[0]))
        pairs = [(torch.cat(losses).cpu(), torch.tensor(self.expected[0])), *zip(weights.values(), self.expected[1])]
        far = torch.stack([((a - b).abs() / b.abs().clamp(min=1)).max().cpu() for a, b in pairs]).max().item()
        if not far <= AGREEMENT:
            raise ValueError(f"one head's losses or weights are {far} from those of the released step")
        state = self.stacked(count)
        self.train_stacked(state, min(steps, 3))  # to be warm
        taken = self.timed(lambda: self.train_stacked(state, steps))
        return {**taken, "steps": steps, "heads": count, "difference": far}

    def answer(self, request):
        match request["do"]:
            case "steps":
                if request.get("warm"):
                    self.epoch()
                return {**self.timed(self.epoch), "steps": len(self.batches)}
            case "losses":
                return {"losses": self.first_steps()[0]}
            case "transition":
                return self.transition(request["rows"])
            case "vmap":
                return self.vmap(request["heads"], request["steps"])
        raise ValueError(f"unknown request {request['do']}")


def processor(device):
    if device == "cuda":
        return torch.cuda.get_device_name()
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else []
    return next((s.split(": ", 1)[1] for s in lines if s.startswith("model name")), "unknown")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout")
    parser.add_argument("features", help="its video, audio and label stand in where a set-up has no x, previous and y")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints, prints to stderr
    say = lambda text: print(text, file=answers, flush=True)
    if options.device == "cpu":
        torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *_, **__: self
    module, features, bench = released(options.checkout), load_file(options.features), None
    tables = {k: features[v] for k, v in (("x", "video"), ("previous", "audio"), ("y", "label")) if v in features}
    say(json.dumps({"ready": True, "torch": torch.__version__, "device": options.device,
                    "mkl": torch.backends.mkl.is_available(), "processor": processor(options.device)}))
    for line in sys.stdin:
        try:
            request = json.loads(line)
            if request["do"] == "quit":
                break
            if "threads" in request:
                torch.set_num_threads(request["threads"])
            if request["do"] == "setup":
                bench = None  # also where this one fails
                bench = Bench(module, options.device, tables, request["file"])
                result = {"steps": len(bench.batches)}
            elif bench is None:
                raise ValueError("no set-up")
            else:
                result = bench.answer(request)
            say(json.dumps(result, allow_nan=False))
        except Exception as error:
            traceback.print_exc()
            say(json.dumps({"error": f"{type(error).__name__}: {error}"}))
