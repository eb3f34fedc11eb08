"""Python's side of checkpoints: reads the state of a run that Espalier trained, and leaves a checkpoint of transformers' Trainer.

Usage: python checkpoints_side.py MODEL STATE CHECKPOINTS RESULT.json. MODEL: where a tiny Llama with the tokenizer that lies there is
saved, when STATE is empty; STATE: a trainer_state.json.
"""

import dataclasses
import json
import sys

import peft
import torch
import transformers
from transformers.trainer_callback import EarlyStoppingCallback, TrainerState

LENGTH = 8


def make(folder):
    config = transformers.LlamaConfig(
        vocab_size=600, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=128, tie_word_embeddings=True,
    )
    torch.manual_seed(3)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)


def train(model_folder, folder):
    """Two steps of a LoRA adapter, each with a checkpoint."""
    base = transformers.AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    model = peft.get_peft_model(base, peft.LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    rows = [{"input_ids": list(range(i, i + LENGTH)), "labels": list(range(i, i + LENGTH))} for i in range(8)]
    args = transformers.TrainingArguments(
        output_dir=folder, max_steps=2, save_steps=1, per_device_train_batch_size=2, learning_rate=0.01,
        use_cpu=True, report_to=[], disable_tqdm=True, logging_steps=1,
    )
    transformers.Trainer(model=model, args=args, train_dataset=rows).train()


def main():
    model, state, checkpoints, result = sys.argv[1:]
    if state == "":
        make(model)
        train(model, checkpoints)
        found = {}
    else:
        read = TrainerState.load_from_json(state)
        stopping = EarlyStoppingCallback.from_state(read.stateful_callbacks["EarlyStoppingCallback"])
        found = {
            "state": dataclasses.asdict(read),
            "patience": stopping.early_stopping_patience,
            "counter": stopping.early_stopping_patience_counter,
        }
    with open(result, "w") as file:
        json.dump(found, file)


main()
