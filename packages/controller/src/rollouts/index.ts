export { createRollouts, type Rollouts } from './rollouts.ts';
export { divideIntoWaves } from './waves.ts';
