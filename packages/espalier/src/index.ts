/** Fine-tune Hugging Face models in TypeScript with LoRA and its relatives; batteries included. */
export {}
