export { createRollouts, type Rollouts } from './rollouts.ts';
export { supersede } from './store.ts';
export { divideIntoWaves } from './waves.ts';
