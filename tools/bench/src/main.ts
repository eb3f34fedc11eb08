/** Benchmarks against PyTorch and PEFT. */
export {}
