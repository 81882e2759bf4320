"""What the released code's own data sets give for the test splits of miniatures, for `npm run parity-released`.

    python released_inputs.py FOLDER --released RELEASED

FOLDER has the folders crema-d, kinetics-sounds, twitter15 and sarcasm, in the layouts that the released code reads, which
`npm run parity-released` writes. RELEASED is a checkout of IGM's released code; nothing of it is copied. The arrays go to
FOLDER/released.safetensors.
"""

import argparse
import json
import os
import pathlib
import sys

import numpy as np
import safetensors.numpy

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--released", required=True)
arguments = parser.parse_args()
sys.path.insert(0, arguments.released)

# Pictures in the order of their names: the released code takes them as the file system lists them.
listed = os.listdir
os.listdir = lambda path=".": sorted(listed(path))

from datasets import create_dataset  # noqa: E402
from datasets.CREMA import CramedDataset  # noqa: E402
from datasets.KS import VADataset  # noqa: E402


def audio_visual(name, of, classes):
    config = {"dataset": {"data_root": str(arguments.folder / name)}, "setting": {"num_class": classes}}
    data = of(config, mode="test")
    for i in range(len(data)):
        audio, video, _ = data[i]
        yield f"{name}.audio.{i}", np.asarray(audio, dtype=np.float32)
        yield f"{name}.video.{i}", np.asarray(video, dtype=np.float32)


def texts(name, kind, words, suffix):
    root = arguments.folder / name
    config = {"image_res": 224, "max_tokens": words, "image_root": f"{root}/images/",
              "train_file": f"{root}/test.{suffix}", "test_file": f"{root}/test.{suffix}"}
    _, data = create_dataset(kind, config)
    said = []
    for i in range(len(data)):
        item = data[i]
        said.append(item[1])
        yield f"{name}.image.{i}", np.asarray(item[0], dtype=np.float32)
    (root / "texts.json").write_text(json.dumps(said))


tensors = {}
for make in (audio_visual("crema-d", CramedDataset, 6), audio_visual("kinetics-sounds", VADataset, 31),
             texts("twitter15", "twitter", 50, "tsv"), texts("sarcasm", "sarcasm", 50, "json")):
    tensors.update({name: np.ascontiguousarray(array) for name, array in make})
safetensors.numpy.save_file(tensors, arguments.folder / "released.safetensors")
print(len(tensors), "arrays")
