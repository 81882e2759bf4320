"""IGM as the paper's equations say, in float64, sample by sample: an oracle that shares nothing with the TypeScript.

    python oracle.py INPUTS OUT [--every N]

INPUTS come from `npm run parity-inputs`; OUT gets one safetensors file for each case named paper-*.
"""

import argparse
import json
import math
import pathlib

import numpy as np
from safetensors.numpy import load_file, safe_open, save_file
from sklearn.metrics import f1_score


def forward(theta, x):
    """The inputs of the three layers and the logits, of one sample."""
    hidden = np.array([max(0.0, sum(w * v for w, v in zip(row, x)) + b) for row, b in zip(theta["W1"], theta["b1"])])
    deep = theta["W2"] @ hidden + theta["b2"]
    return x, hidden, deep, theta["W3"] @ deep + theta["b3"]


def softmax(z):
    e = np.exp(z - np.max(z))
    return e / np.sum(e)


def loss_and_gradient(theta, batch, labels):
    """Mean cross-entropy and its gradient, added up over the samples."""
    gradient = {name: np.zeros_like(value) for name, value in theta.items()}
    loss = 0.0
    for x, label in zip(batch, labels):
        a1, a2, a3, z = forward(theta, x)
        p = softmax(z)
        loss -= math.log(p[label]) / len(batch)
        d3 = p.copy()
        d3[label] -= 1.0
        d2 = theta["W3"].T @ d3
        d1 = (theta["W2"].T @ d2) * (a2 > 0)
        for layer, (d, a) in enumerate(((d1, a1), (d2, a2), (d3, a3)), 1):
            gradient[f"W{layer}"] += np.outer(d, a) / len(batch)
            gradient[f"b{layer}"] += d / len(batch)
    return loss, gradient


def perturbed(theta, gradient, rho):
    """θ + ρ ∇L/‖∇L‖₂, eq. 6 and 7, with the norm over all parameters."""
    norm = math.sqrt(sum(float(np.sum(g * g)) for g in gradient.values()))
    return {name: w + rho * gradient[name] / norm for name, w in theta.items()}


def moment(theta, order, features, size):
    """Eq. 2, for each layer: the sum of z zᵀ over whole batches, z the batch mean of the layer's input."""
    total = None
    for start in range(0, len(order) - size + 1, size):
        passes = [forward(theta, features[row])[:3] for row in order[start:start + size]]
        means = [sum(p[layer] for p in passes) / size for layer in range(3)]
        outer = [np.outer(z, z) for z in means]
        total = outer if total is None else [t + o for t, o in zip(total, outer)]
    return total


def modification(y, tau):
    """Eq. 3 and 4."""
    values, vectors = np.linalg.eigh(y)
    lowest, highest = values[0], values[-1]
    t = np.zeros_like(y)
    for value, v in zip(values, vectors.T):
        t += math.exp(-tau * (value - lowest) / (highest - lowest)) * np.outer(v, v)
    return t


class Sgd:
    def __init__(self, settings, theta):
        self.s, self.v = settings, {k: np.zeros_like(w) for k, w in theta.items()}

    def step(self, theta, gradient, factor):
        for k in theta:
            self.v[k] = self.s["momentum"] * self.v[k] + gradient[k] + self.s["weightDecay"] * theta[k]
            theta[k] = theta[k] - self.s["rate"] * factor * self.v[k]


class Adam:
    def __init__(self, settings, theta):
        self.s, self.t = settings, 0
        self.m = {k: np.zeros_like(w) for k, w in theta.items()}
        self.v = {k: np.zeros_like(w) for k, w in theta.items()}

    def step(self, theta, gradient, factor):
        self.t += 1
        b1, b2 = self.s["betas"]
        for k in theta:
            g = gradient[k] + self.s["weightDecay"] * theta[k]
            self.m[k] = b1 * self.m[k] + (1 - b1) * g
            self.v[k] = b2 * self.v[k] + (1 - b2) * g * g
            m, v = self.m[k] / (1 - b1**self.t), self.v[k] / (1 - b2**self.t)
            theta[k] = theta[k] - self.s["rate"] * factor * m / (np.sqrt(v) + self.s["epsilon"])


def fused(heads, features, n):
    """Softmaxes weighted by exp(−entropy), sample by sample."""
    rows = []
    for i in range(n):
        ps = [softmax(forward(theta, features[name][i])[3]) for name, theta in heads.items()]
        weights = [math.exp(sum(p * math.log(p) for p in each)) for each in ps]
        rows.append(sum(w * p for w, p in zip(weights, ps)) / sum(weights))
    return np.array(rows)


def train(inputs, case, every):
    names = case["modalities"]
    flat = lambda name, a: a.reshape(-1) if name[0] == "b" else a
    heads = {m: {p: flat(p, inputs[f"weights/{m}.{p}"].copy()) for p in ("W1", "b1", "W2", "b2", "W3", "b3")} for m in names}
    kind = Adam if case["optimizer"]["kind"] == "adam" else Sgd
    optimizers = {m: kind(case["optimizer"], heads[m]) for m in names}
    train_x = {m: inputs[f"train/{m}"].astype(np.float64) for m in names}
    select_x = {m: inputs[f"select/{m}"].astype(np.float64) for m in names}
    labels, select_labels = inputs["labels"], inputs["select/labels"]
    epochs_of = {m: 0 for m in names}
    results, losses, epoch, best = {}, [], 0, (-1.0, None)
    matrix = lambda a: a if a.ndim == 2 else a.reshape(1, -1)
    for number, turn in enumerate(case["turns"], 1):
        theta = heads[turn["head"]]
        ts = None
        if turn["after"] is not None:
            before = turn["after"]
            ys = moment(heads[before], inputs[f"moment/{number}"], train_x[before], case["batch"])
            ts = [modification(y, case["tau"]) for y in ys]
            for layer, (y, t) in enumerate(zip(ys, ts), 1):
                results[f"moment/{number}/{layer}"], results[f"P/{number}/{layer}"] = y, t
        for _ in range(turn["epochs"]):
            early = epochs_of[turn["head"]] + 1
            factor = case["schedule"]["factor"] ** (early // case["schedule"]["size"])
            for rows in inputs[f"rows/{epoch}"]:
                x, y = train_x[turn["head"]][rows], labels[rows]
                _, here = loss_and_gradient(theta, x, y)
                loss, gradient = loss_and_gradient(perturbed(theta, here, case["rho"]), x, y)
                losses.append(loss)
                if ts is not None:
                    for layer, t in enumerate(ts, 1):
                        gradient[f"W{layer}"] = gradient[f"W{layer}"] @ t
                optimizers[turn["head"]].step(theta, gradient, factor)
                if len(losses) % every == 0:
                    for name in theta:
                        results[f"gradient/{len(losses)}/{name}"] = matrix(gradient[name]).copy()
                        results[f"weights/{len(losses)}/{name}"] = matrix(theta[name]).copy()
            epochs_of[turn["head"]] += 1
            epoch += 1
            predicted = fused(heads, select_x, len(select_labels)).argmax(axis=1)
            score = f1_score(select_labels, predicted, average="macro")
            if score > best[0]:
                best = (score, {f"kept/{m}.{p}": matrix(w).copy() for m in names for p, w in heads[m].items()})
    return {**results, **best[1], "loss": np.array(losses)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("inputs", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=5)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for file in sorted(options.inputs.glob("paper-*.safetensors")):
        with safe_open(file, "numpy") as opened:
            case = json.loads(opened.metadata()["case"])
        results = train(load_file(file), case, options.every)
        metadata = {"every": str(options.every), "sample": str(10**9)}
        save_file({k: np.ascontiguousarray(v) for k, v in results.items()}, options.out / file.name, metadata)
        print(case["name"], len(results["loss"]), "steps, last loss", results["loss"][-1])
