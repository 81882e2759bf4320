"""The Python side of `npm run bench -- decode`: what a PyTorch DataLoader with the released code's preprocessing takes.

    python bench_decode.py

Requests are JSON objects on lines of stdin, answers on lines of stdout; README.md lists them. The arithmetic is the
released code's at test time; its loaders are written anew here, as they have no entry for files alone.
"""

import json
import os
import sys
import time
import traceback

import cv2
import librosa
import numpy as np
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from torchvision import transforms

IMAGENET = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
STILL = transforms.Compose([transforms.Resize((224, 224)), transforms.ToTensor(), IMAGENET])
FRAME = transforms.Compose([transforms.ToPILImage(), transforms.CenterCrop((224, 224)), transforms.ToTensor(), IMAGENET])


def audio(path):
    samples, _ = librosa.load(path, sr=22050)
    samples = np.tile(samples, 3)[: 3 * 22050]
    samples[samples > 1.0] = 1.0
    samples[samples < -1.0] = -1.0
    return torch.tensor(np.log(np.abs(librosa.stft(samples, n_fft=512, hop_length=353)) + 1e-7))[None]


def image(path):
    with Image.open(path) as picture:
        return STILL(picture.convert("RGB"))


def video(path, start, end):
    box = np.zeros((256, 256, 3, 80), np.uint8)
    capture = cv2.VideoCapture(path)
    capture.set(cv2.CAP_PROP_POS_FRAMES, start)
    for i in range(end - start):
        ok, frame = capture.read()
        if ok:
            box[..., i] = cv2.resize(frame, (256, 256))
    capture.release()
    frames = torch.tensor(box).permute(3, 2, 0, 1)
    return torch.stack([FRAME(frame) for frame in frames]).permute(1, 0, 2, 3)


LOAD = {"audio": audio, "image": image, "video": video}


class Files(torch.utils.data.Dataset):
    def __init__(self, kind, sources):
        self.load, self.sources = LOAD[kind], sources

    def __len__(self):
        return len(self.sources)

    def __getitem__(self, i):
        return self.load(*self.sources[i])


class Bench:
    """A loader whose workers stay, so that no turn pays for their start."""

    def __init__(self, kind, sources, batch, workers, first):
        files = Files(kind, sources)
        save_file({"first": files[0].float().contiguous()}, first)
        self.loader = torch.utils.data.DataLoader(files, batch, num_workers=workers, persistent_workers=True)

    def run(self):
        start = time.perf_counter()
        count = sum(len(batch) for batch in self.loader)
        return {"seconds": time.perf_counter() - start, "count": count}


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints, prints to stderr
    say = lambda value: print(json.dumps(value, allow_nan=False), file=answers, flush=True)
    say({"ready": True, "torch": torch.__version__, "torchvision": torchvision.__version__,
         "opencv": cv2.__version__, "librosa": librosa.__version__})
    bench = None
    for line in sys.stdin:
        try:
            request = json.loads(line)
            match request.pop("do"):
                case "quit":
                    break
                case "open":
                    bench = None  # the one before goes first
                    bench = Bench(**request)
                    say({})
                case "run":
                    say(bench.run())
                case unknown:
                    raise ValueError(f"unknown request {unknown}")
        except Exception as error:
            traceback.print_exc()
            say({"error": f"{type(error).__name__}: {error}"})
