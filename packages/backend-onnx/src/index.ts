/** Runs compiled graphs on ONNX Runtime. */
export {}
