export { isModelsFault } from './fault.ts';
export { createMirror, type Mirror } from './mirror.ts';
export { createShadows, type Shadows } from './shadows.ts';
