/** Model architectures under their Hugging Face names, and generation. */
export {}
