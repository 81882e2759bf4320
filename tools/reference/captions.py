"""What the released code makes of texts before they are tokenized, for packages/media/test/golden/captions.json.

    python captions.py OUT.json

The rules are those of datasets/twitter_dataset.py (words of letters) and datasets/sarcasm_dataset.py (captions), written anew.
"""

import json
import random
import re
import sys

PIECES = ["a", "Z", "don't", "U.S.", "<person>", "-", "--", "/", "#tag", "@x_1", "é", "naïve", "ß", "İ", "ΣΑΣ", "٣", "½", "字", "漢 字", "_",
          "word", "Two", "😀", "e\u0301", "\u00a0", "\u2003", "\t", "\x1c", "\x85", "\u200b", "\ufeff", "\n", "  ", " ", " ", " ", ",", "!?", "~", "(", ")",
          "*", ":", ";", '"', "'", "0", "12ab", "ab12", "x" * 40]


def letters(text, words):
    kept = " ".join(re.findall(r"\b[A-Za-z]+\b", text))
    return caption(kept, words)


def caption(text, words):
    text = re.sub(r"([,.'!?\"()*#:;~])", "", text.lower()).replace("-", " ").replace("/", " ").replace("<person>", "person")
    text = re.sub(r"\s{2,}", " ", text).rstrip("\n").strip(" ")
    parts = text.split(" ")
    return " ".join(parts[:words]) if len(parts) > words else text


if __name__ == "__main__":
    random.seed(1)
    texts = ["", " ", "so $T$ it is", "$T$", "word " * 70]
    texts += ["".join(random.choice(PIECES) for _ in range(random.randint(1, 40))) for _ in range(300)]
    rows = [{"text": t, "letters": letters(t, 50), "caption": caption(t, 30)} for t in texts]
    with open(sys.argv[1], "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
