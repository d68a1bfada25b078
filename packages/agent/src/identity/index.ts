export { fingerprintOf, isCertificateFor, makeKey, makeRequest } from './certificates.ts';
export {
  createIdentity,
  type Identity,
  type IdentityStore,
  type LinkChange,
  type LinkWays,
  openIdentity,
  openIdentityOrLost,
  tlsOf,
} from './identity.ts';
export { createKeeper, type Keeper } from './keeper.ts';
export type { LostIdentity } from './lost.ts';
export { refusalOf } from './refusal.ts';
export { askStanding, type Standing } from './renewal.ts';
export { rootLost, rootLostButLearned } from './root.ts';
