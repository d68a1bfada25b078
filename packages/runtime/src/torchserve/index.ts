export { torchServe } from './protocol.ts';
