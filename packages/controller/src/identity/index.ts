export type { EnrolmentUrls, Identity, NewToken, ServerCredentials, TokenRequest } from './identity.ts';
export { openIdentity } from './identity.ts';
