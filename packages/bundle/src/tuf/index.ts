export {
  changedDelegation,
  changedRoot,
  type KeyChange,
  keysNamed,
  type OfflineRole,
  signerAmong,
  signUpload,
  withKeyReplaced,
} from './ceremony.ts';
export {
  findTarget,
  readDelegated,
  refreshMetadata,
  type TrustedMetadata,
  type TufClientOptions,
  trustedTimestamp,
} from './client.ts';
export {
  limitsField,
  type Metadata,
  parseMetadata,
  type RoleLimits,
  type Root,
  type TargetFile,
  type Targets,
  type Timestamp,
  type TopLevelRole,
  type TufKey,
} from './documents.ts';
export {
  createKeyPair,
  isSignedBy,
  type KeyType,
  keyIdOf,
  pemSigner,
  readPublicKey,
  type Signer,
} from './keys.ts';
export { isDelegatedPath } from './paths.ts';
export {
  encodeDocument,
  holdersOf,
  isDueToSign,
  type KeyHolders,
  nextTargets,
  rootOf,
  type SignedDocument,
  signDocument,
  signedAtField,
  targetPath,
  withDelegation,
  withoutDelegation,
  withTarget,
} from './publish.ts';
export {
  firstUpload,
  type InForce,
  listTarget,
  listVersion,
  type RoleSigners,
  type VersionTarget,
} from './publisher.ts';
export {
  isTargetOf,
  mayKeySign,
  type Publication,
  publishUpload,
  type Repository,
  renewOnline,
  rolesListing,
  type Upload,
} from './repository.ts';
export type { MetadataStore } from './stored.ts';
export { verifyContent } from './verify.ts';
export { allows, type FoundTarget } from './walk.ts';
