import type { Tensor } from '@covey/protocol';

/** Tensors by the name of their input or output. */
export type Tensors = Record<string, Tensor>;
