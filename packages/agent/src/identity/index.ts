export { type Identity, readIdentity, storeIdentity } from './identity.ts';
