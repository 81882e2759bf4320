"""The Python side of `npm run bench -- encoders`: the originals in eager PyTorch, and ONNX files in onnxruntime.

    python bench_encoders.py [--i3d FOLDER_WITH_PYTORCH_I3D]

Requests are JSON objects on lines of stdin, answers on lines of stdout; README.md lists them. Weights and inputs are those
of encoders.py, which the other side has too.
"""

import argparse
import json
import os
import pathlib
import sys
import time
import traceback

import onnxruntime
import torch
import torchvision
from PIL import Image

import encoders

torch.set_grad_enabled(False)

MAKE = {
    "resnet18": lambda _: encoders.headless(encoders.filled(torchvision.models.resnet18())),
    "resnet50": lambda _: encoders.headless(encoders.filled(torchvision.models.resnet50())),
    "bert-base": lambda _: encoders.Cls(encoders.bert({})),
    "i3d": lambda i3d: encoders.PooledI3d(encoders.filled(encoders.i3d_module(i3d)(400, in_channels=3))),
}


class Photos(torch.utils.data.Dataset):
    def __init__(self, folder):
        self.files = sorted(pathlib.Path(folder).glob("*.jpg"))
        self.transform = torchvision.transforms.Compose([
            torchvision.transforms.Resize((224, 224)), torchvision.transforms.ToTensor(),
            torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        with Image.open(self.files[i]) as image:
            return self.transform(image.convert("RGB"))


class Bench:
    def __init__(self, i3d, request):
        self.file, self.sessions = request["file"], {}
        self.net = MAKE[request["name"]](i3d).eval()
        self.inputs = {port: encoders.INPUTS[kind](f"{request['name']}/{port}", *rest)
                       for port, (kind, *rest) in request["inputs"].items()}
        self.features = self.net(*self.inputs.values()).flatten().tolist()

    def session(self, threads):
        if threads not in self.sessions:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
            self.sessions = {threads: onnxruntime.InferenceSession(self.file, options, ["CPUExecutionProvider"])}
        return self.sessions[threads]

    def model(self, on, threads):
        if on == "torch":
            torch.set_num_threads(threads)
            run = lambda: self.net(*self.inputs.values())
        else:
            session, inputs = self.session(threads), {port: x.numpy() for port, x in self.inputs.items()}
            run = lambda: session.run(None, inputs)
        start = time.perf_counter()
        run()
        return {"seconds": time.perf_counter() - start}

    def files(self, folder, batch, workers, threads):
        torch.set_num_threads(threads)
        photos = Photos(folder)
        start = time.perf_counter()
        loader = torch.utils.data.DataLoader(photos, batch_size=batch, num_workers=workers)
        features = torch.cat([self.net(images) for images in loader])
        return {"seconds": time.perf_counter() - start, "features": features.flatten().tolist()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--i3d", help="a folder with pytorch_i3d.py")
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints, prints to stderr
    say = lambda value: print(json.dumps(value, allow_nan=False), file=answers, flush=True)
    say({"ready": True, "torch": torch.__version__, "torchvision": torchvision.__version__,
         "onnxruntime": onnxruntime.__version__, "mkl": torch.backends.mkl.is_available()})
    bench = None
    for line in sys.stdin:
        try:
            request = json.loads(line)
            match request.pop("do"):
                case "quit":
                    break
                case "open":
                    bench = None  # the one before goes first
                    bench = Bench(options.i3d, request)
                    say({"features": bench.features})
                case "model":
                    say(bench.model(**request))
                case "files":
                    say(bench.files(**request))
                case unknown:
                    raise ValueError(f"unknown request {unknown}")
        except Exception as error:
            traceback.print_exc()
            say({"error": f"{type(error).__name__}: {error}"})
