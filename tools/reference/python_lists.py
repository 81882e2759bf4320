"""Lines and the lists of texts and integers that Python's ast.literal_eval reads in them, for the tests of PythonList.

    python python_lists.py ../../packages/datasets/test/golden/python-lists.jsonl [--count 600] [--seed 0]

A line a case: {"line": …, "values": […]}, or null where it is no list of texts and integers that JavaScript can hold. Two
halves of a character that stand side by side count as such, since in JavaScript they would be that character.
"""

import argparse
import ast
import json
import random
import re
import warnings

ESCAPES = [r"\101", r"\0", r"\08", r"\7", r"\477", r"\777", r"\8", r"\400", r"\x41", r"\x4", r"\xg1", r"\u00e9", r"\u12"]
ESCAPES += [r"\ud83d", r"\ude00", r"\U0001f600", r"\U00110000", r"\U0001F60", r"\N{BULLET}", r"\N", r"\n", r"\t", r"\v", r"\a"]
ESCAPES += [r"\e", r"\d", r"\\", r"\'", r"\"", "\\\n", "\\\r\n", "\\😀", r"\ ", r"\_", r"\X41", r"\b", r"\f", r"\r", "\\"]
LETTERS = ["a", "é", "😀", "'", '"', "''", '""', " ", "#", ",", "]", "\t", "{x}", "\x0c", "\x7f", "\u2028", "\n", "\r", "\x00", "0"]
PREFIXES = [""] * 14 + ["u", "U", "r", "R", "r", "b", "B", "br", "Rb", "f", "F", "fr", "ur", "t", "x"]
QUOTES = ["'", '"', "'", '"', "'''", '"""']
NUMBERS = ["0", "1", "-1", "+1", "- 2", "--1", "1_000", "1__0", "_1", "1_", "01", "00", "0_0", "0x1F", "0x_ff", "0X1g", "0o17"]
NUMBERS += ["0o8", "0b101", "0b2", "-0", "+0x10", "9007199254740991", "9007199254740992", "-9007199254740991", "10" * 30]
NUMBERS += ["1.5", "1.", ".5", "1e3", "1j", "1+2", "1+2j", "١", "1L", "0777", "-0b1", "+\t3"]
OTHERS = ["None", "True", "False", "()", "(1,)", "[1]", "{}", "{1}", "...", "x", "-'a'", "'a'*2", "not 1", "*[1]", "", "(1)", "('a')"]
SPACES = ["", "", "", " ", " ", "\t", "  ", "\n", "\r\n", "\x0c", "\u00a0", "\x0b"]


def text(rng):
    parts = [rng.choice(ESCAPES if rng.random() < 0.35 else LETTERS[:11]) for _ in range(rng.randint(0, 5))]
    if rng.random() < 0.1:
        parts.append(rng.choice(LETTERS))
    quote = rng.choice(QUOTES)
    body = "".join(parts)
    if rng.random() < 0.8:
        body = re.sub(rf"(?<!\\){quote[0]}", "q", body)
    return rng.choice(PREFIXES) + quote + body + (quote if rng.random() < 0.97 else "")


def value(rng):
    kind = rng.random()
    if kind < 0.6:
        return rng.choice(SPACES[:8]).join(text(rng) for _ in range(rng.choice([1, 1, 1, 1, 2, 3])))
    return rng.choice(OTHERS if kind > 0.95 else NUMBERS)


def line(rng):
    space = lambda: rng.choice(SPACES if rng.random() < 0.1 else SPACES[:7])  # noqa: E731
    several = [value(rng) for _ in range(rng.randint(0, 3))]
    inside = "".join(space() + one + space() + "," for one in several)
    if rng.random() < 0.7:
        inside = inside[:-1]
    closing = "]" if rng.random() < 0.97 else ""
    after = rng.choice([" ", "\t", "x", ", 1", "[0]", ";"]) if rng.random() < 0.06 else ""
    return rng.choice(["", " ", "\t", "\u00a0"] if rng.random() < 0.1 else [""]) + "[" + inside + closing + after


def values_of(source):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = ast.literal_eval(source)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    if type(found) is not list:
        return None
    for one in found:
        if type(one) is str:
            if re.search("[\ud800-\udbff][\udc00-\udfff]", one):
                return None
        elif type(one) is not int or abs(one) > 2**53 - 1:
            return None
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out")
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    lines = [f"['1', {quoted}, 1]" for escape in ESCAPES for quoted in (f"'{escape}'", f'r"""{escape}"""')]
    lines += [f"[{one}]" for one in NUMBERS + OTHERS]
    lines = list(dict.fromkeys(lines + [line(rng) for _ in range(given.count)]))
    cases = [{"line": one, "values": values_of(one)} for one in lines]
    with open(given.out, "w") as file:
        file.writelines(json.dumps(case, separators=(",", ":")) + "\n" for case in cases)
    print(len(cases), "lines,", sum(case["values"] is not None for case in cases), "lists")
