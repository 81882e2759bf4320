"""Compares frames of films with OpenCV's: films.py FOLDER [LIST].

All AVI, FLV and MP4 files of a folder, whole, and once a second as the conversions to images do that the released data
sets come from. With a list of NVGesture, also the ranges that it names, sought and read as the released loader does, and
what is in its box. Prints the largest difference of any pixel and ends with 1 where it is over 2 or a count differs.
"""

import json
import subprocess
import sys
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


def main(folder, listed=None):
    paths = sorted(p for p in Path(folder).rglob("*") if p.suffix in (".avi", ".flv", ".mp4"))
    print(f"OpenCV {cv2.__version__}")
    worst = 0
    for name, step in (("whole", 1), ("once a second", "second")):
        requests = [{"path": str(path), "pixels": "BGR", "step": step} for path in paths]
        answers = ours(requests)
        worst = max(worst, report(name, [compare(p, a, theirs(p, step=step)) for p, a in zip(paths, answers)]))
    if listed is not None:
        rows = []
        for line in Path(listed).read_text().splitlines():
            fields = [field.split(":") for field in line.split()]
            folder_of = Path(folder) / next(f[1] for f in fields if f[0] == "path")
            name, start, stop = next(f[1:] for f in fields if f[0] == "depth")
            rows.append((folder_of / f"{name}.avi", int(start), int(stop)))
        requests = [{"path": str(path), "pixels": "BGR", "from": a, "to": b} for path, a, b in rows]
        results = [compare(p, mine, theirs(p, a, b)) for (p, a, b), mine in zip(rows, ours(requests))]
        worst = max(worst, report("ranges", results))
    sys.exit(worst > LIMIT)


if __name__ == "__main__":
    main(*sys.argv[1:])
