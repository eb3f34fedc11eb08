/** safetensors, Hugging Face configs, adapter folders and the hub. */
export {}
