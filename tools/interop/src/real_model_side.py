"""Python's side of training a real model: PEFT on PyTorch, with the rows, the order and the first adapter of the other side.

Usage: python real_model_side.py PLAN.json RESULT.json
"""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

plan = json.load(open(sys.argv[1]))
torch.set_num_threads(plan["threads"])
tokenizer = AutoTokenizer.from_pretrained(plan["model"])


def tokenize(row):
    """As TRL does: the prompt, then prompt + completion + end-of-sequence; loss on what follows the prompt."""
    prompt = tokenizer(row["prompt"])["input_ids"]
    ids = tokenizer(row["prompt"] + row["completion"] + tokenizer.eos_token)["input_ids"]
    return {"ids": ids, "labels": [-100] * len(prompt) + ids[len(prompt) :]}


def collate(rows):
    longest = max(len(row["ids"]) for row in rows)
    fill = lambda values, value: values + [value] * (longest - len(values))  # noqa: E731
    return {
        "input_ids": torch.tensor([fill(row["ids"], 0) for row in rows]),
        "labels": torch.tensor([fill(row["labels"], -100) for row in rows]),
        "attention_mask": torch.tensor([fill([1] * len(row["ids"]), 0) for row in rows]),
    }


def open_adapter(folder):
    base = AutoModelForCausalLM.from_pretrained(plan["model"], dtype=torch.float32, attn_implementation="eager")
    return PeftModel.from_pretrained(base, folder, is_trainable=True).train()


def train(model, rows, steps, save=None):
    """transformers' Trainer without its surroundings: AdamW, linear schedule, clipping at 1."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=plan["learningRate"], weight_decay=0.0)
    losses = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = plan["learningRate"] * (steps - step) / steps
        taken = rows[step * plan["batch"] : (step + 1) * plan["batch"]]
        loss = model(**collate(taken)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if save is not None and step + 1 == plan["half"]:
            model.save_pretrained(save)
    return losses


def generate(model):
    ids = torch.tensor([tokenizer(plan["prompt"])["input_ids"]])
    model.eval()
    with torch.no_grad():
        out = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=plan["newTokens"],
            do_sample=False,
            pad_token_id=0,
        )
    return out[0, ids.shape[1] :].tolist()


rows = [tokenize(row) for row in plan["rows"]]
later = rows[plan["steps"] * plan["batch"] :]
result = {"ids": [row["ids"] for row in rows]}
model = open_adapter(plan["start"])
result["losses"] = train(model, rows, plan["steps"], save=plan["theirHalf"])
result["fromOurs"] = train(open_adapter(plan["ourHalf"]), later, plan["half"])
result["fromTheirs"] = train(open_adapter(plan["theirHalf"]), later, plan["half"])
served = open_adapter(plan["ourEnd"])
result["adapterText"] = generate(served)
with served.disable_adapter():
    result["baseText"] = generate(served)
json.dump(result, open(sys.argv[2], "w"))
