"""PEFT's side of the GLUE benchmark: what a PEFT user would write, with transformers' Trainer and its defaults (padding to the longest row of a batch).

Arguments: model folder, threads. A request is a JSON line with the files, epochs and seed of a run; so is its answer.
"""
import json
import sys
import tempfile
import time

import torch

folder, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
from peft import LoraConfig, get_peft_model  # noqa: E402
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments, set_seed  # noqa: E402


# Trainer prints dictionaries of its own, which look like answers.
answers, sys.stdout = sys.stdout, sys.stderr


def answer(**values):
    print(json.dumps(values), file=answers, flush=True)


def rows_of(path, tokenizer, length):
    with open(path) as lines:
        rows = [json.loads(line) for line in lines]
    ids = tokenizer([row["text"] for row in rows], truncation=True, max_length=length)
    return [{**{key: ids[key][i] for key in ids}, "labels": row["label"]} for i, row in enumerate(rows)]


def run(train, dev, epochs, seed, setting):
    began, used = time.perf_counter(), time.process_time()
    set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2, dtype=torch.float32)
    model = get_peft_model(
        model,
        LoraConfig(
            r=setting["r"], lora_alpha=setting["alpha"], lora_dropout=setting["dropout"],
            target_modules=setting["targets"], task_type="SEQ_CLS",
        ),
    )
    with tempfile.TemporaryDirectory() as output:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=output, num_train_epochs=epochs, learning_rate=setting["learningRate"], seed=seed,
                per_device_train_batch_size=setting["batch"], per_device_eval_batch_size=setting["batch"],
                save_strategy="no", report_to="none", disable_tqdm=True,
            ),
            train_dataset=rows_of(train, tokenizer, setting["length"]),
            eval_dataset=rows_of(dev, tokenizer, setting["length"]),
            processing_class=tokenizer,
        )
        trained = time.perf_counter()
        trainer.train()
        training = time.perf_counter() - trained
        result = trainer.predict(trainer.eval_dataset)
    answer(
        seconds=time.perf_counter() - began, trainingSeconds=training, cpuSeconds=time.process_time() - used, steps=trainer.state.global_step,
        predicted=result.predictions.argmax(-1).tolist(), labels=result.label_ids.tolist(),
    )


answer(ready=True)
for line in sys.stdin:
    request = json.loads(line)
    if request.pop("do") != "run":
        break
    run(**request)
