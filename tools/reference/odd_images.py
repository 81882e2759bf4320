"""Images of rare kinds, and what PIL makes of them: all kinds of TIFF samples, odd GIFs, CMYK JPEGs, and orientations.

    python odd_images.py FOLDER             all of them, some 4,100 files, each with PIL's pixels beside it
    python odd_images.py FILE --golden      the few that are committed, in one file
    python odd_images.py FOLDER --of IN     PIL's pixels of the files of another folder

In a folder, NAME has beside it `NAME.json`: for `plain` (`convert("RGB")`) and for `orient` (`ImageOps.exif_transpose`
before it) the size and the SHA-256 of the pixels, or the error; and `NAME.plain` and `NAME.orient`, the pixels.
The golden file is a safetensors file with `NAME/file`, and `NAME/plain` and `NAME/orient` (h × w × 3) where PIL reads it;
`orient` is left out where it is the same. What PIL refuses has its error in the metadata.
"""

import hashlib
import io
import json
import struct
import sys
import warnings
import zlib
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from PIL import __version__ as pillow

warnings.simplefilter("ignore")
W, H = 29, 19


# --- TIFF -------------------------------------------------------------------------------------------------------------
def packed(part, bits, order, kind):
    """Rows of samples (h × n) as bytes; a row starts at a byte."""
    if kind == 3:
        return part.astype(order + {16: "f2", 32: "f4", 64: "f8"}[bits]).tobytes()
    if bits in (8, 16, 32):
        return part.astype(order + {8: "u1", 16: "u2", 32: "u4"}[bits]).tobytes()
    ones = ((part[..., None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8)
    return np.packbits(ones.reshape(part.shape[0], -1), axis=1).tobytes()


REVERSED = bytes(int(f"{i:08b}"[::-1], 2) for i in range(256))


def tiff(
    data, bits=8, photometric=2, order="<", kind=None, extra=(), planar=1, fill=1, deflate=False, rows=None, tile=None,
    tags=None, without=(), subsampled=None, magic=42,
):  # fmt: skip
    """A TIFF of samples (h × w × channels). `tags` are further ones: tag to (type, values)."""
    h, w, channels = data.shape
    planes = [data[..., c : c + 1] for c in range(channels)] if planar == 2 else [data]
    pieces = []
    for plane in planes:
        if tile:
            tw, th = tile
            for y, x in product(range(0, h, th), range(0, w, tw)):
                part = np.zeros((th, tw, plane.shape[2]), plane.dtype)
                some = plane[y : y + th, x : x + tw]
                part[: some.shape[0], : some.shape[1]] = some
                pieces.append(part)
        else:
            pieces += [plane[y : y + (rows or h)] for y in range(0, h, rows or h)]
    bodies = subsampled or [packed(p.reshape(p.shape[0], -1), bits, order, kind) for p in pieces]
    if fill == 2:
        bodies = [b.translate(REVERSED) for b in bodies]
    if deflate:
        bodies = [zlib.compress(b) for b in bodies]
        if fill == 2:  # libtiff turns the bits of what is compressed
            bodies = [b.translate(REVERSED) for b in bodies]
    out = bytearray((b"II" if order == "<" else b"MM") + struct.pack(order + "HL", magic, 0))
    offsets = []
    for body in bodies:
        offsets.append(len(out))
        out += body + b"\0" * (len(body) % 2)
    listed = {
        256: (4, [w]),
        257: (4, [h]),
        258: (3, [bits] * channels),
        259: (3, [8 if deflate else 1]),
        262: (3, [photometric]),
        266: (3, [fill]),
        277: (3, [channels]),
        284: (3, [planar]),
    }
    if fill == 1:
        del listed[266]
    if tile:
        listed |= {322: (4, [tile[0]]), 323: (4, [tile[1]]), 324: (4, offsets), 325: (4, list(map(len, bodies)))}
    else:
        listed |= {273: (4, offsets), 278: (4, [rows or h]), 279: (4, list(map(len, bodies)))}
    if extra:
        listed[338] = (3, list(extra))
    if kind:
        listed[339] = (3, [kind] * channels)
    listed |= tags or {}
    entries = b""
    for tag, (type_, values) in sorted(listed.items()):
        if tag in without:
            continue
        form = {1: "B", 2: "B", 3: "H", 4: "L", 5: "L", 6: "b", 7: "B", 8: "h", 9: "l", 11: "f", 12: "d"}[type_]
        body = struct.pack(order + form * len(values), *values)
        count = len(values) // 2 if type_ == 5 else len(values)
        if len(body) > 4:
            at = len(out)
            out += body + b"\0" * (len(body) % 2)
            body = struct.pack(order + "L", at)
        entries += struct.pack(order + "HHL", tag, type_, count) + body.ljust(4, b"\0")
    struct.pack_into(order + "L", out, 4, len(out))
    return bytes(out + struct.pack(order + "H", len(entries) // 12) + entries + bytes(4))


def waves(rng, channels, top, w=None, h=None):
    w, h = w or W, h or H
    y, x = np.mgrid[0:h, 0:w]
    out = np.stack([0.5 + 0.45 * np.sin(0.2 * (c + 1) * x + 0.3 * y + c) for c in range(channels)], axis=-1)
    out += rng.normal(0, 0.04, out.shape)
    return np.clip(np.rint(out * top), 0, top).astype(np.int64)


def coloured(rng, bits, wide=True):
    values = rng.integers(0, 256, 3 << bits)
    return {320: (3, [int(v) * 257 if wide else int(v) for v in values])}


def premultiplied(data, alpha=-1):
    top = data.max()
    out = data.copy()
    colours = [c for c in range(data.shape[2]) if c != alpha % data.shape[2]]
    for c in colours:
        out[..., c] = data[..., c] * data[..., alpha] // max(1, top)
    out[:2, :3] = 0
    return out


def tiff_kinds():
    """All kinds: name to the arguments of `tiff` without those of the layout."""
    rng = np.random.default_rng(18)
    kinds = {}
    for bits in (1, 2, 4, 8, 12, 16, 32):
        top = 2**bits - 1
        for photometric in (0, 1):
            for name, high in {"": top, "-dark": 400}.items():
                if high <= top:
                    kinds[f"grey{bits}-{photometric}{name}"] = dict(
                        data=waves(rng, 1, high), bits=bits, photometric=photometric
                    )
        if bits <= 8:
            kinds[f"palette{bits}"] = dict(data=waves(rng, 1, top), bits=bits, photometric=3, tags=coloured(rng, bits))
            kinds[f"palette{bits}-narrow"] = dict(
                data=waves(rng, 1, top), bits=bits, photometric=3, tags=coloured(rng, bits, False)
            )
            grey = [round(65535 * i / top) for i in range(top + 1)] * 3
            kinds[f"palette{bits}-grey"] = dict(
                data=waves(rng, 1, top), bits=bits, photometric=3, tags={320: (3, grey)}
            )
    for bits in (8, 16, 32):
        for photometric in (0, 1):
            kinds[f"signed{bits}-{photometric}"] = dict(
                data=waves(rng, 1, 300)[...] % 2**bits, bits=bits, photometric=photometric, kind=2
            )
        kinds[f"signed{bits}-rgb"] = dict(data=waves(rng, 3, 255), bits=bits, kind=2)
    for bits in (16, 32, 64):
        for photometric in (0, 1):
            kinds[f"float{bits}-{photometric}"] = dict(
                data=waves(rng, 1, 400) - 50.3, bits=bits, photometric=photometric, kind=3
            )
            kinds[f"float{bits}-{photometric}-small"] = dict(
                data=waves(rng, 1, 400) / 400, bits=bits, photometric=photometric, kind=3
            )
        kinds[f"float{bits}-rgb"] = dict(data=waves(rng, 3, 255) / 255, bits=bits, kind=3)
    for bits in (8, 16):
        top = 2**bits - 1
        for extra in ((), (0,), (1,), (2,), (3,), (999,)):
            name = "".join(map(str, extra)) or "none"
            kinds[f"grey{bits}-extra-{name}"] = dict(
                data=premultiplied(waves(rng, 2, top)), bits=bits, photometric=1, extra=extra
            )
            kinds[f"white{bits}-extra-{name}"] = dict(
                data=premultiplied(waves(rng, 2, top)), bits=bits, photometric=0, extra=extra
            )
            kinds[f"rgb{bits}-extra-{name}"] = dict(data=premultiplied(waves(rng, 4, top)), bits=bits, extra=extra)
            kinds[f"cmyk{bits}-extra-{name}"] = dict(data=waves(rng, 5, top), bits=bits, photometric=5, extra=extra)
            if bits == 8:
                kinds[f"palette8-extra-{name}"] = dict(
                    data=waves(rng, 2, top), photometric=3, extra=extra, tags=coloured(rng, 8)
                )
        for extra in ((0, 0), (1, 0), (2, 0), (0, 2), (0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 0, 0, 0)):
            name = "".join(map(str, extra))
            kinds[f"rgb{bits}-extra-{name}"] = dict(
                data=premultiplied(waves(rng, 3 + len(extra), top), 3), bits=bits, extra=extra
            )
        kinds[f"cmyk{bits}-extra-00"] = dict(data=waves(rng, 6, top), bits=bits, photometric=5, extra=(0, 0))
        kinds[f"rgb{bits}"] = dict(data=waves(rng, 3, top), bits=bits)
        kinds[f"rgb{bits}-straight"] = dict(data=waves(rng, 4, top), bits=bits, extra=(1,))
        kinds[f"cmyk{bits}"] = dict(data=waves(rng, 4, top), bits=bits, photometric=5)
        kinds[f"ink{bits}"] = dict(data=waves(rng, 4, top), bits=bits, photometric=5, tags={332: (3, [2])})
        kinds[f"ink3-{bits}"] = dict(data=waves(rng, 3, top), bits=bits, photometric=5, tags={332: (3, [2])})
        for name, tags in {
            "": {530: (3, [1, 1])},
            "-untold": {},
            "-full": {530: (3, [1, 1]), 532: (5, [0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1])},
            "-narrow": {530: (3, [1, 1]), 532: (5, [16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1])},
            "-709": {530: (3, [1, 1]), 529: (5, [2126, 10000, 7152, 10000, 722, 10000])},
        }.items():
            kinds[f"ycbcr{bits}{name}"] = dict(data=waves(rng, 3, top), bits=bits, photometric=6, tags=tags)
        kinds[f"ycbcr{bits}-1"] = dict(data=waves(rng, 1, top), bits=bits, photometric=6)
        for code, name in {
            8: "lab",
            9: "icclab",
            10: "itulab",
            4: "mask",
            32803: "cfa",
            32844: "logl",
            34892: "linear",
            7: "seven",
        }.items():
            kinds[f"{name}{bits}"] = dict(data=waves(rng, 3, top), bits=bits, photometric=code)
            kinds[f"{name}{bits}-1"] = dict(data=waves(rng, 1, top), bits=bits, photometric=code)
    kinds["rgb4"] = dict(data=waves(rng, 3, 15), bits=4)
    kinds["rgb12"] = dict(data=waves(rng, 3, 4095), bits=12)
    kinds["rgb32"] = dict(data=waves(rng, 3, 2**32 - 1), bits=32)
    kinds["palette16"] = dict(data=waves(rng, 1, 255), bits=16, photometric=3, tags=coloured(rng, 16))
    kinds["grey8-untold"] = dict(data=waves(rng, 1, 255), photometric=1, without=(262,))
    kinds["grey1-untold"] = dict(data=waves(rng, 1, 1), bits=1, photometric=1, without=(258, 262, 277))
    kinds["rgb8-untold"] = dict(data=waves(rng, 3, 255), without=(262,))
    kinds["rgb8-bits-once"] = dict(data=waves(rng, 3, 255), tags={258: (3, [8])})
    kinds["rgb8-bits-more"] = dict(data=waves(rng, 3, 255), tags={258: (3, [8, 8, 8, 8])})
    kinds["rgb8-bits-odd"] = dict(data=waves(rng, 3, 255), tags={258: (3, [8, 8, 16])})
    kinds["rgb8-samples-untold"] = dict(data=waves(rng, 3, 255), without=(277,))
    kinds["rgb8-format4"] = dict(data=waves(rng, 3, 255), kind=4)
    kinds["grey8-format-two"] = dict(data=waves(rng, 1, 255), photometric=1, tags={339: (3, [1, 1])})
    kinds["rgb8-photometric-two"] = dict(data=waves(rng, 3, 255), tags={262: (3, [2, 2])})
    kinds["rgb8-long-tags"] = dict(data=waves(rng, 3, 255), tags={258: (4, [8, 8, 8]), 262: (4, [2]), 277: (4, [3])})
    kinds["rgb8-byte-tags"] = dict(data=waves(rng, 3, 255), tags={262: (1, [2]), 277: (1, [3])})
    kinds["grey8-colormap"] = dict(data=waves(rng, 1, 255), photometric=1, tags=coloured(rng, 8))
    kinds["palette8-short"] = dict(
        data=waves(rng, 1, 255), photometric=3, tags={320: (3, [int(v) for v in rng.integers(0, 65536, 96)])}
    )
    kinds["palette8-none"] = dict(data=waves(rng, 1, 255), photometric=3)
    return kinds


LAYOUTS = {
    "strip": dict(),
    "strips": dict(rows=4),
    "tiles": dict(tile=(16, 16)),
    "planes": dict(planar=2),
    "planes-strips": dict(planar=2, rows=5),
    "planes-tiles": dict(planar=2, tile=(16, 16)),
    "deflate": dict(deflate=True, rows=7),
    "deflate-planes": dict(deflate=True, planar=2),
    "fill2": dict(fill=2),
}


def tiffs():
    for name, kind in tiff_kinds().items():
        for layout, how in LAYOUTS.items():
            if "plan" in layout and kind["data"].shape[2] == 1:
                continue
            for order in "<>":
                yield (
                    f"tiff-{name}-{layout}-{'le' if order == '<' else 'be'}.tif",
                    tiff(**{**kind, **how, "order": order}),
                )
    rng = np.random.default_rng(19)
    rgb = Image.fromarray(waves(rng, 3, 255).astype(np.uint8))
    for compression in ("tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg", "lzma", "zstd", "webp", "tiff_deflate"):
        for mode in ("RGB", "L", "YCbCr", "CMYK", "RGBA", "P", "LAB", "LA", "I;16", "F"):
            try:
                yield (
                    f"tiff-{compression}-{mode.replace(';', '')}.tif",
                    saved(
                        rgb.convert(mode) if mode != "LAB" else Image.merge("LAB", rgb.split()),
                        "TIFF",
                        compression=compression,
                    ),
                )
            except Exception:
                pass
    for compression in ("group3", "group4", "tiff_ccitt"):
        yield f"tiff-{compression}.tif", saved(rgb.convert("1"), "TIFF", compression=compression)
    for sub in ((2, 2), (2, 1), (1, 2), (4, 1), (4, 2)):
        yield f"tiff-ycbcr-sub{sub[0]}{sub[1]}.tif", tiff(
            waves(rng, 3, 255, 32, 16), photometric=6, tags={530: (3, list(sub))},
            subsampled=[rng.integers(0, 256, 32 * 16 + 2 * (32 // sub[0]) * (16 // sub[1]), dtype=np.uint8).tobytes()],
        )  # fmt: skip
        for deflate in (False, True):
            yield (
                f"tiff-ycbcr-said{sub[0]}{sub[1]}-{int(deflate)}.tif",
                tiff(waves(rng, 3, 255), photometric=6, tags={530: (3, list(sub))}, deflate=deflate),
            )
    for predictor, bits in product((2, 3), (8, 16, 32)):
        yield f"tiff-predictor{predictor}-{bits}.tif", tiff(
            waves(rng, 1 if bits == 32 else 3, 2 ** min(bits, 16) - 1), bits=bits, photometric=1 if bits == 32 else 2, deflate=True,
            kind=3 if bits == 32 else None, tags={317: (3, [predictor])},
        )  # fmt: skip
    pages = io.BytesIO()
    rgb.save(pages, "TIFF", save_all=True, append_images=[rgb.convert("L").resize((7, 5)), rgb.convert("1")])
    yield "tiff-pages.tif", pages.getvalue()
    yield "tiff-big.tif", saved(rgb, "TIFF", big_tiff=True)
    for order, magic in product("<>", (42 << 8, 43)):
        yield (
            f"tiff-magic-{'le' if order == '<' else 'be'}-{magic}.tif",
            tiff(waves(rng, 3, 255), order=order, magic=magic),
        )


def saved(picture, form, **options):
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


# --- GIF --------------------------------------------------------------------------------------------------------------
def gif(
    rng,
    canvas=None,
    box=None,
    table=None,
    local=None,
    control=None,
    size=8,
    interlace=False,
    background=0,
    top=None,
    controls=(),
    after=b"",
):
    """A GIF of a frame whose codes never grow; `table` and `local` are bytes of a power of two colours, or none."""
    canvas = canvas or (W, H)
    left, upper, w, h = box or (0, 0, *canvas)

    def flags(colours):
        return 0x80 | (len(colours) // 3).bit_length() - 2 if colours else 0

    out = b"GIF89a" + struct.pack("<HHBBB", *canvas, flags(table), background, 0) + (table or b"")
    for packed_, key in [*controls, *([control] if control else [])]:
        out += b"!\xf9\x04" + bytes([packed_, 0, 0, key, 0])
    clear, width = 1 << size, size + 1
    codes = []
    for i, v in enumerate(rng.integers(0, top or 1 << size, w * h)):
        codes += [clear, int(v)] if i % (clear // 2 or 1) == 0 or size <= 2 else [int(v)]
    ones = np.array([[c >> k & 1 for k in range(width)] for c in [*codes, clear + 1]]).reshape(-1)
    data = np.packbits(ones.astype(np.uint8), bitorder="little").tobytes()
    blocks = b"".join(bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255))
    frame = b"," + struct.pack("<HHHHB", left, upper, w, h, flags(local) | (64 if interlace else 0)) + (local or b"")
    return out + frame + bytes([size]) + blocks + b"\0" + after + b";"


def gifs():
    rng = np.random.default_rng(20)

    def colours(n):
        return rng.integers(0, 256, 3 * n, dtype=np.uint8).tobytes()

    ramp = bytes(v for i in range(256) for v in (i, i, i))
    for name, tables in {
        "none": {}, "global": {"table": colours(256)}, "local": {"local": colours(256)}, "both": {"table": colours(256), "local": colours(256)},
        "ramp": {"table": ramp}, "ramp-local": {"table": colours(256), "local": ramp}, "short": {"table": colours(16)},
        "short-local": {"local": colours(4)}, "short-both": {"table": colours(256), "local": colours(8)}, "ramp-short": {"table": ramp[:48]},
    }.items():  # fmt: skip
        for part, box in {"": None, "-part": (3, 2, 11, 9), "-beyond": (20, 12, 15, 13)}.items():
            for key, control in {
                "": None,
                "-key": (1, 7),
                "-key-high": (1, 200),
                "-key-off": (0, 7),
                "-dispose": (9, 5),
                "-dispose2": (8, 5),
            }.items():
                for woven in (False, True):
                    yield (
                        f"gif-{name}{part}{key}{'-woven' if woven else ''}.gif",
                        gif(rng, box=box, control=control, interlace=woven, background=5, **tables),
                    )
    for size in (1, 2, 3, 4, 5, 6, 7):
        yield f"gif-size{size}.gif", gif(rng, size=size, table=colours(256))
        yield f"gif-size{size}-none.gif", gif(rng, size=size)
        yield f"gif-size{size}-short.gif", gif(rng, size=size, table=colours(2))
    yield "gif-two-controls.gif", gif(rng, table=colours(256), box=(3, 2, 11, 9), controls=[(1, 9)], control=(0, 3))
    yield "gif-more-after.gif", gif(rng, table=colours(256), after=gif(rng, table=colours(256))[13 + 768 : -1])
    yield "gif-junk-after.gif", gif(rng, table=colours(256), after=b"\x99 junk")
    yield "gif-comment.gif", gif(rng, table=colours(256)).replace(b",", b"!\xfe\x03hey\0,", 1)
    for n in range(3):
        frames = [Image.fromarray(waves(rng, 3, 255).astype(np.uint8)).quantize(16 << n) for _ in range(3)]
        for disposal in (0, 1, 2, 3):
            yield (
                f"gif-animated-{n}-{disposal}.gif",
                saved(frames[0], "GIF", save_all=True, append_images=frames[1:], disposal=disposal),
            )


# --- JPEG, PNG, WebP --------------------------------------------------------------------------------------------------
def segments(file):
    """The segments of a JPEG before its scan, each with its marker, and what follows."""
    at, out = 2, []
    while file[at + 1] != 0xDA:
        (length,) = struct.unpack(">H", file[at + 2 : at + 4])
        out.append(file[at : at + 2 + length])
        at += 2 + length
    return out, file[at:]


def segment(marker, body):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def with_segments(file, added, without=()):
    listed, rest = segments(file)
    return b"\xff\xd8" + b"".join(added) + b"".join(s for s in listed if s[1] not in without) + rest


def jpegs():
    rng = np.random.default_rng(21)
    rgb = Image.fromarray(waves(rng, 3, 255, W + 1, H + 1).astype(np.uint8))
    cmyk = Image.fromarray(waves(rng, 4, 255, W + 1, H + 1).astype(np.uint8), "CMYK")
    for sub in (0, 1, 2):
        ycc = saved(rgb, "JPEG", subsampling=sub)
        yield f"jpeg-sub{sub}.jpg", ycc
        for transform in (0, 1, 2):
            adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))
            yield f"jpeg-sub{sub}-adobe{transform}.jpg", with_segments(ycc, [adobe], (0xE0,))
            yield f"jpeg-sub{sub}-jfif-adobe{transform}.jpg", with_segments(ycc, [adobe])
        yield f"jpeg-sub{sub}-bare.jpg", with_segments(ycc, [], (0xE0,))
        base = saved(cmyk, "JPEG", subsampling=sub)
        yield f"jpeg-cmyk-sub{sub}.jpg", base
        yield f"jpeg-cmyk-sub{sub}-bare.jpg", with_segments(base, [], (0xE0, 0xEE))
        for transform in (0, 1, 2):
            adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))
            yield f"jpeg-cmyk-sub{sub}-adobe{transform}.jpg", with_segments(base, [adobe], (0xEE,))
        yield f"jpeg-progressive-sub{sub}.jpg", saved(rgb, "JPEG", subsampling=sub, progressive=True)
        yield f"jpeg-cmyk-progressive-sub{sub}.jpg", saved(cmyk, "JPEG", subsampling=sub, progressive=True)
    # Components named R, G, B; and named otherwise.
    plain = bytearray(with_segments(saved(rgb, "JPEG", subsampling=0), [], (0xE0,)))
    for name, ids in {"rgb-ids": b"RGB", "other-ids": b"\x05\x06\x07", "zero-ids": b"\0\1\2"}.items():
        file = bytearray(plain)
        sof, sos = file.index(b"\xff\xc0"), file.index(b"\xff\xda")
        for i in range(3):
            file[sof + 10 + 3 * i] = file[sos + 5 + 2 * i] = ids[i]
        yield f"jpeg-{name}.jpg", bytes(file)


def exif(value=6, order="<", type_=3, count=1, entries=None, magic=42, at=8):
    """An Exif block whose only entry is the orientation."""
    form = {1: "B", 2: "B", 3: "H", 4: "L", 6: "b", 7: "B", 8: "h", 9: "l", 11: "f", 16: "Q"}.get(type_)
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HL", magic, at) + bytes(at - 8)
    if form is None:
        form, value = {5: ("LL", (value, 1)), 10: ("ll", (value, 1)), 12: ("d", (value,)), 13: ("L", (value,))}.get(
            type_, ("H", (value,))
        )
    else:
        value = (value,) * count
        form = form * count
    body = struct.pack(order + form, *value)
    if len(body) > 4:
        tail, body = body, struct.pack(order + "L", at + 2 + 12 + 4)
    else:
        tail = b""
    return (
        head
        + struct.pack(order + "H", 1)
        + struct.pack(order + "HHL", 274, type_, count)
        + body.ljust(4, b"\0")
        + bytes(4)
        + tail
    )


def xmp(value=6, form='tiff:Orientation="{}"'):
    return ('<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description ' + form.format(value) + "/></x:xmpmeta>").encode()


ADOBE = b"http://ns.adobe.com/xap/1.0/\0"


def blocks():
    """Exif blocks without their `Exif\\0\\0`."""
    for order, value in product("<>", range(0, 12)):
        yield f"{'le' if order == '<' else 'be'}{value}", exif(value, order)
    for type_ in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 0, 99):
        for order in "<>":
            yield f"type{type_}{'le' if order == '<' else 'be'}", exif(6, order, type_)
    for count in (0, 2, 3):
        yield f"count{count}", exif(6, count=count) if count else exif(6)[:14] + bytes(4) + exif(6)[18:]
    yield "value65542", exif(65542, type_=4)
    yield "later", exif(6, at=26)
    yield "cut-value", exif(6)[:20]
    yield "cut-next", exif(6)[:-4]
    yield "cut-head", exif(6)[:7]
    yield "empty", b""
    yield "text", b"ASCII, no Exif"
    yield "swapped-magic", exif(6, magic=42 << 8)
    yield "big-magic", exif(6, magic=43)
    yield "wrong-magic", exif(6, magic=41)
    yield "beyond", b"II*\0" + struct.pack("<L", 9999)
    twice = exif(6)
    yield "twice", twice[:8] + struct.pack("<H", 2) + twice[10:22] + twice[10:18] + struct.pack("<L", 3) + bytes(4)
    yield (
        "many",
        twice[:8]
        + struct.pack("<H", 3)
        + struct.pack("<HHLL", 271, 2, 4, 0x41414141)
        + struct.pack("<HHLL", 272, 2, 60000, 8)
        + twice[10:22]
        + bytes(4),
    )


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(file, before=(), after=()):
    at, end = file.index(b"IDAT") - 4, file.index(b"IEND") - 4
    return file[:at] + b"".join(before) + file[at:end] + b"".join(after) + file[end:]


def raw_profile(block):
    return f"\nexif\n{len(block):8}\n{block.hex()}\n".encode()


def webp_with(file, chunks):
    """A lossless WebP in the extended layout, with chunks after its pixels."""
    body = file[12:]
    flags = sum({b"EXIF": 8, b"XMP ": 4}[kind] for kind, _ in {k: v for k, v in chunks}.items())
    bits = int.from_bytes(file[21:25], "little")
    size = (bits & 0x3FFF, bits >> 14 & 0x3FFF)
    head = (
        b"VP8X"
        + struct.pack("<L", 10)
        + bytes([flags | (16 if bits >> 28 & 1 else 0), 0, 0, 0])
        + b"".join(v.to_bytes(3, "little") for v in size)
    )
    extra = b"".join(kind + struct.pack("<L", len(v)) + v + b"\0" * (len(v) % 2) for kind, v in chunks)
    return b"RIFF" + struct.pack("<L", 4 + len(head + body + extra)) + b"WEBP" + head + body + extra


def orientations():
    rng = np.random.default_rng(22)
    picture = Image.fromarray(waves(rng, 3, 255, 12, 9).astype(np.uint8))
    jpeg, png, webp = saved(picture, "JPEG", quality=80), saved(picture, "PNG"), saved(picture, "WEBP", lossless=True)
    for name, block in blocks():
        whole = b"Exif\0\0" + block
        yield f"orient-jpeg-{name}.jpg", with_segments(jpeg, [segment(0xE1, whole)])
        yield f"orient-png-{name}.png", png_with(png, [chunk(b"eXIf", block)])
        yield f"orient-webp-{name}.webp", webp_with(webp, [(b"EXIF", block)])
    six, three = exif(6), exif(3)
    head = b"Exif\0\0"
    for name, block in {
        "bare": six,
        "headed": head + six,
        "doubled": head + head + six,
        "tripled": head * 3 + six,
    }.items():
        yield f"orient-jpeg-head-{name}.jpg", with_segments(jpeg, [segment(0xE1, block)])
        yield f"orient-png-head-{name}.png", png_with(png, [chunk(b"eXIf", block)])
        yield f"orient-webp-head-{name}.webp", webp_with(webp, [(b"EXIF", block)])
    for name, added in {
        "two": [head + six, head + three], "split": [head + six[:12], head + six[12:]], "empty-first": [head, head + six],
        "xmp": [ADOBE + xmp(6)], "xmp-then-exif": [ADOBE + xmp(3), head + six], "exif1-xmp6": [head + exif(1), ADOBE + xmp(6)],
        "exif0-xmp6": [head + exif(0), ADOBE + xmp(6)], "exif-without-xmp6": [head + b"II*\0\x08\0\0\0\0\0\0\0\0\0", ADOBE + xmp(6)],
        "xmp-two": [ADOBE + xmp(3), ADOBE + xmp(6)], "xmp-element": [ADOBE + xmp(6, "><tiff:Orientation>{}</tiff:Orientation>")],
        "xmp-single": [ADOBE + xmp(6, "tiff:Orientation='{}'")], "xmp-spaces": [ADOBE + xmp(6, 'tiff:Orientation = "{}"')],
        "xmp-9": [ADOBE + xmp(9)], "xmp-66": [ADOBE + xmp(66)], "xmp-twice": [ADOBE + xmp(6) + xmp(3)],
        "xmp-unprefixed": [ADOBE + xmp(6, 'Orientation="{}"')], "other-app1": [b"Exif\0\x01" + six], "app1-short": [b"Exif\0"],
    }.items():  # fmt: skip
        yield f"orient-jpeg-{name}.jpg", with_segments(jpeg, [segment(0xE1, body) for body in added])
    yield (
        "orient-jpeg-after-sof.jpg",
        (lambda s: b"\xff\xd8" + b"".join(s[0]) + segment(0xE1, head + six) + s[1])(segments(jpeg)),
    )
    yield "orient-jpeg-app2.jpg", with_segments(jpeg, [segment(0xE2, head + six)])
    yield "orient-jpeg-fill.jpg", with_segments(jpeg, [b"\xff\xff" + segment(0xE1, head + six)])
    yield (
        "orient-jpeg-progressive.jpg",
        with_segments(saved(picture, "JPEG", progressive=True), [segment(0xE1, head + six)]),
    )
    yield "orient-jpeg-grey.jpg", with_segments(saved(picture.convert("L"), "JPEG"), [segment(0xE1, head + six)])
    yield "orient-jpeg-cmyk.jpg", with_segments(saved(picture.convert("CMYK"), "JPEG"), [segment(0xE1, head + six)])
    it = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(6)
    packed_it = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp(6))
    z = b"Raw profile type exif\0\0" + zlib.compress(raw_profile(head + six))
    t = b"Raw profile type exif\0" + raw_profile(head + six)
    for name, c in {
        "exif": chunk(b"eXIf", six), "itxt": chunk(b"iTXt", it), "itxt-packed": chunk(b"iTXt", packed_it), "ztxt": chunk(b"zTXt", z), "text": chunk(b"tEXt", t),
        "text-bare": chunk(b"tEXt", b"Raw profile type exif\0" + raw_profile(six)), "text-app1": chunk(b"tEXt", b"Raw profile type APP1\0" + raw_profile(head + six)),
        "text-exif": chunk(b"tEXt", b"exif\0" + six), "text-xmp": chunk(b"tEXt", b"XML:com.adobe.xmp\0" + xmp(6)), "text-xmp-key": chunk(b"tEXt", b"xmp\0" + xmp(6)),
        "ztxt-xmp": chunk(b"zTXt", b"XML:com.adobe.xmp\0\0" + zlib.compress(xmp(6))), "itxt-raw": chunk(b"iTXt", b"Raw profile type exif\0\0\0\0\0" + raw_profile(head + six)),
        "zxif": chunk(b"zxIf", six), "two": chunk(b"eXIf", six) + chunk(b"eXIf", three), "exif1-xmp6": chunk(b"eXIf", exif(1)) + chunk(b"iTXt", it),
        "text-odd": chunk(b"tEXt", b"Raw profile type exif\0zz\n\n\nxx"), "bad-crc": chunk(b"eXIf", six)[:-1] + b"\0",
        "ztxt-bad": chunk(b"zTXt", b"Raw profile type exif\0\0garbage"),
    }.items():  # fmt: skip
        yield f"orient-png-before-{name}.png", png_with(png, [c])
        yield f"orient-png-after-{name}.png", png_with(png, (), [c])
    yield "orient-png-both.png", png_with(png, [chunk(b"eXIf", six)], [chunk(b"eXIf", three)])
    yield "orient-png-no-end.png", png_with(png, (), [chunk(b"eXIf", six)])[:-12]
    yield "orient-png-after-end.png", png + chunk(b"eXIf", six)
    for name, chunks in {
        "xmp": [(b"XMP ", xmp(6))], "both": [(b"EXIF", six), (b"XMP ", xmp(3))], "exif1-xmp6": [(b"EXIF", exif(1)), (b"XMP ", xmp(6))],
        "two": [(b"EXIF", six), (b"EXIF", three)],
    }.items():  # fmt: skip
        yield f"orient-webp-{name}.webp", webp_with(webp, chunks)
    unflagged = bytearray(webp_with(webp, [(b"EXIF", six)]))
    unflagged[20] &= ~8
    yield "orient-webp-unflagged.webp", bytes(unflagged)
    data = waves(rng, 3, 255, 12, 9)
    for order, value in product("<>", range(0, 11)):
        yield (
            f"orient-tiff-{'le' if order == '<' else 'be'}{value}.tif",
            tiff(data, order=order, tags={274: (3, [value])}),
        )
    for value in (5, 6):
        yield f"orient-tiff-deflate{value}.tif", tiff(data, deflate=True, tags={274: (3, [value])})
        yield f"orient-tiff-16-{value}.tif", tiff(data * 257, bits=16, tags={274: (3, [value])})
        yield f"orient-tiff-grey16-{value}.tif", tiff(data[..., :1], bits=16, photometric=1, tags={274: (3, [value])})
        yield f"orient-tiff-cmyk-{value}.tif", tiff(waves(rng, 4, 255, 12, 9), photometric=5, tags={274: (3, [value])})
        yield (
            f"orient-tiff-ycbcr-{value}.tif",
            tiff(data, photometric=6, tags={274: (3, [value]), 530: (3, [1, 1])}, deflate=True),
        )
        yield f"orient-tiff-jpeg-{value}.tif", saved(picture, "TIFF", compression="jpeg", tiffinfo={274: value})
        yield f"orient-tiff-tiles-{value}.tif", tiff(data, tile=(16, 16), tags={274: (3, [value])})
    for type_ in (1, 2, 3, 4, 6, 7, 8, 9, 11, 12):
        yield f"orient-tiff-type{type_}.tif", tiff(data, tags={274: (type_, [6])})
    yield "orient-tiff-rational.tif", tiff(data, tags={274: (5, [6, 1])})
    yield "orient-tiff-two.tif", tiff(data, tags={274: (3, [6, 3])})
    yield "orient-tiff-xmp.tif", tiff(data, tags={700: (1, list(xmp(6)))})
    yield "orient-tiff-xmp-undefined.tif", tiff(data, tags={700: (7, list(xmp(6)))})
    yield "orient-tiff-exif1-xmp6.tif", tiff(data, tags={274: (3, [1]), 700: (1, list(xmp(6)))})


def pngs():
    from images import png

    rng = np.random.default_rng(23)
    for bits, colour, channels in (
        [(b, 0, 1) for b in (1, 2, 4, 8, 16)]
        + [(b, 2, 3) for b in (8, 16)]
        + [(b, 4, 2) for b in (8, 16)]
        + [(b, 6, 4) for b in (8, 16)]
        + [(b, 3, 1) for b in (1, 2, 4, 8)]
    ):
        data = waves(rng, channels, 2**bits - 1)
        palettes = (
            {
                "": rng.integers(0, 256, 3 << bits, dtype=np.uint8).tobytes(),
                "-short": rng.integers(0, 256, 3, dtype=np.uint8).tobytes(),
            }
            if colour == 3
            else {"": None}
        )
        keys = {"": None}
        if colour in (0, 2):
            keys["-key"] = struct.pack(">H", int(data[3, 4, 0])) * channels
        if colour == 3:
            keys |= {"-alpha": bytes(range(0, 256, 256 >> bits)), "-key": b"\xff\0"}
        for (pn, palette), (kn, key), woven, gamma in product(
            palettes.items(), keys.items(), (False, True), (False, True)
        ):
            chunks = (
                ([(b"gAMA", struct.pack(">I", 30000))] if gamma else [])
                + ([(b"PLTE", palette)] if palette else [])
                + ([(b"tRNS", key)] if key else [])
            )
            yield (
                f"png-{colour}-{bits}{pn}{kn}{'-woven' if woven else ''}{'-gamma' if gamma else ''}.png",
                png(data.astype(np.uint16 if bits == 16 else np.uint8), bits, colour, chunks, woven),
            )
    rgb = [Image.fromarray(waves(rng, 3, 255).astype(np.uint8)) for _ in range(3)]
    rgba = [Image.fromarray(waves(rng, 4, 255).astype(np.uint8)) for _ in range(3)]
    for default, frames, name in product((False, True), (rgb, rgba), ("",)):
        yield (
            f"png-animated-{frames[0].mode}-{int(default)}.png",
            saved(frames[0], "PNG", save_all=True, append_images=frames[1:], default_image=default),
        )
    yield "png-plte-rgb.png", png(waves(rng, 3, 255).astype(np.uint8), 8, 2, [(b"PLTE", bytes(range(48)))])
    yield "png-cicp.png", png(waves(rng, 3, 255).astype(np.uint8), 8, 2, [(b"cICP", bytes([9, 16, 0, 1]))])
    yield "png-sbit.png", png(waves(rng, 3, 255).astype(np.uint8), 8, 2, [(b"sBIT", bytes([5, 5, 5]))])
    yield "png-bkgd.png", png(waves(rng, 4, 255).astype(np.uint8), 8, 6, [(b"bKGD", bytes(6))])
    for lossless, mode in product((False, True), ("RGB", "RGBA", "L")):
        frames = [
            Image.fromarray(waves(rng, {"RGB": 3, "RGBA": 4, "L": 1}[mode], 255).astype(np.uint8).squeeze())
            for _ in range(3)
        ]
        yield f"webp-{mode}-{int(lossless)}.webp", saved(frames[0], "WEBP", lossless=lossless)
        yield (
            f"webp-animated-{mode}-{int(lossless)}.webp",
            saved(
                frames[0],
                "WEBP",
                lossless=lossless,
                save_all=True,
                append_images=frames[1:],
                background=(9, 99, 199, 255),
            ),
        )
        small = frames[0].convert("RGBA")
        hollow = Image.new("RGBA", (W, H))
        hollow.paste(small.crop((4, 4, 14, 14)), (4, 4))
        yield (
            f"webp-hollow-{mode}-{int(lossless)}.webp",
            saved(
                hollow, "WEBP", lossless=lossless, save_all=True, append_images=[small], background=(9, 99, 199, 255)
            ),
        )


def everything():
    for family in (tiffs, gifs, jpegs, orientations, pngs):
        yield from family()


# --- What PIL makes of them -------------------------------------------------------------------------------------------
def read(file, orient):
    try:
        with Image.open(io.BytesIO(file)) as picture:
            turned = ImageOps.exif_transpose(picture) if orient else picture
            return np.array(turned.convert("RGB"))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def write(folder, name, file):
    (folder / name).write_bytes(file)
    row = {}
    for how in ("plain", "orient"):
        pixels = read(file, how == "orient")
        if isinstance(pixels, str):
            row[how] = {"error": pixels}
        else:
            row[how] = {
                "height": pixels.shape[0],
                "width": pixels.shape[1],
                "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
            }
            (folder / f"{name}.{how}").write_bytes(pixels.tobytes())
    (folder / f"{name}.json").write_text(json.dumps(row))


# The small ones, of 11 × 7 pixels.
GOLDEN = """
tiff-ycbcr8-strip-le.tif tiff-ycbcr8-untold-strips-be.tif tiff-ycbcr8-deflate-le.tif tiff-ycbcr8-1-strip-le.tif tiff-jpeg-YCbCr.tif
tiff-cmyk16-strip-le.tif tiff-cmyk16-deflate-be.tif tiff-cmyk16-planes-le.tif tiff-cmyk8-strip-be.tif tiff-cmyk8-extra-0-strip-le.tif
tiff-rgb16-extra-1-strip-le.tif tiff-rgb16-extra-1-deflate-be.tif tiff-rgb16-straight-strip-be.tif tiff-rgb8-extra-1-strip-le.tif
tiff-rgb8-straight-strip-le.tif tiff-rgb8-extra-2-planes-le.tif tiff-rgb8-extra-20-strip-le.tif tiff-rgb8-extra-10-strip-le.tif
tiff-rgb16-planes-le.tif tiff-rgb16-deflate-planes-be.tif tiff-rgb8-planes-strips-be.tif
tiff-grey16-0-strip-le.tif tiff-grey16-0-dark-strip-le.tif tiff-grey16-0-deflate-le.tif tiff-grey16-0-strip-be.tif
tiff-grey16-1-dark-fill2-le.tif tiff-grey2-0-strip-le.tif tiff-grey4-1-fill2-be.tif tiff-grey12-1-strip-le.tif tiff-grey32-1-strip-le.tif
tiff-grey8-extra-1-strip-le.tif tiff-grey8-extra-2-strip-le.tif tiff-white8-extra-2-strip-le.tif tiff-grey8-untold-strip-le.tif
tiff-palette4-strip-le.tif tiff-palette4-narrow-strip-le.tif tiff-palette2-narrow-deflate-be.tif tiff-palette1-narrow-strip-be.tif
tiff-palette8-short-strip-le.tif tiff-palette8-none-strip-le.tif tiff-float32-0-strip-le.tif tiff-float32-1-deflate-be.tif tiff-float16-1-strip-le.tif
tiff-float32-rgb-strip-le.tif tiff-signed16-1-strip-le.tif tiff-lab8-strip-le.tif tiff-rgb8-bits-odd-strip-le.tif tiff-lzma-RGB.tif tiff-zstd-L.tif
tiff-big.tif tiff-pages.tif
gif-none.gif gif-none-key.gif gif-none-part-woven.gif gif-size3-none.gif gif-short.gif gif-short-local-part.gif gif-ramp-short-part-key.gif
gif-size4-short.gif gif-size2.gif gif-two-controls.gif
jpeg-cmyk-sub0-bare.jpg jpeg-cmyk-sub2-adobe2.jpg jpeg-rgb-ids.jpg
orient-jpeg-head-doubled.jpg orient-jpeg-type1le.jpg orient-jpeg-type4be.jpg orient-jpeg-type12le.jpg orient-jpeg-le9.jpg orient-jpeg-be5.jpg
orient-jpeg-split.jpg orient-jpeg-two.jpg orient-jpeg-xmp.jpg orient-jpeg-xmp-element.jpg orient-jpeg-exif1-xmp6.jpg orient-jpeg-exif-without-xmp6.jpg
orient-jpeg-wrong-magic.jpg orient-jpeg-le2.jpg orient-jpeg-le3.jpg orient-jpeg-le4.jpg orient-jpeg-le7.jpg orient-jpeg-le8.jpg orient-jpeg-cmyk.jpg
orient-png-after-exif.png orient-png-before-two.png orient-png-both.png orient-png-after-text.png orient-png-before-ztxt.png orient-png-before-itxt-packed.png
orient-png-after-itxt.png orient-png-head-headed.png orient-png-text.png orient-png-after-end.png orient-webp-xmp.webp orient-webp-le7.webp
orient-webp-both.webp orient-webp-unflagged.webp orient-tiff-xmp.tif orient-tiff-type4.tif orient-tiff-type1.tif orient-tiff-16-5.tif orient-tiff-le9.tif
orient-tiff-exif1-xmp6.tif orient-tiff-jpeg-6.tif
""".split()


def golden(out):
    from safetensors.numpy import save_file

    global W, H
    W, H = 11, 7
    tensors, rows = {}, []
    files = dict(everything())
    for name in GOLDEN:
        file = files[name]
        plain, orient = read(file, False), read(file, True)
        tensors[f"{name}/file"] = np.frombuffer(file, np.uint8)
        row = {"name": name}
        if isinstance(plain, str):
            row["error"] = plain
        else:
            tensors[f"{name}/plain"] = plain
        if isinstance(orient, str):
            row["orientError"] = orient
        elif not np.array_equal(plain, orient):
            tensors[f"{name}/orient"] = orient
        rows.append(row)
    save_file(tensors, out, {"versions": json.dumps({"pillow": pillow}), "images": json.dumps(rows)})
    print(f"{len(rows)} images, Pillow {pillow}")


def main(out, arguments):
    if "--golden" in arguments:
        return golden(out)
    out.mkdir(parents=True, exist_ok=True)
    if "--of" in arguments:
        files = (
            (f.name, f.read_bytes())
            for f in sorted(Path(arguments[arguments.index("--of") + 1]).iterdir())
            if f.is_file()
        )
    else:
        files = everything()
    count = 0
    for name, file in files:
        write(out, name, file)
        count += 1
    print(f"{count} images, Pillow {pillow}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
