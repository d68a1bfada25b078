export { openOnlineKey } from './online-key.ts';
export { createTrust, type Trust } from './trust.ts';
