/** The bytes of the kernels. Throws with the compiler's messages. */
export declare function compileKernels(): Promise<Uint8Array>
