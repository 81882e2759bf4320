"""Films and sounds as OpenCV, librosa and the released code read them.

    films.py goldens FILE                       small files, and what the libraries make of them
    films.py colours FILE                       small films whose colours are coded and told of in different ways
    films.py sounds FILE                        speech in Opus, and MP3 with notes of different encoders
    films.py compare FOLDER [LIST] [RELEASED]   all films of a folder

`compare` compares the frames of all AVI, FLV and MP4 files: of the whole films, and once a second, as the conversions to
images do that the released data sets come from. With a list of NVGesture, also the ranges that it names, sought and read
as the released loader does; with a checkout of the released code, the tensors of that loader too. It prints the largest
difference of any pixel, and ends with 1 where it is over 2 or a count differs.
"""

import importlib.util
import json
import struct
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import cv2
import numpy as np

REPOSITORY = Path(__file__).parent.parent.parent
LIMIT = 2


def ours(requests):
    """The answers of the tool: for each request, its frames, or the error it ended with."""
    command = ["npm", "run", "--silent", "film-frames"]
    tool = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY)
    tool.stdin.write("".join(json.dumps(request) + "\n" for request in requests).encode())
    tool.stdin.close()

    def frames():
        while True:
            about = json.loads(tool.stdout.readline())
            if "end" in about:
                return
            if "error" in about:
                raise RuntimeError(about["error"])
            if "shape" in about:
                size = 4 * int(np.prod(about["shape"]))
                yield np.frombuffer(tool.stdout.read(size), np.float32).reshape(about["shape"])
                continue
            shape = (about["height"], about["width"], about["channels"])
            yield np.frombuffer(tool.stdout.read(int(np.prod(shape))), np.uint8).reshape(shape)

    for _ in requests:
        yield frames()


def theirs(path, start=0, stop=None, step=1):
    capture = cv2.VideoCapture(str(path))
    if step == "second":
        step = int(capture.get(cv2.CAP_PROP_FPS))
    if start:
        capture.set(cv2.CAP_PROP_POS_FRAMES, start)
    index = start
    while stop is None or index < stop:
        ok, frame = capture.read()
        if not ok:
            break
        if (index - start) % step == 0:
            yield frame
        index += 1


def compare(what, mine, other):
    count, largest, total, differing = 0, 0, 0, 0
    mine = iter(mine)
    for b in other:
        a = next(mine, None)
        if a is None:
            raise RuntimeError(f"{what}: {count} frames, OpenCV has more")
        difference = np.abs(a.astype(np.int16) - b)
        count, largest = count + 1, max(largest, int(difference.max()))
        total, differing = total + difference.size, differing + int((difference > 0).sum())
    if next(mine, None) is not None:
        raise RuntimeError(f"{what}: OpenCV has {count} frames, and there are more")
    return count, largest, total, differing


def report(name, results):
    counts, largest, totals, differing = zip(*results)
    print(
        f"{name}: {len(results)} films, {sum(counts)} frames, largest difference {max(largest)} of 255, "
        f"{100 * sum(differing) / sum(totals):.4f} % of values differ",
        flush=True,
    )
    return max(largest)


def sources(folder, listed, sensor):
    for line in Path(listed).read_text().splitlines():
        fields = [field.split(":") for field in line.split()]
        name, start, stop = next(field[1:] for field in fields if field[0] == sensor)
        yield Path(folder) / next(field[1] for field in fields if field[0] == "path") / f"{name}.avi", int(start), int(stop)


def tensors(folder, listed, released):
    """Depth as the released loader gives it at test time; and, in the stead of colour, which is missing, depth in colour."""
    spec = importlib.util.spec_from_file_location("nvGesture", Path(released) / "datasets" / "nvGesture.py")
    nvGesture = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(nvGesture)
    worst = 0
    for sensor, preprocess in (("depth", "releasedDepth"), ("color", "released")):
        rows = list(sources(folder, listed, "depth"))[:10]
        requests = [{"path": str(path), "preprocess": preprocess, "frames": [a, b]} for path, a, b in rows]
        for (path, a, b), answer in zip(rows, ours(requests)):
            config = {sensor: str(path.with_suffix("")), f"{sensor}_start": a, f"{sensor}_end": b, "label": 0}
            box, _ = nvGesture.load_data_from_file(config, sensor, 256, 256)
            modal = "depth" if sensor == "depth" else "rgb"
            expected = nvGesture.process_frames(box, 0, 0, 0, 0, "test", modal).permute(1, 0, 2, 3).numpy()
            (mine,) = answer
            if mine.shape != expected.shape:
                raise RuntimeError(f"{path}: {mine.shape}, not {expected.shape}")
            worst = max(worst, float(np.abs(mine - expected).max()))
        print(f"{preprocess}: {len(rows)} clips, largest difference {worst:.2g}", flush=True)
    return worst


def compare_all(folder, listed=None, released=None):
    paths = sorted(p for p in Path(folder).rglob("*") if p.suffix in (".avi", ".flv", ".mp4"))
    print(f"OpenCV {cv2.__version__}")
    worst = 0
    for name, step in (("whole", 1), ("once a second", "second")):
        requests = [{"path": str(path), "pixels": "BGR", "step": step} for path in paths]
        answers = ours(requests)
        worst = max(worst, report(name, [compare(p, a, theirs(p, step=step)) for p, a in zip(paths, answers)]))
    if listed is not None:
        rows = list(sources(folder, listed, "depth"))
        requests = [{"path": str(path), "pixels": "BGR", "from": a, "to": b} for path, a, b in rows]
        results = [compare(p, mine, theirs(p, a, b)) for (p, a, b), mine in zip(rows, ours(requests))]
        worst = max(worst, report("ranges", results))
    off = tensors(folder, listed, released) if released is not None else 0
    sys.exit(worst > LIMIT or off > 1e-5)


def scene(t, height=48, width=64):
    """A moving scene with colours, edges and grain."""
    y, x = np.mgrid[:height, :width]
    frame = np.stack([128 + 100 * np.sin((x + 2 * t) / 7), 128 + 100 * np.cos((y - t) / 5), 2.0 * (x + y) + 0 * x], -1)
    frame[10 + t % 20 : 22 + t % 20, 8:24] = (250, 20, 60)
    grain = np.random.default_rng(t).integers(-8, 8, frame.shape)
    return np.clip(frame + grain, 0, 255).astype(np.uint8)


def film(path, codec, rate, frames, options):
    import av

    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for t in range(frames):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(scene(t), "rgb24")))
        out.mux(stream.encode())


FILMS = {
    "mpeg4.avi": ("mpeg4", 10, {}),
    "h264.avi": ("libx264", 10, {"bf": "3"}),
    "mjpeg.avi": ("mjpeg", 10, {}),
    "h264.mp4": ("libx264", 10, {"bf": "3"}),
    "flv1.flv": ("flv", 10, {}),
    "h264.flv": ("libx264", 10, {"bf": "2"}),
}
SOUNDS = {"a.mp3": 22_050, "a.flac": 16_000, "a.ogg": 22_050}
FRAMES = 14


def goldens(file):
    import librosa
    import soundfile
    from safetensors.numpy import save_file

    warnings.simplefilter("ignore")
    found = {}
    bytes_of = lambda path: np.frombuffer(Path(path).read_bytes(), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        for name, (codec, rate, options) in FILMS.items():
            path = Path(folder) / name
            film(path, codec, rate, FRAMES, options)
            frames = list(theirs(path))
            found[f"film/{name}"] = bytes_of(path)
            found[f"frames/{name}"] = np.stack([frames[i] for i in (0, 5, len(frames) - 1)])
            found[f"count/{name}"] = np.array([len(frames)], np.int32)
        t = np.arange(6000)
        stereo = np.stack([0.4 * np.sin(0.05 * t), 0.3 * np.sin(0.083 * t)]).astype(np.float32)
        for name, rate in SOUNDS.items():
            path = Path(folder) / name
            soundfile.write(path, stereo.T, rate)
            samples, rate = librosa.load(path, sr=None)
            found[f"sound/{name}"] = bytes_of(path)
            found[f"samples/{name}"] = samples
            found[f"rate/{name}"] = np.array([rate], np.int32)
        for dtype in ("u1", "i1", "<u2", "<i2", "<i4", "<f2", "<f4", "<f8"):
            path = Path(folder) / "a.npy"
            array = np.array([[0, 1, 2.5], [3.25, 100, 7]]).astype(dtype)
            np.save(path, array)
            found[f"npy/{dtype}"] = bytes_of(path)
            found[f"numbers/{dtype}"] = array.astype(np.float32)
    picture = np.random.default_rng(0).integers(0, 256, (45, 60, 3), dtype=np.uint8)
    found["resize/picture"] = picture
    for side in (48, 64, 100):
        found[f"resize/{side}"] = cv2.resize(picture, (side, side))
    if hasattr(cv2, "optflow"):
        grey = lambda t: cv2.cvtColor(scene(t), cv2.COLOR_RGB2GRAY)
        blurred = [cv2.GaussianBlur(grey(t), (0, 0), 1.5) for t in (3, 4)]
        found["flow/pictures"] = np.stack(blurred)
        tvl1 = cv2.optflow.DualTVL1OpticalFlow_create(scaleStep=0.5, medianFiltering=1)
        found["flow/opencv"] = tvl1.calc(*blurred, None)
    found = {name: np.ascontiguousarray(x) for name, x in found.items()}
    save_file(found, file)
    print(len(found), "arrays", Path(file).stat().st_size // 1000, "kB, OpenCV", cv2.__version__)


# Numbers of ITU-T H.273, and FFmpeg's of ranges. Of each film: encoder, format of pixels, range, matrix, primaries, transfer.
UNTOLD, LIMITED, FULL = 2, 1, 2
BT709, BT470BG, BT601, SMPTE240M, BT2020 = 1, 5, 6, 7, 9
SRGB, TEN_BITS, PQ = 13, 14, 16
COLOURS = {
    "h264-bt709.mp4": ("libx264", "yuv420p", LIMITED, BT709, BT709, BT709),
    "h264-bt709-full.mp4": ("libx264", "yuvj420p", FULL, BT709, BT709, BT709),
    "h264-bt709-matrix-alone.mp4": ("libx264", "yuv420p", 0, BT709, UNTOLD, UNTOLD),
    "h264-bt601.flv": ("libx264", "yuv420p", LIMITED, BT601, BT601, BT601),
    "h264-bt470bg-full.mp4": ("libx264", "yuvj422p", FULL, BT470BG, BT470BG, SRGB),
    "h264-smpte240m-444.avi": ("libx264", "yuv444p", LIMITED, SMPTE240M, SMPTE240M, SMPTE240M),
    "h264-10.mp4": ("libx264", "yuv420p10le", 0, UNTOLD, UNTOLD, UNTOLD),
    "h264-10-bt709-422.mp4": ("libx264", "yuv422p10le", LIMITED, BT709, BT709, BT709),
    "h264-10-bt709-full.mp4": ("libx264", "yuv420p10le", FULL, BT709, BT709, BT709),
    "h264-10-bt2020-444-full.mp4": ("libx264", "yuv444p10le", FULL, BT2020, UNTOLD, UNTOLD),
    "h264-bt2020.mp4": ("libx264", "yuv420p", LIMITED, BT2020, UNTOLD, UNTOLD),
    "h265-10-bt2020-pq.mp4": ("libx265", "yuv420p10le", LIMITED, BT2020, BT2020, PQ),
    "h265-12-bt709.mp4": ("libx265", "yuv420p12le", LIMITED, BT709, BT709, BT709),
    "mjpeg-full-444.avi": ("mjpeg", "yuvj444p", FULL, UNTOLD, UNTOLD, UNTOLD),
    "mpeg2-bt709.mp4": ("mpeg2video", "yuv420p", LIMITED, BT709, BT709, BT709),
    "ffv1-10-422.avi": ("ffv1", "yuv422p10le", 0, UNTOLD, UNTOLD, UNTOLD),
    "ffv1-progressive.avi": ("ffv1", "yuv420p", 0, UNTOLD, UNTOLD, UNTOLD),
    "vp9-bt709.mp4": ("libvpx-vp9", "yuv420p", LIMITED, BT709, BT709, BT709),
}
# Films that OpenCV converts not at all: its frames hold what lay in memory.
UNCONVERTED = {
    "ffv1-interlaced.avi": ("ffv1", "yuv420p", 0, UNTOLD, UNTOLD, UNTOLD),
    "h264-ycgco.mp4": ("libx264", "yuv444p", LIMITED, 8, BT709, BT709),
    "h264-bt2020-constant-luminance.mp4": ("libx264", "yuv420p", LIMITED, 10, BT2020, TEN_BITS),
}


def told(path, encoder, pixels, span, matrix, primaries, transfer):
    """Writes a film whose head, or stream, says how its colours are coded."""
    import av

    # x265 ends in a fault of memory where pictures are smaller.
    width, height = (64, 48) if encoder == "libx265" else (48, 32)
    frames = 1 if encoder in ("ffv1", "mjpeg") else 2
    interlaced = "interlaced" in path.name
    graph = av.filter.Graph()
    source = graph.add_buffer(width=width, height=height, format="rgb24", time_base="1/10")
    steps = [graph.add("setfield", "tff" if interlaced else "prog"), graph.add("format", pixels), graph.add("buffersink")]
    for a, b in zip([source, *steps], steps):
        a.link_to(b)
    graph.configure()
    with av.open(str(path), "w") as out:
        stream = out.add_stream(encoder, rate=10, options={"x265-params": "log-level=none"} if encoder == "libx265" else {})
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        codec = stream.codec_context
        codec.color_range, codec.colorspace, codec.color_primaries, codec.color_trc = span, matrix, primaries, transfer
        if interlaced:
            codec.flags |= 1 << 18 | 1 << 29
        for t in range(frames):
            source.push(av.VideoFrame.from_ndarray(scene(t, height, width), "rgb24"))
            frame = steps[-1].pull()
            frame.pts, frame.color_range, frame.colorspace = t, span, matrix
            frame.color_primaries, frame.color_trc = primaries, transfer
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


def colours(file):
    """Of each film, and of its last frame, OpenCV's pixels."""
    from safetensors.numpy import save_file

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, kind in (COLOURS | UNCONVERTED).items():
            path = Path(folder) / name
            told(path, *kind)
            found[f"film/{name}"] = np.frombuffer(path.read_bytes(), np.uint8)
            frames = list(theirs(path))
            if name in COLOURS:
                found[f"last/{name}"] = np.ascontiguousarray(frames[-1])
    save_file(found, file)
    print(len(found), "arrays", Path(file).stat().st_size // 1000, "kB, OpenCV", cv2.__version__)


# Of speech in Opus: the rate that it was made from, channels, and what the encoder is to take it for.
SPEECH = {
    "speech-8000.opus": (8_000, 1, "voip"),
    "speech-16000.opus": (16_000, 1, "voip"),
    "speech-24000-stereo.opus": (24_000, 2, "voip"),
    "music-48000.opus": (48_000, 1, "audio"),
}
# Of MP3: rate, channels, thousands of bits a second, the note in a frame before the sound.
NOTED = {
    "vbri-44100-stereo.mp3": (44_100, 2, 64, b"VBRI"),
    "vbri-22050-mono.mp3": (22_050, 1, 32, b"VBRI"),
    "xing-44100-mono.mp3": (44_100, 1, 48, b"Xing"),
    "no-note-16000-mono.mp3": (16_000, 1, 32, None),
}


def speech(path, rate, channels, application):
    import av

    t = np.arange(rate // 5) / rate
    voice = 0.4 * np.sin(2 * np.pi * (150 + 300 * t) * t) * (0.6 + 0.4 * np.sin(40 * t))
    samples = np.stack([voice, 0.5 * voice[::-1]][:channels]).astype(np.float32)
    with av.open(str(path), "w") as out:
        options = {"application": application}
        stream = out.add_stream("libopus", rate=rate, layout=["mono", "stereo"][channels - 1], options=options)
        stream.bit_rate = 12_000 * channels if application == "voip" else 48_000
        frame = av.AudioFrame.from_ndarray(samples, "fltp", ["mono", "stereo"][channels - 1])
        frame.sample_rate = rate
        out.mux(stream.encode(frame))
        out.mux(stream.encode())


def noted(path, rate, channels, bits, note):
    """Writes MP3 frames of one length after one that holds a note of how many follow and nothing to hear."""
    import av

    samples = np.stack([0.4 * np.sin(0.05 * np.arange(4000)), 0.3 * np.sin(0.083 * np.arange(4000))][:channels])
    with av.open(str(path), "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as out:
        layout = ["mono", "stereo"][channels - 1]
        stream = out.add_stream("libmp3lame", rate=rate, layout=layout)
        stream.bit_rate = 1000 * bits
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float32), "fltp", layout)
        frame.sample_rate = rate
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    if note is None:
        return
    frames = path.read_bytes()
    is_full = rate >= 32_000
    length = (144 if is_full else 72) * 1000 * bits // rate
    count = round(len(frames) / length)
    head = bytearray(length)
    # Without padding.
    head[:4] = bytes([frames[0], frames[1], frames[2] & ~2, frames[3]])
    if note == b"VBRI":
        fields = struct.pack(">HHHIIHHHH", 1, 0, 75, len(frames) + length, count, 1, 1, 2, count)
        head[36 : 40 + len(fields)] = note + fields
    else:
        side = (17 if channels == 1 else 32) if is_full else (9 if channels == 1 else 17)
        fields = struct.pack(">III", 3, count, len(frames) + length)
        head[4 + side : 8 + side + len(fields)] = note + fields
    path.write_bytes(bytes(head) + frames)


def sounds(file):
    import librosa
    from safetensors.numpy import save_file

    warnings.simplefilter("ignore")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in SPEECH | NOTED:
            path = Path(folder) / name
            speech(path, *SPEECH[name]) if name in SPEECH else noted(path, *NOTED[name])
            samples, rate = librosa.load(path, sr=None)
            found[f"sound/{name}"] = np.frombuffer(path.read_bytes(), np.uint8)
            found[f"samples/{name}"] = np.ascontiguousarray(samples)
            found[f"rate/{name}"] = np.array([rate], np.int32)
            print(name, len(samples), rate)
    save_file(found, file)
    print(len(found), "arrays", Path(file).stat().st_size // 1000, "kB, librosa", librosa.__version__)


if __name__ == "__main__":
    {"goldens": goldens, "colours": colours, "sounds": sounds, "compare": compare_all}[sys.argv[1]](*sys.argv[2:])
