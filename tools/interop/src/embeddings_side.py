"""Python's side of the check of embeddings: vectors of texts by transformers' last hidden states, pooled as sentence-transformers does.

Usage: python embeddings_side.py PLAN.json. Prints {pooling: [[number, ...], ...]}.
"""

import json
import sys

import torch
from transformers import AutoModel, AutoTokenizer


def main():
    with open(sys.argv[1]) as file:
        plan = json.load(file)
    tokenizer = AutoTokenizer.from_pretrained(plan["model"])
    model = AutoModel.from_pretrained(plan["model"], dtype=torch.float32).eval()
    batch = tokenizer(plan["texts"], padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        states = model(**batch).last_hidden_state
    mask = batch["attention_mask"]
    weights = mask.unsqueeze(-1).to(states.dtype)
    vectors = {
        "mean": (states * weights).sum(1) / weights.sum(1),
        "cls": states[:, 0],
        "last": states[torch.arange(len(states)), mask.sum(1) - 1],
    }
    print(json.dumps({name: found.tolist() for name, found in vectors.items()}))


main()
