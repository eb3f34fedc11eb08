/** LoRA with all of LoraConfig. */
export {}
