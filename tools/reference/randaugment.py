"""The released code's operations of RandAugment on one picture, for RandAugment.test.ts.

    python randaugment.py OUT --released RELEASED

RELEASED is a checkout of IGM's released code; nothing of it is copied. OUT gets a safetensors file with the picture, one
without black, and what each operation makes of both; the names say with what amount.
"""

import argparse
import pathlib
import sys

import numpy as np
import safetensors.numpy

parser = argparse.ArgumentParser()
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("--released", required=True)
arguments = parser.parse_args()
sys.path.insert(0, str(pathlib.Path(arguments.released) / "datasets"))

import randaugment as released  # noqa: E402

HEIGHT, WIDTH = 26, 34
y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
waves = np.stack([128 + 90 * np.sin(x / 4 + y / 7), 120 + 100 * np.cos(x / 5 - y / 3), 4 * x + 2 * y], -1)
noise = np.random.default_rng(7).normal(0, 25, waves.shape)
picture = np.clip(waves + noise, 0, 255).astype(np.uint8)
bright = (40 + picture * 0.7).astype(np.uint8)

FILL = (128, 128, 128)
calls = [("AutoContrast", 0, released.autocontrast_func, ()), ("Equalize", 0, released.equalize_func, ())]
for factor in (7 / 10 * 1.8 + 0.1, 0.4):
    calls += [("Brightness", factor, released.brightness_func, (factor,)),
              ("Sharpness", factor, released.sharpness_func, (factor,))]
for sign in (1, -1):
    shear, offset, degrees = sign * 7 / 10 * 0.3, sign * 7 / 10 * 10.0, sign * 7 / 10 * 30
    calls += [("ShearX", shear, released.shear_x_func, (shear, FILL)), ("ShearY", shear, released.shear_y_func, (shear, FILL)),
              ("TranslateX", offset, released.translate_x_func, (offset, FILL)),
              ("TranslateY", offset, released.translate_y_func, (offset, FILL)),
              ("Rotate", degrees, released.rotate_func, (degrees, FILL))]
tensors = {}
for name, of in (("picture", picture), ("bright", bright)):
    tensors[name] = of
    for operation, amount, function, args in calls:
        tensors[f"{name} {operation} {amount!r}"] = np.ascontiguousarray(function(of.copy(), *args))
safetensors.numpy.save_file(tensors, arguments.out)
print(len(tensors), "pictures")
