"""Writes tokenizer folders, texts, and what transformers makes of them: python tokens_side.py FOLDER COUNT."""

import json
import random
import sys
from pathlib import Path

import classes
import configurations
import vocabularies
from texts import texts
from transformers import AutoTokenizer



def write(place: Path, files: dict) -> None:
    place.mkdir(parents=True)
    for name, value in files.items():
        data = value if isinstance(value, bytes) else (value if isinstance(value, str) else json.dumps(value)).encode()
        (place / name).write_bytes(data)


def encoded(tokenizer, text: str):
    try:
        return tokenizer(text)["input_ids"]
    except Exception:
        return None  # a text that is not Unicode


def expected(place: Path, sample: list[str]) -> dict:
    try:
        tokenizer = AutoTokenizer.from_pretrained(place)
    except Exception as error:
        return {"raises": f"{type(error).__name__}: {error}"}
    ids = [encoded(tokenizer, text) for text in sample]
    rng = random.Random(7)
    known = sorted(tokenizer.get_vocab().values())
    streams = [[rng.choice(known) for _ in range(rng.randint(1, 12))] for _ in range(len(sample) // 10)]
    rows = [row for row in ids if row is not None] + streams
    return {
        "ids": ids,
        "streams": streams,
        "decoded": [tokenizer.decode(row) for row in rows],
        "skipped": [tokenizer.decode(row, skip_special_tokens=True) for row in rows],
    }


def main() -> None:
    root, count = Path(sys.argv[1]), int(sys.argv[2])
    sample = texts(count)
    models = configurations.models()
    made = {**configurations.components(models), **configurations.published(models), **classes.classes(models)}
    made |= {**vocabularies.vocabularies(models), **vocabularies.by_type(models)}
    (root / "texts.json").write_text(json.dumps(sample))
    for index, (name, files) in enumerate(made.items()):
        place = root / f"{index}"
        write(place, files)
        (place / "expected.json").write_text(json.dumps({"name": name, **expected(place, sample)}))


def saved() -> None:
    """Holds files that were saved elsewhere, in `saved` below each folder, to what the folders themselves gave."""
    root, count = Path(sys.argv[1]), int(sys.argv[2])
    sample = json.loads((root / "texts.json").read_text())[:count]
    for place in sorted(root.glob("*/saved")):
        told = json.loads((place.parent / "expected.json").read_text())
        try:
            tokenizer = AutoTokenizer.from_pretrained(place)
        except Exception as error:
            print(told["name"], error)
            continue
        for text, ids in zip(sample, told["ids"]):
            if encoded(tokenizer, text) != ids:
                print(told["name"], json.dumps(text), encoded(tokenizer, text), ids)
                break


saved() if sys.argv[3:] == ["saved"] else main()
