"""What a PEFT user would write to fine-tune on one row, up to the first finished step.

Arguments: model folder, JSONL with a `text`, row length, threads. Prints seconds of its parts and, at the end, the step as a JSON line.
"""
import json
import sys
import time

began = time.perf_counter()
parts = {}


def part(name):
    global began
    now = time.perf_counter()
    parts[name] = now - began
    began = now


import torch  # noqa: E402

folder, data, length, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
from peft import LoraConfig, get_peft_model  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

part("imports")
tokenizer = AutoTokenizer.from_pretrained(folder)
with open(data) as lines:
    texts = [json.loads(line)["text"] for line in lines]
ids = tokenizer(texts, return_tensors="pt", truncation=True, max_length=length)["input_ids"]
part("tokenizer and data")
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
part("model")
model = get_peft_model(model, LoraConfig(r=8, lora_alpha=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
model.train()
trainable = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trainable, lr=2e-4, weight_decay=0.0)
part("adapter")
loss = model(input_ids=ids, labels=ids).loss
loss.backward()
torch.nn.utils.clip_grad_norm_(trainable, 1.0)
optimizer.step()
optimizer.zero_grad()
value = loss.item()
part("first step")
print(json.dumps({"type": "step", "loss": value, "tokens": ids.numel(), "parts": parts}), flush=True)
