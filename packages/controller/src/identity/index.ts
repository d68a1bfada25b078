export { createAuthorityFiles } from './authority.ts';
export { isIssuedHere } from './certificates.ts';
export { type DeviceAuthorityOptions, readAuthorities } from './device-authority.ts';
export type { EnrolmentUrls } from './enrol.ts';
export { type Identity, openIdentity } from './identity.ts';
export type { ServerCredentials } from './server.ts';
