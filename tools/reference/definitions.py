"""What scikit-learn says of 200 random sets of scores, and what PyTorch's optimizers and schedules do in 200 steps.

    python definitions.py METRICS.safetensors OPTIMIZERS.safetensors
"""

import sys
import warnings

import numpy as np
import torch
from safetensors.numpy import save_file
from sklearn.metrics import accuracy_score, average_precision_score, f1_score

warnings.filterwarnings("ignore")
CASES, STEPS, BINS = 200, 200, 15


def calibration_error(labels, scores):
    """Over equal bins of the largest probability, (l, r] each: the mean of |accuracy − confidence|, weighted by samples."""
    total = 0.0
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == labels
    for b in range(BINS):
        inside = (confidence > b / BINS) & (confidence <= (b + 1) / BINS)
        if inside.any():
            total += inside.sum() * abs(right[inside].mean() - confidence[inside].mean())
    return total / len(labels)


def metrics(rng):
    out = {}
    for case in range(CASES):
        n, classes = int(rng.integers(1, 40)), int(rng.integers(2, 7))
        # Some classes do not occur, and some cases have one class only.
        present = rng.permutation(classes)[: rng.integers(1, classes + 1)]
        labels = rng.choice(present, n).astype(np.int32)
        # Few different counts, so that there are ties in every case.
        counts = rng.integers(1, 5, (n, classes)).astype(np.float64)
        scores = counts / counts.sum(axis=1, keepdims=True)
        predicted = scores.argmax(axis=1)
        precisions = [average_precision_score(labels == c, scores[:, c]) for c in range(classes)]
        out[f"{case}/labels"], out[f"{case}/scores"] = labels, scores
        out[f"{case}/expected"] = np.array([
            accuracy_score(labels, predicted), f1_score(labels, predicted, average="macro"), np.mean(precisions),
            calibration_error(labels, scores), *precisions])
    return out


def optimizers(rng):
    out = {}
    start, gradients = rng.standard_normal((4, 5)), rng.standard_normal((STEPS, 4, 5))
    # A column whose gradient is always zero, and one that is tiny.
    gradients[:, :, 0] = 0
    gradients[:, :, 1] *= 1e-9
    out["start"], out["gradients"] = start, gradients.reshape(STEPS * 4, 5)
    for name, make in {
        "sgd": lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9, weight_decay=1e-4),
        "adam": lambda p: torch.optim.Adam(p, lr=1e-2, betas=(0.9, 0.99), eps=1e-8, weight_decay=1e-4),
    }.items():
        parameter = torch.nn.Parameter(torch.from_numpy(start.copy()))
        optimizer = make([parameter])
        path = []
        for gradient in gradients:
            parameter.grad = torch.from_numpy(gradient.copy())
            optimizer.step()
            path.append(parameter.detach().numpy().copy())
        out[name] = np.concatenate(path)
    losses = np.abs(rng.standard_normal(STEPS)).cumsum()[::-1].copy() * (rng.random(STEPS) < 0.8) + 1
    out["losses"] = losses
    for name, make in {
        "step": lambda o: torch.optim.lr_scheduler.StepLR(o, 40, 0.1),
        "warm-up": lambda o: torch.optim.lr_scheduler.LinearLR(o, start_factor=1 / 3, total_iters=10),
        "plateau": lambda o: torch.optim.lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=4, threshold=1e-3, eps=0),
    }.items():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        schedule = make(optimizer)
        factors = []
        for loss in losses:
            factors.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step(*([loss] if name == "plateau" else []))
        out[name] = np.array(factors)
    return out


if __name__ == "__main__":
    rng = np.random.default_rng(20260101)
    save_file(metrics(rng), sys.argv[1])
    save_file(optimizers(rng), sys.argv[2])
