"""Trains one slim ResNet18 on exported data and writes it as ONNX.

    python train_encoder.py audio DATA/audio.safetensors OUT/digit-audio.onnx
    python train_encoder.py image DATA/image.safetensors OUT/digit-image.onnx

The topology is ResNet18's (He et al. 2016): four stages of two basic blocks, here of 16, 32, 64 and 128 channels. The
spectrogram's stem is torchvision's (7x7, stride 2, then max pooling); the small image's is a 3x3 convolution. The ONNX
file ends at the global average pooling: 128 features, batch axis free, batch norm folded.
"""

import argparse
import hashlib
import json
import pathlib

import numpy as np
import torch
from safetensors.numpy import load_file
from torch import nn
from torch.nn import functional as F

WIDTHS = [16, 32, 64, 128]
SEED = 20261123
EPOCHS = {"audio": 10, "image": 8}


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.down = None
        if stride != 1 or inputs != outputs:
            self.down = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.down is None else self.down(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


class SlimResNet18(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        w = WIDTHS
        if kind == "audio":
            conv = nn.Conv2d(1, w[0], 7, 2, 3, bias=False)
            self.stem = nn.Sequential(conv, nn.BatchNorm2d(w[0]), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        else:
            self.stem = nn.Sequential(nn.Conv2d(1, w[0], 3, 1, 1, bias=False), nn.BatchNorm2d(w[0]), nn.ReLU())
        blocks, inputs = [], w[0]
        for stage, width in enumerate(w):
            blocks += [BasicBlock(inputs, width, 1 if stage == 0 else 2), BasicBlock(width, width, 1)]
            inputs = width
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.stem(x)).mean(dim=(2, 3))


def accuracy(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> float:
    model.eval()
    with torch.no_grad():
        right = sum(
            (model(x).argmax(1) == y).sum().item() for x, y in zip(inputs.split(256), labels.split(256), strict=True)
        )
    return right / len(labels)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["audio", "image"])
    parser.add_argument("data")
    parser.add_argument("out")
    args = parser.parse_args()

    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    data = {name: torch.from_numpy(np.array(value)) for name, value in load_file(args.data).items()}
    inputs, labels = data["train.inputs"], data["train.labels"].long()
    held_inputs, held_labels = data["heldOut.inputs"], data["heldOut.labels"].long()

    encoder = SlimResNet18(args.kind)
    model = nn.Sequential(encoder, nn.Dropout(0.3), nn.Linear(WIDTHS[-1], 10))
    epochs, batch = EPOCHS[args.kind], 64
    steps = epochs * (len(labels) // batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(labels))[: len(labels) // batch * batch]
        for rows in order.split(batch):
            loss = F.cross_entropy(model(inputs[rows]), labels[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}/{epochs}: loss {loss.item():.3f}, held out {accuracy(model, held_inputs, held_labels):.4f}", flush=True)

    encoder.eval()
    out = pathlib.Path(args.out)
    torch.onnx.export(
        encoder,
        (inputs[:2],),
        out,
        input_names=["input"],
        output_names=["feature"],
        dynamic_axes={"input": {0: "batch"}, "feature": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    facts = {
        "samples": len(labels),
        "heldOut": len(held_labels),
        "heldOutAccuracy": round(accuracy(model, held_inputs, held_labels), 4),
        "seed": SEED,
        "bytes": out.stat().st_size,
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
