export * from './golden.ts';
export * from './tensors.ts';
