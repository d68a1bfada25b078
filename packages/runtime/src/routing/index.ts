export { type Cascades, createCascades } from './cascades.ts';
export { createRouter, type Router } from './router.ts';
