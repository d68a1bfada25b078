export type { EnrolmentUrls } from './enrol.ts';
export { type Identity, openIdentity, type ServerCredentials } from './identity.ts';
