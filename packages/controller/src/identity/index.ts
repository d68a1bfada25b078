export type { EnrolmentUrls } from './enrol.ts';
export {
  type Identity,
  type IdentityOptions,
  type NewToken,
  openIdentity,
  type ServerCredentials,
  type TokenRequest,
} from './identity.ts';
