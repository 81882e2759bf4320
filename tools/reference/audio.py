"""What librosa makes of wav files: golden values, and a folder for a long comparison.

    python audio.py goldens ../../packages/media/test/golden/audio
    python audio.py sweep OUT [--count 50] [--seed 0]

Both write wav files of odd rates, widths, channel counts and contents, and reference.safetensors: for `NAME.wav`,
`NAME/mono` (librosa.load at the file's own rate), `NAME/RATE` (librosa.load at RATE) and `NAME/RATE/stft` (the magnitudes
of librosa.stft, n_fft 512, hop 353, of `NAME/RATE`). The sweep adds `NAME/crema-d` and, of every tenth file,
`NAME/kinetics-sounds`: the log spectrograms as IGM's code computes them. `npm run parity-audio -- OUT` reads them.
"""

import argparse
from pathlib import Path

import librosa
import numpy as np
import soundfile
from safetensors.numpy import save_file

RATES = [8_000, 11_025, 12_345, 16_000, 22_050, 44_100, 48_000, 96_000]
WIDTHS = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"]
CHANNELS = [1, 2, 6]
CONTENTS = ["white noise", "pink noise", "chirp", "voice", "clicks"]


def content(rng, kind, n, rate):
    """One channel, within ±1. Noise, chirps and clicks reach up to the Nyquist frequency; noise and chirps begin abruptly."""
    t = np.arange(n) / rate
    if kind == "white noise":
        x = rng.standard_normal(n)
    elif kind == "pink noise":
        x = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) / np.sqrt(1 + np.arange(n // 2 + 1)), n)
    elif kind == "chirp":
        x = np.sin(np.pi * rate / 2 * t**2 / t[-1] + rng.uniform(0, 6))
    elif kind == "voice":
        pitch = rng.uniform(80, 250)
        harmonics = np.arange(1, int(rate / 2 / pitch) + 1)
        x = sum(np.sin(2 * np.pi * k * pitch * t + rng.uniform(0, 6)) / k for k in harmonics)
        x = x * np.sin(np.pi * np.arange(n) / n) ** 2
    else:
        x = np.where((rng.random(n) < 0.005) & (t > 0.01), rng.uniform(-1, 1, n), 0.001 * rng.standard_normal(n))
    return 0.9 * x / np.abs(x).max()


def write(folder, name, rng, i, seconds):
    rate, width = RATES[i % 8], WIDTHS[(i + i // 8) % 6]
    channels, kind = CHANNELS[(i + i // 6) % 3], CONTENTS[i % 5]
    n = int(rate * seconds)
    x = np.stack([content(rng, kind, n, rate) for _ in range(channels)], axis=1)
    path = folder / f"{name}.wav"
    soundfile.write(path, x, rate, subtype=width, format="WAVEX" if i % 4 == 3 else "WAV")
    return path, f"{kind}, {rate} Hz, {channels} × {width}"


def spectrogram(path, rate, seconds):
    """The log spectrogram of IGM's code."""
    samples, _ = librosa.load(path, sr=rate)
    repeats = 3 if seconds == 3 else int(np.ceil(seconds * rate / len(samples)))
    samples = np.tile(samples, max(repeats, int(np.ceil(seconds * rate / len(samples)))))[: seconds * rate]
    samples = np.clip(samples, -1, 1)
    return np.log(np.abs(librosa.stft(samples, n_fft=512, hop_length=353)) + 1e-7)


def main(what, folder, count, seed):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    tensors, names = {}, {}
    for i in range(count):
        name = f"{i:02}"
        # The golden files are short, so that they stay small; the longer the frame, the shorter the file.
        seconds = min(0.15, 2400 / RATES[i % 8]) if what == "goldens" else rng.uniform(0.5, 2.5)
        path, names[name] = write(folder, name, rng, i, seconds)
        tensors[f"{name}/mono"], _ = librosa.load(path, sr=None)
        targets = [22_050] if what == "goldens" else [22_050, 35_400, 16_000]
        for target in targets:
            y, _ = librosa.load(path, sr=target)
            tensors[f"{name}/{target}"] = y
            if what == "sweep" or i % 5 == 0:
                tensors[f"{name}/{target}/stft"] = np.abs(librosa.stft(y, n_fft=512, hop_length=353))
        if what == "sweep":
            tensors[f"{name}/crema-d"] = spectrogram(path, 22_050, 3)
            if i % 10 == 0:
                tensors[f"{name}/kinetics-sounds"] = spectrogram(path, 35_400, 10)
    tensors = {name: np.ascontiguousarray(x, dtype=np.float32) for name, x in tensors.items()}
    save_file(tensors, folder / "reference.safetensors", metadata=names)
    print(count, "files", sum(path.stat().st_size for path in folder.iterdir()) // 1000, "kB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["goldens", "sweep"])
    parser.add_argument("out")
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    main(given.what, given.out, given.count or (10 if given.what == "goldens" else 50), given.seed)
