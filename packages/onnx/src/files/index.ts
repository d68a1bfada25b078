export { readModelFile } from './read.ts';
export { type ExternalData, writeModelFile } from './write.ts';
