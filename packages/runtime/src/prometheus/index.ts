export { prometheus } from './protocol.ts';
