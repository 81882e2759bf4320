"""Trains tiny heads with the released codes of IGM's rivals, in float64.

    python rivals.py CHECKOUTS OUT.safetensors

CHECKOUTS holds a folder each of ReconBoost, MMPareto_ICML2024, Multimodal-Learning-with-Alternating-Unimodal-Adaptation,
OGM-GE_CVPR2022 and BalanceBenchmark. Their training functions are imported and fed: with features instead of files, with
models whose encoders are a layer, with the order of samples and with noise. What they compute is written down as the
optimizer leaves it. OUT gets the inputs of all cases, and each case's losses and weights.
"""

import importlib
import logging
import math
import pathlib
import sys
import tempfile
import types
import unittest.mock

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.Tensor.cuda = lambda self, *_, **__: self
torch.nn.Module.cuda = lambda self, *_, **__: self
torch.Tensor.float = torch.Tensor.double

SAMPLES, VALID, BATCH, WIDTHS, EPOCHS, EVERY = 40, 16, 8, (12, 7, 5), 8, 5
MODALITIES = ("audio", "visual")
RATE, MOMENTUM, DECAY = 0.05, 0.9, 1e-4
CPU = torch.device("cpu")
#  MLA's features are a 32nd of the others': on larger ones the released P is chaotic, p ← p − p² ‖r‖²/α along r.
SURE, MLA_SCALE = 5, 1 / 32


class Torch(types.ModuleType):
    """The module torch for code that asks for CUDA and single precision."""

    float32 = torch.float64
    cuda = types.SimpleNamespace(FloatTensor=torch.DoubleTensor, manual_seed=lambda _: None)

    def __getattr__(self, name):
        return getattr(torch, name)

    def tensor(self, data, device=None, **options):
        return torch.tensor(data, **options)


def released(checkout, name, stubs, **given):
    """A module of a checkout; what it imports for media and encoders is not needed, or given."""
    absent = ("tqdm", "torch.utils.tensorboard", "torchvision", "torchvision.models", *stubs)
    modules = {**{stub: unittest.mock.MagicMock() for stub in absent}, **given}
    with unittest.mock.patch.dict(sys.modules, modules), unittest.mock.patch.object(sys, "path", [str(checkout), *sys.path]):
        module = importlib.import_module(name)
        for own in list(sys.modules.values()):
            if str(checkout) in str(getattr(own, "__file__", None) or "") and hasattr(own, "torch"):
                own.torch = Torch("torch")
        return module


class Inputs:
    """Features around class means, non-negative as encoders' are, with labels of which some are wrong."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.tensors = {}
        for split, n in (("", SAMPLES), ("valid/", VALID)):
            labels = rng.integers(0, WIDTHS[-1], n)
            self.tensors[f"{split}labels"] = labels.astype(np.int32)
            for i, modality in enumerate(MODALITIES):
                means = np.random.default_rng(seed + 1 + i).normal(size=(WIDTHS[-1], WIDTHS[0]))
                #  The second modality's validation samples show nothing, so that its loss gets worse there.
                right = 0 if split and i else 0.6
                shown = np.where(rng.random(n) < right, labels, rng.integers(0, WIDTHS[-1], n))
                x = np.maximum(means[shown] + rng.normal(size=(n, WIDTHS[0])) + 0.5, 0)
                self.tensors[f"{split}x/{modality}"] = x.astype(np.float32)
        orders = [rng.permutation(SAMPLES) for _ in range(EPOCHS)]
        self.tensors["rows"] = np.stack(orders).astype(np.int32)
        for i, owner in enumerate((*MODALITIES, "shared")):
            for layer, (width, out) in enumerate(zip(WIDTHS, WIDTHS[1:]), 1):
                #  The second modality starts out sure of itself, so that gradients disagree at times.
                scale = (1, SURE, 1)[i] / math.sqrt(width)
                self.tensors[f"start/{owner}.W{layer}"] = rng.uniform(-scale, scale, (out, width))
                self.tensors[f"start/{owner}.b{layer}"] = rng.uniform(-scale, scale, (1, out))
        self.tensors["start/linear.W1"] = rng.uniform(-0.3, 0.3, (WIDTHS[-1], WIDTHS[0]))
        self.tensors["start/linear.b1"] = rng.uniform(-0.3, 0.3, (1, WIDTHS[-1]))
        self.tensors["noise"] = rng.normal(size=(2 * SAMPLES // BATCH * len(MODALITIES), WIDTHS[1] * WIDTHS[0]))

    def x(self, modality, rows, split=""):
        return torch.from_numpy(self.tensors[f"{split}x/{modality}"]).double()[rows]

    def y(self, rows, split=""):
        return torch.from_numpy(self.tensors[f"{split}labels"]).long()[rows]

    def batches(self, epoch):
        order = torch.from_numpy(self.tensors["rows"][epoch]).long()
        return list(order.split(BATCH))

    def pairs(self, epoch, *more):
        return [(*(self.x(m, rows) for m in MODALITIES), self.y(rows), *more) for rows in self.batches(epoch)]

    def linear(self, owner, layer):
        weight = torch.from_numpy(self.tensors[f"start/{owner}.W{layer}"])
        module = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            module.weight.copy_(weight)
            module.bias.copy_(torch.from_numpy(self.tensors[f"start/{owner}.b{layer}"])[0])
        return module


class Log:
    """Weights after every few steps of an optimizer, under this project's names of them."""

    def __init__(self, named, each=1):
        self.named, self.each, self.calls, self.losses, self.out = named, each, 0, [], {}

    def stepped(self):
        self.calls += 1
        steps, between = divmod(self.calls, self.each)
        if between == 0 and steps % EVERY == 0:
            for name, tensor in self.named().items():
                matrix = tensor.detach().numpy().reshape(tensor.shape[0], -1) if tensor.dim() > 1 else tensor.detach().numpy()
                self.out[f"{steps}/{name}"] = matrix.reshape(matrix.shape if matrix.ndim == 2 else (1, -1)).copy()

    def sgd(self, parameters, rate=RATE, decay=DECAY):
        return self.recording(parameters, rate, momentum=MOMENTUM, weight_decay=decay)

    def recording(self, parameters, lr, **options):
        optimizer = torch.optim.SGD(parameters, lr=lr, **options)
        optimizer.register_step_post_hook(lambda *_: self.stepped())
        return optimizer


def of_linear(owner, *layers):
    return {f"{owner}.{kind}{i}": tensor for i, layer in enumerate(layers, 1)
            for kind, tensor in (("W", layer.weight), ("b", layer.bias))}


class Parallel(nn.Module):
    """What DataParallel does to names."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, *args):
        return self.module(*args)


class Reported(nn.CrossEntropyLoss):
    """The loss, which writes its values down."""

    seen = []

    def forward(self, *args):
        loss = super().forward(*args)
        Reported.seen.append(loss.item())
        return loss


#  OGM-GE

class Kernels(nn.Module):
    """A head's first layer as a convolution, whose kernel has four axes."""

    def __init__(self, inputs, owner):
        super().__init__()
        linear = inputs.linear(owner, 1)
        self.conv = nn.Conv2d(WIDTHS[0], WIDTHS[1], 1)
        with torch.no_grad():
            self.conv.weight.copy_(linear.weight[:, :, None, None])
            self.conv.bias.copy_(linear.bias)

    def forward(self, x):
        return self.conv(x.reshape(len(x), -1, 1, 1)).relu().flatten(1)


class AllKernels(nn.Module):
    """A whole head, each of whose tensors has four axes."""

    def __init__(self, inputs, owner):
        super().__init__()
        for i in (1, 2):
            layer = inputs.linear(owner, i)
            setattr(self, f"W{i}", nn.Parameter(layer.weight.detach()[:, :, None, None].clone()))
            setattr(self, f"b{i}", nn.Parameter(layer.bias.detach()[None, :, None, None].clone()))

    def forward(self, x):
        hidden = nn.functional.linear(x.reshape(len(x), -1), self.W1[:, :, 0, 0], self.b1.flatten()).relu()
        return nn.functional.linear(hidden, self.W2[:, :, 0, 0], self.b2.flatten())


def eye():
    layer = nn.Linear(WIDTHS[-1], WIDTHS[-1])
    with torch.no_grad():
        layer.weight.copy_(torch.eye(WIDTHS[-1]))
        layer.bias.zero_()
    return layer.requires_grad_(False)


class SumModel(nn.Module):
    def __init__(self, nets, heads):
        super().__init__()
        self.audio_net, self.visual_net = nets
        self.fusion_module = nn.Module()
        self.fusion_module.fc_x, self.fusion_module.fc_y = heads

    def forward(self, audio, visual):
        a, v = self.audio_net(audio), self.visual_net(visual)
        return a, v, self.fusion_module.fc_x(a) + self.fusion_module.fc_y(v)


def ogm(checkout, inputs, modulation, everywhere, ends):
    main = released(checkout, "main", ("dataset", "dataset.CramedDataset", "dataset.VGGSoundDataset", "dataset.dataset",
                                       "models", "models.basic_model"))
    args = types.SimpleNamespace(fusion_method="sum", modulation=modulation, alpha=0.8, use_tensorboard=False,
                                 modulation_starts=0, modulation_ends=ends)
    if everywhere:
        nets, heads = [AllKernels(inputs, m) for m in MODALITIES], [eye(), eye()]
        named = lambda: {f"{m}.{name}": tensor.flatten(2).squeeze(2) if name[0] == "W" else tensor.reshape(1, -1)
                         for m, net in zip(MODALITIES, nets) for name, tensor in net.named_parameters()}
    else:
        nets, heads = [Kernels(inputs, m) for m in MODALITIES], [inputs.linear(m, 2) for m in MODALITIES]
        named = lambda: {key: tensor for m, net, head in zip(MODALITIES, nets, heads)
                         for key, tensor in of_linear(m, net.conv, head).items()}
    model = Parallel(SumModel(nets, heads))
    log = Log(named)
    optimizer = log.sgd([p for p in model.parameters() if p.requires_grad])
    fed = iter(torch.from_numpy(inputs.tensors["noise"]))
    scheduler = unittest.mock.MagicMock()
    normal = lambda self, _, std: self.copy_(next(fed)[: self.numel()].reshape(self.shape) * std)
    Reported.seen = []
    with unittest.mock.patch.object(torch.Tensor, "normal_", normal), \
            unittest.mock.patch.object(main.nn, "CrossEntropyLoss", Reported):
        for epoch in range(4):
            main.train_epoch(args, epoch, model, CPU, inputs.pairs(epoch), optimizer, scheduler)
    log.losses = Reported.seen[::3]
    return log


#  MMPareto

class Pareto(nn.Module):
    """Encoders of a layer. The sum of the modalities' heads is the joint head, or a head of its own."""

    def __init__(self, inputs, joint):
        super().__init__()
        self.audio_net, self.visual_net = (nn.Sequential(inputs.linear(m, 1), nn.ReLU()) for m in MODALITIES)
        self.head_audio, self.head_video = (inputs.linear(m, 2) for m in MODALITIES)
        if joint:
            self.head = nn.Linear(2 * WIDTHS[1], WIDTHS[2])
            with torch.no_grad():
                self.head.weight.copy_(torch.cat([self.head_audio.weight, self.head_video.weight], 1))
                self.head.bias.copy_(self.head_audio.bias + self.head_video.bias)

    def forward(self, audio, visual):
        a, v = self.audio_net(audio), self.visual_net(visual)
        one, two = self.head_audio(a), self.head_video(v)
        return self.head(torch.cat([a, v], 1)) if hasattr(self, "head") else one + two, one, two


def mm_pareto(checkout, inputs, joint):
    module = released(checkout / "code", "MMPareto", ("dataset", "dataset.av_dataset", "models", "models.models"))
    module.tqdm = lambda x: x
    model = Parallel(Pareto(inputs, joint))
    own = model.module
    log = Log(lambda: {**of_linear("audio", own.audio_net[0], own.head_audio),
                       **of_linear("visual", own.visual_net[0], own.head_video)})
    optimizer = log.sgd(model.parameters())
    conflicts = []
    solver = module.MinNormSolver.find_min_norm_element
    Reported.seen = []
    with unittest.mock.patch.object(module.nn, "CrossEntropyLoss", Reported), \
            unittest.mock.patch.object(module.MinNormSolver, "find_min_norm_element",
                                       lambda vecs: conflicts.append(1) or solver(vecs)):
        for epoch in range(4):
            module.train_epoch(types.SimpleNamespace(), epoch, model, CPU, inputs.pairs(epoch), optimizer, None)
    log.losses = Reported.seen[::3]
    print(f"MMPareto{' with a joint head' if joint else ''}: gradients disagreed {len(conflicts)} times in 40")
    return log


#  MLA

def mla(checkout, inputs, alive):
    main = released(checkout, "main", ("dataset", "dataset.dataset", "models", "models.basic_model"))
    linear = inputs.linear("linear", 1)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.fusion_module = nn.Module()
            # The plug-in looks for a parameter `module.weight`.
            self.fusion_module.fc_out = Parallel(linear) if alive else linear

        def forward(self, audio, visual):
            return audio.flatten(1) * MLA_SCALE, visual.flatten(1) * MLA_SCALE

    model = Parallel(Model())
    plugin = main.GSPlugin()
    plugin.Pl = torch.eye(WIDTHS[0])
    log = Log(lambda: {"shared.W1": linear.weight, "shared.b1": linear.bias, **({"shared.P1": plugin.Pl} if alive else {})},
              each=2)
    optimizer = log.sgd(model.parameters())
    args = types.SimpleNamespace(lorb="none", clip=False, modal3=False, modulation="Normal")
    Reported.seen = []
    with unittest.mock.patch.object(main.nn, "CrossEntropyLoss", Reported):
        for epoch in range(4):
            main.train_epoch(args, epoch, model, CPU, inputs.pairs(epoch, None), optimizer, unittest.mock.MagicMock(),
                             gs_plugin=plugin, gs_flag=True)
    log.losses = [(a + b) / 2 for a, b in zip(Reported.seen[::2], Reported.seen[1::2])]
    return log


#  G-Blending, as BalanceBenchmark has it

class Blended(nn.Module):
    modalitys = list(MODALITIES)
    device = CPU

    def __init__(self, inputs):
        super().__init__()
        self.nets = nn.ModuleDict({m: nn.Sequential(inputs.linear(m, 1), nn.ReLU(), inputs.linear(m, 2)) for m in MODALITIES})

    def forward(self, batch, padding=()):
        self.unimodal_result = {m: self.nets[m](batch[m]) for m in MODALITIES if m not in padding}
        self.unimodal_result["output"] = sum(self.unimodal_result.values())


def blending(checkout, inputs):
    packages = {name: types.ModuleType(name) for name in ("balancemm", "balancemm.trainer")}
    for name, package in packages.items():
        package.__path__ = [str(checkout / name.replace(".", "/"))]
    packages["balancemm.trainer.base_trainer"] = types.SimpleNamespace(BaseTrainer=object)
    stubs = ("lightning", "lightning.fabric", "lightning.fabric.loggers", "balancemm.models.avclassify_model",
             "balancemm.evaluation.modalitys", "balancemm.models", "balancemm.evaluation")
    module = released(checkout, "balancemm.trainer.GBlending_trainer", stubs, **packages)
    trainer = module.GBlendingTrainer.__new__(module.GBlendingTrainer)
    trainer.super_epoch, trainer.current_epoch, trainer.progbar_wrapper = 2, 0, lambda batches, **_: batches
    epoch = lambda e: [{"audio": a, "visual": v, "label": y} for a, v, y in inputs.pairs(e)]
    valid = [{**{m: inputs.x(m, rows, "valid/") for m in MODALITIES}, "label": inputs.y(rows, "valid/")}
             for rows in torch.arange(VALID).split(BATCH)]

    class Train:
        """Each pass over the data takes the next order: two for each loss that trains by itself."""

        passes = 0

        def __len__(self):
            return SAMPLES // BATCH

        def __iter__(self):
            Train.passes += 1
            return iter(epoch(Train.passes - 1))

    model, temporary = Blended(inputs), Blended(inputs)
    sgd = torch.optim.SGD(temporary.parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
    Reported.seen = []
    with unittest.mock.patch.object(module.nn, "CrossEntropyLoss", Reported):
        weights = trainer.super_epoch_origin(model, temporary, math.inf, Train(), valid, sgd, logging.getLogger("quiet"),
                                             sgd.state_dict())
    n, each = SAMPLES // BATCH, SAMPLES // BATCH + VALID // BATCH
    sums = [sum(part) for i in range(0, len(Reported.seen), each)
            for part in (Reported.seen[i:i + n], Reported.seen[i + n:i + each])]
    losses = np.array(sums).reshape(len(MODALITIES) + 1, 4)
    log = Log(lambda: {key: tensor for m in MODALITIES
                       for key, tensor in of_linear(m, model.nets[m][0], model.nets[m][2]).items()})
    optimizer = log.sgd(model.parameters())
    Reported.seen = []
    with unittest.mock.patch.object(module.nn, "CrossEntropyLoss", Reported):
        for e in range(4):
            for i, batch in enumerate(epoch(e)):
                trainer.training_step(model, batch, i, weights)
                optimizer.step()
                optimizer.zero_grad()
    log.losses = Reported.seen[2::3]
    #  Each row: training and validation loss in the first epoch, then in the last; audio, visual, sum.
    log.out["curves"] = losses
    log.out["weights"] = np.array([[weights[m] for m in (*MODALITIES, "output")]])
    print("G-Blending: weights", {name: round(float(w), 4) for name, w in weights.items()})
    return log


#  ReconBoost

class Boosted(nn.Module):
    """An encoder without parameters, and a head `fc`, which the code replaces where heads are shared."""

    def __init__(self, fc):
        super().__init__()
        self.fc = fc

    def forward(self, x):
        return self.fc(x.flatten(1))


class TwoLayers(nn.Module):
    def __init__(self, inputs, owner):
        super().__init__()
        self.fc1, self.relu, self.fc2 = inputs.linear(owner, 1), nn.ReLU(), inputs.linear(owner, 2)

    def forward(self, x):
        return self.fc2(self.relu(self.fc1(x)))


def recon_boost(checkout, inputs, shared, folder):
    stubs = [f"loaders.{name}" for name in ("CramedDataset", "AVEDataset", "MView40.train_dataset", "MView40.test_dataset")]
    module = released(checkout, "train", (*stubs, "loaders", "models.CREMA.basic_model", "models.MView40.image"))
    made = {}
    ensemble_of = module.DynamicNet.__init__.__globals__
    ensemble_of["Head"] = lambda output_dim: made.setdefault("shared", TwoLayers(inputs, "shared"))
    for m in MODALITIES:
        made[m] = Boosted(TwoLayers(inputs, m))
    module.AudioNet, module.VisualNet = (lambda dataset, net=made[m]: net for m in MODALITIES)
    module.SummaryWriter = unittest.mock.MagicMock()
    module.test = lambda *_, **__: 0.0
    module.check_status = lambda stage: stage < 4
    epochs = iter(range(EPOCHS))

    class Loader:
        def __init__(self, **_):
            pass

        def __iter__(self):
            return iter(inputs.pairs(next(epochs)))

    module.DataLoader = Loader
    ensembles = []
    net = module.DynamicNet

    class Ensemble(net):
        def __init__(self, *args, **options):
            net.__init__(self, *args, **options)
            ensembles.append(self)

    module.DynamicNet = Ensemble
    args = types.SimpleNamespace(
        dataset="CREMAD", dataset_path="", n_class=WIDTHS[-1], batch_size=BATCH, boost_rate=1.0, n_worker=0,
        epochs_per_stage=1, correct_epoch=1, common_space=shared, use_lr=True, m_lr=RATE, e_lr=RATE, use_br=True,
        use_pretrain=False, m1ckpt="", m2ckpt="", use_ga=True, weight1=5.0, weight2=1.0, alpha=0.5,
        ckpt_dir=folder, use_tensorboard=False, tensorboard_dir=folder)
    owners = ("shared",) if shared else MODALITIES

    def named():
        heads = {owner: made[owner] if shared else made[owner].fc for owner in owners}
        return {**{key: tensor for owner, head in heads.items() for key, tensor in of_linear(owner, head.fc1, head.fc2).items()},
                "boost": ensembles[0].boost_rate.reshape(1, 1)}

    log = Log(named)
    module.optim = types.SimpleNamespace(SGD=log.recording)
    with unittest.mock.patch.object(torch.Tensor, "to", lambda self, *_, **__: self):
        module.main(args, "case")
    return log


def main():
    checkouts, out = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    inputs = Inputs(5)
    ogm_ge, pareto, balance = (checkouts / name for name in ("OGM-GE_CVPR2022", "MMPareto_ICML2024", "BalanceBenchmark"))
    alternating = checkouts / "Multimodal-Learning-with-Alternating-Unimodal-Adaptation"
    boosting = checkouts / "ReconBoost"
    folder = tempfile.mkdtemp()
    cases = {
        "ogm-ge": lambda: ogm(ogm_ge, inputs, "OGM_GE", False, 1),
        "ogm": lambda: ogm(ogm_ge, inputs, "OGM", True, 50),
        "mm-pareto": lambda: mm_pareto(pareto, inputs, False),
        "mm-pareto-joint-head": lambda: mm_pareto(pareto, inputs, True),
        "mla": lambda: mla(alternating, inputs, False),
        "mla-alive": lambda: mla(alternating, inputs, True),
        "blending": lambda: blending(balance, inputs),
        "recon-boost": lambda: recon_boost(boosting, inputs, True, folder),
        "recon-boost-separate": lambda: recon_boost(boosting, inputs, False, folder),
    }
    tensors = dict(inputs.tensors)
    for name, train in cases.items():
        log = train()
        if log.losses:
            tensors[f"{name}/loss"] = np.array(log.losses)[None, :]
        tensors.update({f"{name}/{key}": value for key, value in log.out.items()})
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, out)


main()
