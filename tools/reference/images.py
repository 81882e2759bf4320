"""Images of odd sizes, modes and formats, and what PIL and torchvision make of them.

    python images.py FOLDER                 200 images, a file each, about 210 MB
    python images.py FILE --golden          the small ones that are committed, in one file

A safetensors file holds for each image NAME as uint8 `NAME/file` (the bytes that a camera, a scraper or a tool might have
left), `NAME/rgb` (h × w × 3) and `NAME/grey` (h × w), what `Image.open(f).convert(...)` gives, `NAME/oriented` after
`ImageOps.exif_transpose` where that differs, and `NAME/0` and so on, the outputs of the transforms that its metadata list.
The first of the golden images also has `NAME/clip`, its `NAME/0` as float32 with CLIP's mean and deviation.
The pixels are drawn from numpy's PCG64 with the image's number as its seed.
"""

import io
import json
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps, PngImagePlugin, features
from PIL import __version__ as pillow
from safetensors.torch import save_file
from torchvision import __version__ as torchvision
from torchvision.transforms import InterpolationMode, functional

warnings.simplefilter("ignore")
FILTERS = {"bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC}


# What the pictures show: a wave of each colour, a hard edge, and noise.
def pixels(rng, w, h, channels=3, top=255):
    y, x = np.mgrid[0:h, 0:w]
    out = np.zeros((h, w, channels))
    for c in range(channels):
        fx, fy, phase = rng.uniform(0.01, 0.5), rng.uniform(0.01, 0.5), rng.uniform(0, 6)
        out[..., c] = 0.5 + 0.4 * np.sin(fx * x + fy * y + phase)
    out[(x * 3 + y * 2) % 41 < 7] = rng.uniform(0, 1, channels)
    out += rng.normal(0, 0.06, out.shape)
    return np.clip(np.rint(out * top), 0, top).astype(np.uint16 if top > 255 else np.uint8)


def image(rng, w, h, mode="RGB"):
    if mode == "1":
        return Image.fromarray(pixels(rng, w, h, 1)[..., 0]).convert("1")
    if mode == "P":
        return image(rng, w, h).quantize(64)
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    data = pixels(rng, w, h, channels)
    if channels == 1:
        return Image.fromarray(data[..., 0])
    bands = [Image.fromarray(np.ascontiguousarray(data[..., c])) for c in range(channels)]
    return Image.merge(mode, bands)


# Writers of what PIL cannot write.
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png(data, depth, colour, chunks=(), interlaced=False):
    """A PNG of samples (h × w × channels) of `depth` bits and a colour type, with further chunks before its pixels."""
    h, w, channels = data.shape

    def rows(part):
        if part.size == 0:
            return b""
        if depth == 16:
            packed = part.astype(">u2").reshape(part.shape[0], -1).view(np.uint8)
        elif depth == 8:
            packed = part.reshape(part.shape[0], -1)
        else:
            bits = ((part.reshape(part.shape[0], -1, 1) >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
            packed = np.packbits(bits.reshape(part.shape[0], -1), axis=1)
        return b"".join(b"\0" + row.tobytes() for row in packed)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    parts = [data[y::dy, x::dx] for x, y, dx, dy in ADAM7] if interlaced else [data]
    header = struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, int(interlaced))
    body = b"".join(chunk(kind, body) for kind, body in chunks)
    pixels = chunk(b"IDAT", zlib.compress(b"".join(map(rows, parts))))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + pixels + chunk(b"IEND", b"")


def gif(rng, canvas, box, transparent=None, background=0):
    """A GIF whose only frame fills a box of its canvas, stored in 9-bit codes that never grow."""
    left, top, w, h = box
    table = rng.integers(0, 256, (256, 3), dtype=np.uint8).tobytes()
    head = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0xF7, background, 0) + table
    control = b"" if transparent is None else b"!\xf9\x04\x01\0\0" + bytes([transparent]) + b"\0"
    codes = []
    for i, v in enumerate(rng.integers(0, 256, w * h)):
        codes += [256, int(v)] if i % 200 == 0 else [int(v)]
    bits = np.array([[c >> k & 1 for k in range(9)] for c in codes + [257]]).reshape(-1)
    data = np.packbits(bits.astype(np.uint8), bitorder="little").tobytes()
    blocks = b"".join(bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255))
    return head + control + b"," + struct.pack("<HHHHB", left, top, w, h, 0) + b"\x08" + blocks + b"\0;"


def swapped_profile():
    """An ICC profile that, were it applied, would swap red and blue."""
    raw = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = {bytes(raw[132 + 12 * i : 136 + 12 * i]): 136 + 12 * i for i in range(struct.unpack(">I", raw[128:132])[0])}
    red, blue = at[b"rXYZ"], at[b"bXYZ"]
    raw[red : red + 8], raw[blue : blue + 8] = raw[blue : blue + 8], raw[red : red + 8]
    return bytes(raw)


def saved(picture, form, **options):
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def oriented(n):
    exif = Image.Exif()
    exif[0x0112] = n
    return exif


def text_chunks(**chunks):
    info = PngImagePlugin.PngInfo()
    for kind, body in chunks.items():
        info.add(kind.encode(), body)
    return info


GAMMA = {"gAMA": struct.pack(">I", 100000)}
GREY_RAMP = [v for i in range(256) for v in (i, i, i)]


def grey_palette(rng, w, h):
    picture = image(rng, w, h, "L").copy()
    out = Image.fromarray(np.array(picture), "L").convert("P")
    out.putpalette(GREY_RAMP)
    return out


KINDS = {
    # JPEG
    "jpeg-444.jpg": lambda r, w, h: saved(image(r, w, h), "JPEG", quality=92, subsampling=0),
    "jpeg-422.jpg": lambda r, w, h: saved(image(r, w, h), "JPEG", quality=85, subsampling=1),
    "jpeg-420.jpg": lambda r, w, h: saved(image(r, w, h), "JPEG", quality=75, subsampling=2),
    "jpeg-progressive.jpg": lambda r, w, h: saved(image(r, w, h), "JPEG", quality=60, progressive=True),
    "jpeg-restart.jpg": lambda r, w, h: saved(image(r, w, h), "JPEG", quality=70, restart_marker_blocks=2),
    "jpeg-rgb.jpg": lambda r, w, h: saved(image(r, w, h), "JPEG", quality=80, keep_rgb=True),
    "jpeg-grey.jpg": lambda r, w, h: saved(image(r, w, h, "L"), "JPEG", quality=80),
    "jpeg-cmyk.jpg": lambda r, w, h: saved(image(r, w, h, "CMYK"), "JPEG", quality=85),
    "jpeg-icc.jpg": lambda r, w, h: saved(image(r, w, h), "JPEG", icc_profile=swapped_profile()),
    "jpeg-coarse.jpg": lambda r, w, h: saved(image(r, w, h), "JPEG", quality=5),
    "jpeg-exif6.jpg": lambda r, w, h: saved(image(r, w, h), "JPEG", quality=90, exif=oriented(6)),
    "jpeg-exif3.jpg": lambda r, w, h: saved(image(r, w, h), "JPEG", quality=90, exif=oriented(3)),
    "jpeg-exif7.jpg": lambda r, w, h: saved(image(r, w, h), "JPEG", quality=90, exif=oriented(7)),
    "jpeg-trailing.jpg": lambda r, w, h: saved(image(r, w, h), "JPEG", quality=75) + bytes(777),
    "jpeg-named.png": lambda r, w, h: saved(image(r, w, h), "JPEG", quality=75),
    # PNG
    "png-rgb.png": lambda r, w, h: saved(image(r, w, h), "PNG"),
    "png-rgba.png": lambda r, w, h: saved(image(r, w, h, "RGBA"), "PNG"),
    "png-grey.png": lambda r, w, h: saved(image(r, w, h, "L"), "PNG"),
    "png-grey-alpha.png": lambda r, w, h: saved(image(r, w, h, "LA"), "PNG"),
    "png-palette.png": lambda r, w, h: saved(image(r, w, h, "P"), "PNG"),
    "png-palette-alpha.png": lambda r, w, h: saved(image(r, w, h, "P"), "PNG", transparency=bytes(range(0, 256, 4))),
    "png-palette-key.png": lambda r, w, h: saved(image(r, w, h, "P"), "PNG", transparency=3),
    "png-rgb-key.png": lambda r, w, h: saved(image(r, w, h), "PNG", transparency=(10, 20, 30)),
    "png-grey-key.png": lambda r, w, h: saved(image(r, w, h, "L"), "PNG", transparency=100),
    "png-bits1.png": lambda r, w, h: saved(image(r, w, h, "1"), "PNG"),
    "png-bits2.png": lambda r, w, h: png(pixels(r, w, h, 1, 3), 2, 0),
    "png-bits4.png": lambda r, w, h: png(pixels(r, w, h, 1, 15), 4, 0),
    "png-palette4.png": lambda r, w, h: png(
        pixels(r, w, h, 1, 15), 4, 3, [(b"PLTE", r.integers(0, 256, 48, dtype=np.uint8).tobytes())]
    ),
    "png-grey16.png": lambda r, w, h: png(pixels(r, w, h, 1, 65535), 16, 0),
    "png-grey16-dark.png": lambda r, w, h: png(pixels(r, w, h, 1, 400), 16, 0),
    "png-grey16-key.png": lambda r, w, h: png(pixels(r, w, h, 1, 400), 16, 0, [(b"tRNS", b"\0\x64")]),
    "png-rgb16.png": lambda r, w, h: png(pixels(r, w, h, 3, 65535), 16, 2),
    "png-rgba16.png": lambda r, w, h: png(pixels(r, w, h, 4, 65535), 16, 6),
    "png-grey-alpha16.png": lambda r, w, h: png(pixels(r, w, h, 2, 65535), 16, 4),
    "png-rgb16-interlaced.png": lambda r, w, h: png(pixels(r, w, h, 3, 65535), 16, 2, interlaced=True),
    "png-grey16-interlaced.png": lambda r, w, h: png(pixels(r, w, h, 1, 300), 16, 0, interlaced=True),
    "png-interlaced.png": lambda r, w, h: png(pixels(r, w, h, 3), 8, 2, interlaced=True),
    "png-gamma.png": lambda r, w, h: saved(image(r, w, h), "PNG", pnginfo=text_chunks(**GAMMA)),
    "png-grey-gamma.png": lambda r, w, h: saved(image(r, w, h, "L"), "PNG", pnginfo=text_chunks(**GAMMA)),
    "png-icc.png": lambda r, w, h: saved(image(r, w, h), "PNG", icc_profile=swapped_profile()),
    "png-exif8.png": lambda r, w, h: saved(image(r, w, h), "PNG", exif=oriented(8)),
    # WebP
    "webp-lossy.webp": lambda r, w, h: saved(image(r, w, h), "WEBP", quality=80),
    "webp-lossy-alpha.webp": lambda r, w, h: saved(image(r, w, h, "RGBA"), "WEBP", quality=80),
    "webp-lossless.webp": lambda r, w, h: saved(image(r, w, h), "WEBP", lossless=True),
    "webp-lossless-alpha.webp": lambda r, w, h: saved(image(r, w, h, "RGBA"), "WEBP", lossless=True, exact=True),
    "webp-icc.webp": lambda r, w, h: saved(image(r, w, h), "WEBP", icc_profile=swapped_profile()),
    "webp-animated.webp": lambda r, w, h: saved(
        image(r, w, h), "WEBP", save_all=True, append_images=[image(r, w, h)], lossless=True
    ),
    # GIF
    "gif-palette.gif": lambda r, w, h: saved(image(r, w, h, "P"), "GIF"),
    "gif-grey.gif": lambda r, w, h: saved(image(r, w, h, "L"), "GIF"),
    "gif-transparent.gif": lambda r, w, h: saved(image(r, w, h, "P"), "GIF", transparency=5),
    "gif-animated.gif": lambda r, w, h: saved(
        image(r, w, h, "P"), "GIF", save_all=True, append_images=[image(r, w, h, "P"), image(r, w, h, "P")]
    ),
    "gif-part.gif": lambda r, w, h: gif(r, (w + 5, h + 3), (2, 1, w, h)),
    "gif-part-transparent.gif": lambda r, w, h: gif(r, (w + 5, h + 3), (2, 1, w, h), transparent=9, background=7),
    # TIFF
    "tiff-raw.tif": lambda r, w, h: saved(image(r, w, h), "TIFF"),
    "tiff-lzw.tif": lambda r, w, h: saved(image(r, w, h), "TIFF", compression="tiff_lzw"),
    "tiff-grey.tif": lambda r, w, h: saved(image(r, w, h, "L"), "TIFF", compression="tiff_adobe_deflate"),
    "tiff-rgba.tif": lambda r, w, h: saved(image(r, w, h, "RGBA"), "TIFF"),
    "tiff-palette.tif": lambda r, w, h: saved(image(r, w, h, "P"), "TIFF"),
    "tiff-bits1.tif": lambda r, w, h: saved(image(r, w, h, "1"), "TIFF"),
    "tiff-cmyk.tif": lambda r, w, h: saved(image(r, w, h, "CMYK"), "TIFF"),
    "tiff-grey16.tif": lambda r, w, h: saved(Image.fromarray(pixels(r, w, h, 1, 400)[..., 0]), "TIFF"),
    "tiff-float.tif": lambda r, w, h: saved(
        Image.fromarray(pixels(r, w, h, 1, 400)[..., 0].astype(np.float32) - 50.3), "TIFF"
    ),
    "tiff-exif6.tif": lambda r, w, h: saved(image(r, w, h), "TIFF", tiffinfo={0x0112: 6}),
    "tiff-icc.tif": lambda r, w, h: saved(image(r, w, h), "TIFF", icc_profile=swapped_profile()),
}

# Widths and heights: dots, lines, primes, squares, photographs, and strips.
SIZES = [
    (1, 1), (1, 7), (9, 1), (2, 2), (3, 5), (13, 17), (31, 37), (8, 8), (16, 16), (17, 15), (64, 48), (97, 101),
    (223, 227), (224, 224), (256, 192), (448, 448), (500, 375), (333, 500), (640, 480), (997, 13), (7, 991),
    (1500, 3), (3, 1400), (811, 607), (1, 300), (400, 1), (1280, 853),
]  # fmt: skip
SMALL = [(13, 17), (31, 23), (1, 9), (24, 7), (16, 16)]


def transforms(rng, w, h, golden):
    """The transforms of an image: whole, shorter side and centre, and a box; each by its parameters."""
    side = 11 if golden else 224
    out = [{"kind": "resize", "size": [side, side], "filter": "bilinear"}]
    if golden:
        out.append({"kind": "resize", "size": [7, 20], "filter": "bicubic"})
    else:
        out.append({"kind": "resize", "size": [side, side], "filter": "bicubic"})
        out.append({"kind": "resize", "size": [int(rng.integers(1, 300)), int(rng.integers(1, 300))], "filter": "bicubic"})
    if max(w, h) / min(w, h) < 40:
        shorter = 13 if golden else 256
        out.append({"kind": "centre", "shorter": shorter, "size": [side, side], "filter": "bilinear"})
    top, left = int(rng.integers(0, h)), int(rng.integers(0, w))
    box = [top, left, int(rng.integers(1, h - top + 1)), int(rng.integers(1, w - left + 1))]
    name = "bicubic" if rng.integers(2) else "bilinear"
    out.append({"kind": "crop", "box": box, "size": [side, side - 2], "filter": name, "flip": bool(rng.integers(2))})
    return out


def apply(rgb, t):
    mode = FILTERS[t["filter"]]
    if t["kind"] == "resize":
        return functional.resize(rgb, t["size"], mode)
    if t["kind"] == "centre":
        return functional.center_crop(functional.resize(rgb, t["shorter"], mode), t["size"])
    out = functional.resized_crop(rgb, *t["box"], t["size"], mode)
    return functional.hflip(out) if t["flip"] else out


def tensor(picture):
    return torch.from_numpy(np.array(picture)).contiguous()


def case(number, golden):
    """The tensors of an image, and its name with its transforms."""
    rng = np.random.default_rng(number)
    kinds = list(KINDS.items())
    kind, write = kinds[number % len(kinds)]
    w, h = SMALL[number % len(SMALL)] if golden else SIZES[(number * 5 + number // len(kinds)) % len(SIZES)]
    name = kind if golden else f"{number:03d}-{w}x{h}-{kind}"
    file = write(rng, w, h)
    with Image.open(io.BytesIO(file)) as opened:
        rgb, grey, turned = opened.convert("RGB"), opened.convert("L"), ImageOps.exif_transpose(opened).convert("RGB")
    tensors = {"file": torch.frombuffer(bytearray(file), dtype=torch.uint8), "rgb": tensor(rgb), "grey": tensor(grey)}
    if "exif" in kind:
        tensors["oriented"] = tensor(turned)
    listed = transforms(rng, rgb.width, rgb.height, golden)
    tensors |= {str(i): tensor(apply(rgb, t)) for i, t in enumerate(listed)}
    if golden and number == 0:
        scaled = functional.to_tensor(apply(rgb, listed[0]))
        tensors["clip"] = functional.normalize(
            scaled, (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
        )
    return {f"{name}/{key}": value for key, value in tensors.items()}, {"name": name, "transforms": listed}


def main(out, golden):
    versions = {"pillow": pillow, "torchvision": torchvision, "jpeg": features.version("libjpeg_turbo")}

    def write(file, tensors, rows):
        save_file(tensors, file, {"versions": json.dumps(versions), "images": json.dumps(rows)})

    if golden:
        cases = [case(number, True) for number in range(len(KINDS))]
        write(out, {key: value for tensors, _ in cases for key, value in tensors.items()}, [row for _, row in cases])
    else:
        out.mkdir(parents=True, exist_ok=True)
        for number in range(200):
            tensors, row = case(number, False)
            write(out / f"{row['name']}.safetensors", tensors, [row])
    print(f"{len(KINDS)} kinds of images: {versions}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--golden" in sys.argv[2:])
