export { modelStatus, signatureMetadata } from './metadata.ts';
export { tensorflowServing } from './protocol.ts';
