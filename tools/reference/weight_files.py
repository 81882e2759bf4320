"""Small weight files as torch and safetensors write them, and the numbers in them.

    python weight_files.py OUT

`expected.safetensors` holds every tensor of the others in float32, and in its metadata the SHA-256 of all halves as
float32, in the order of their bits, with 0 for NaN.
"""

import argparse
import hashlib
import pathlib
from collections import OrderedDict

import numpy as np
import torch
from safetensors.torch import save_file


def tensors(new: bool) -> OrderedDict:
    """Each kind of tensor, in each way of lying in a storage; `new` adds types that older files cannot have."""
    torch.manual_seed(6)
    base = torch.randn(4, 6)
    shared = torch.randn(10)
    some = torch.tensor([1.5, -0.0, 65504.0, 6.1e-5, 5.9e-8, float("inf"), -float("inf"), float("nan"), 0.1])
    out = OrderedDict()
    out["conv.weight"] = torch.randn(2, 3, 3, 3)
    out["conv.bias"] = torch.nn.Parameter(torch.randn(2))
    out["bn.num_batches_tracked"] = torch.tensor(123456789012, dtype=torch.int64)
    out["scalar"] = torch.tensor(2.5)
    out["empty"] = torch.zeros(0, 3)
    out["transposed"] = base.t()
    out["stepped"] = base[::2, 1::2]
    out["permuted"] = torch.randn(2, 3, 4).permute(2, 0, 1)
    out["expanded"] = torch.randn(3, 1).expand(3, 4)
    out["shared.first"] = shared[:6]
    out["shared.last"] = shared[4:]
    out["channels_last"] = torch.randn(1, 2, 3, 4).to(memory_format=torch.channels_last)
    out["types.half"] = some.half()
    out["types.bfloat"] = some.bfloat16()
    out["types.double"] = some.double() / 3
    out["types.int"] = torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32)
    out["types.short"] = torch.tensor([-(2**15), 7], dtype=torch.int16)
    out["types.char"] = torch.tensor([-128, 127], dtype=torch.int8)
    out["types.byte"] = torch.tensor([0, 255], dtype=torch.uint8)
    out["types.bool"] = torch.tensor([True, False])
    if new:
        out["types.uint16"] = torch.tensor([0, 2**16 - 1], dtype=torch.uint16)
        out["types.uint32"] = torch.tensor([0, 2**32 - 1], dtype=torch.uint32)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    save = {"_use_new_zipfile_serialization": False}

    torch.save(tensors(True), out / "zip.pth")
    torch.save(tensors(True), out / "protocol4.pth", pickle_protocol=4)
    torch.save(tensors(False), out / "legacy.pth", **save)

    # A training script's checkpoint: the model inside of two wrappers, beside what else such scripts keep.
    model = torch.nn.Linear(3, 2)
    torch.nn.init.constant_(model.weight, 0.25)
    torch.nn.init.constant_(model.bias, -1)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    torch.nn.init.constant_(model.weight, 0.25)
    torch.nn.init.constant_(model.bias, -1)
    checkpoint = {
        "epoch": 3,
        "args": argparse.Namespace(lr=1e-3, sizes=[1, 2], name="a", seen={1, 2}),
        "best": np.float64(0.75),
        "config": {"model": {"depth": 18}},
        "optimizer": optimizer.state_dict(),
        "model": {"epoch": 3, "state_dict": model.state_dict()},
    }
    torch.save(checkpoint, out / "checkpoint.pth")
    torch.save(checkpoint, out / "checkpoint-legacy.pth", **save)

    plain = {name: tensor.detach().clone(memory_format=torch.contiguous_format) for name, tensor in tensors(True).items()}
    save_file(plain, out / "weights.safetensors", metadata={"format": "pt"})
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    singles = torch.from_numpy(halves).float().nan_to_num(nan=0.0, posinf=float("inf"), neginf=-float("inf")).numpy()
    metadata = {"halves": hashlib.sha256(singles.tobytes()).hexdigest()}
    save_file({name: tensor.float() for name, tensor in plain.items()}, out / "expected.safetensors", metadata=metadata)


if __name__ == "__main__":
    main()
