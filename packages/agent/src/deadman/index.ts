export { type DeadMan, steady } from './deadman.ts';
export { createLinkTrial, type LinkTrial } from './link-trial.ts';
