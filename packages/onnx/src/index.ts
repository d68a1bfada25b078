export * from './execution.ts';
export * from './graph/index.ts';
export * from './model/index.ts';
