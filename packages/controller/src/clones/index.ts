export { type ClonePolicy, type Clones, createClones } from './clones.ts';
