"""Writes answer-values.json: the answers that run_qa chooses of logits, and SQuAD's scores of texts. Usage: python answer_values.py FOLDER, which has
utils_qa.py of transformers' examples. Run with transformers 5.18, whose squad_metrics has the official functions."""

import json
import os
import random
import sys
import tempfile

import numpy as np
from transformers.data.metrics import squad_metrics

sys.path.insert(0, sys.argv[1])
from utils_qa import postprocess_qa_predictions  # noqa: E402

CONTEXT = "The  cat sat on a mat, and the dog, which slept."
RANGES = [[0, 3], [5, 8], [9, 12], [13, 15], [16, 17], [18, 21], [21, 22], [23, 26], [27, 30], [31, 34], [34, 35], [36, 41], [42, 47], [47, 48]]
WINDOWS = [RANGES[:8], RANGES[5:13], RANGES[9:]]
OPTIONS = [
    {},
    {"n_best_size": 2},
    {"max_answer_length": 2, "n_best_size": 3},
    {"max_answer_length": 0},
    {"version_2_with_negative": True},
    {"version_2_with_negative": True, "n_best_size": 1},
    {"version_2_with_negative": True, "n_best_size": 3, "null_score_diff_threshold": 4.5},
    {"version_2_with_negative": True, "max_answer_length": 0},
]
TEXTS = [
    ("the Cat", ["cat", "a dog"]),
    ("cat sat", ["The cat's mat", "sat"]),
    ("", ["cat"]),
    ("", []),
    ("cat", []),
    ("the", ["The!"]),
    ("a cat a cat", ["cat cat mat"]),
    ("naïve —  café", ["Naïve café"]),
]


def chosen(windows, options):
    with tempfile.TemporaryDirectory() as folder:
        size = max(len(one["offsets"]) for one in windows)
        sides = [np.array([one["logits"][side::2] + [-1e9] * (size - len(one["offsets"])) for one in windows]) for side in (0, 1)]
        features = [{"example_id": "1", "offset_mapping": [o and tuple(o) for o in one["offsets"]]} for one in windows]

        class Examples(list):
            def __getitem__(self, key):
                return ["1"] if key == "id" else super().__getitem__(key)

        postprocess_qa_predictions(Examples([{"id": "1", "context": CONTEXT}]), features, sides, output_dir=folder, **options)
        read = lambda name: json.load(open(os.path.join(folder, name)))["1"]  # noqa: E731
        odds = {"scoreDiff": read("null_odds.json")} if "version_2_with_negative" in options else {}
        best = [{key: round(value, 6) if isinstance(value, float) else value for key, value in one.items()} for one in read("nbest_predictions.json")]
        return {"options": options, "answer": read("predictions.json"), "nBest": best, **odds}


def main():
    draw = random.Random(7)
    made = []
    for ranges in WINDOWS:
        offsets = [None, None, None, *ranges, None]
        made.append({"offsets": offsets, "logits": [round(draw.uniform(-4, 4), 2) for _ in range(2 * len(offsets))]})
    score = lambda answer, right, of: max(of(text, answer) for text in right)  # noqa: E731
    scored = []
    for answer, right in TEXTS:
        texts = [text for text in right if squad_metrics.normalize_answer(text)] or [""]
        scored.append({"answer": answer, "right": right, "exact": score(answer, texts, squad_metrics.compute_exact), "f1": score(answer, texts, squad_metrics.compute_f1)})
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "answer-values.json"), "w") as file:
        json.dump({"context": CONTEXT, "windows": made, "chosen": [chosen(made, options) for options in OPTIONS], "scored": scored}, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


main()
