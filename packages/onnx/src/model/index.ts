export * from './attributes.ts';
export { cloneGraph, cloneModel, cloneNode } from './clone.ts';
export * from './constants.ts';
export { createGraph, createNode, createValueInfo } from './create.ts';
export * from './element-type.ts';
export { everyConstant } from './every-constant.ts';
export { readModel } from './read.ts';
export type * from './types.ts';
export { modelSegments, writeModel } from './write.ts';
