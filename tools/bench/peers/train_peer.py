"""One side of a training benchmark: PEFT on PyTorch, driven line by line on stdin so that two sides can take turns.

Arguments: model folder, attention implementation, JSON of the setting. Answers are JSON lines.
"""
import json
import sys
import time

import torch

torch.set_num_threads(int(json.loads(sys.argv[3]).get("threads", 2)))
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training  # noqa: E402
from transformers import AutoModelForCausalLM, BitsAndBytesConfig  # noqa: E402

folder, attention, setting = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])


def answer(**values):
    print(json.dumps(values), flush=True)


packing = setting.get("packing")
packed = {}
if packing == "nf4":
    packed = {
        "quantization_config": BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.float32,
        ),
    }
elif packing == "int8":
    packed = {"quantization_config": BitsAndBytesConfig(load_in_8bit=True)}
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation=attention, **packed)
if packing is not None:
    model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
torch.manual_seed(0)
model = get_peft_model(
    model,
    LoraConfig(
        r=8, lora_alpha=16, lora_dropout=setting.get("dropout", 0.0), target_modules=setting.get("targets", ["q_proj", "v_proj"]),
        task_type="CAUSAL_LM",
    ),
)
if setting.get("checkpointing"):
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
if setting.get("chunked"):  # SFTTrainer's own loss: logits of 256 tokens at a time, made again in the backward
    from trl.trainer import sft_trainer

    sft_trainer._patch_chunked_ce_lm_head(model.get_base_model(), chunk_size=sft_trainer._CHUNKED_LM_HEAD_CHUNK_SIZE)
model.train()
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4, weight_decay=0.0)


def pad(rows):
    """As the Trainer's collators do: to the longest row of the batch."""
    longest = max(len(row["input_ids"]) for row in rows)
    ids = torch.tensor([row["input_ids"] + [0] * (longest - len(row["input_ids"])) for row in rows])
    labels = torch.tensor([row["labels"] + [-100] * (longest - len(row["labels"])) for row in rows])
    mask = torch.tensor([[1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in rows])
    return ids, labels, mask


def step(rows):
    ids, labels, mask = pad(rows)
    began = time.perf_counter()
    loss = model(input_ids=ids, attention_mask=mask if setting.get("masked") else None, labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return loss.item(), time.perf_counter() - began


def evaluate(rows):
    ids, labels, mask = pad(rows)
    model.eval()
    with torch.no_grad():
        loss = model(input_ids=ids, attention_mask=mask if setting.get("masked") else None, labels=labels).loss.item()
    model.train()
    return loss


def generate(ids, count):
    model.eval()
    began = time.perf_counter()
    with torch.no_grad():
        out = model.generate(
            input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=count, min_new_tokens=count, do_sample=False, pad_token_id=0,
        )
    seconds = time.perf_counter() - began
    model.train()
    return out[0, len(ids):].tolist(), seconds


def limits():
    """What this machine can do at most, right now: GFLOP/s of a large float32 product and GB/s of reading."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    best = 0.0
    for _ in range(8):
        began = time.perf_counter()
        a @ b
        best = max(best, 2 * 1024**3 / (time.perf_counter() - began) / 1e9)
    large = torch.ones(64 * 1024 * 1024)
    read = 0.0
    for _ in range(4):
        began = time.perf_counter()
        large.sum()
        read = max(read, large.numel() * 4 / (time.perf_counter() - began) / 1e9)
    return best, read


answer(ready=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] in ("step", "load"):
        loss, seconds = step(request["rows"])
        answer(loss=loss, seconds=seconds)
    elif request["do"] == "evaluate":
        answer(loss=evaluate(request["rows"]))
    elif request["do"] == "generate":
        tokens, seconds = generate(request["ids"], request["count"])
        answer(tokens=tokens, seconds=seconds)
    elif request["do"] == "limits":
        gflops, gigabytes = limits()
        answer(gflops=gflops, gigabytes=gigabytes)
    else:
        break
