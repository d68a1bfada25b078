export * from './check.ts';
export * from './pipeline.ts';
export * from './preprocessing.ts';
