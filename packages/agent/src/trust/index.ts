export { createTrust, hasLearnedRoot, type Trust } from './trust.ts';
