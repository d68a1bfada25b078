export { createMirror, type Mirror } from './mirror.ts';
