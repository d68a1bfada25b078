import type { Clock, Disk, Random } from '@covey/ports';
import type { EnrolmentAnswer, Tags } from '@covey/protocol';
import type { Storage } from '../storage/index.ts';

/** PEM texts. */
export interface ServerCredentials {
  ca: string;
  certificate: string;
  key: string;
}

export interface TokenRequest {
  /** Base address of the enrolment listener, such as https://host:8080. */
  url: string;
  /** Every device that enrols with the token gets these. */
  tags: Tags;
  maxUses: number;
  /** How long the token is good for. */
  validMs: number;
  /** Actor, for the audit log. */
  createdBy: string;
}

export interface NewToken {
  id: string;
  /** `covey1.` + base64url; shown once, stored nowhere. */
  token: string;
  expiresAt: number;
}

export interface EnrolmentUrls {
  mqttUrl: string;
  deviceUrl: string;
}

export interface Identity {
  /** PEM of the CA certificate, for GET /enrol/ca. */
  caPem: string;
  /** SHA-256 of the CA certificate's DER, hex. */
  caFingerprint: string;
  /** For every TLS listener of the controller: made anew at each start, good for two years. */
  server: ServerCredentials;
  /** Bearer token of /v1 (file admin.token). */
  adminToken: string;
  /** Text of trust.json; undefined until one was given. */
  trustRoot(): string | undefined;
  /** Stores the trust root (only public keys: the controller holds no publisher key). */
  setTrustRoot(text: string, actor: string): Promise<void>;
  /** Errors: CONFLICT while there is no trust root, INVALID_DOCUMENT. */
  createToken(request: TokenRequest): Promise<NewToken>;
  /** `request` as it came in. Errors: INVALID_DOCUMENT, TOKEN_UNKNOWN, TOKEN_USED, TOKEN_EXPIRED, CONFLICT (id in use). */
  enrol(request: unknown, urls: EnrolmentUrls): Promise<EnrolmentAnswer>;
  /** Errors: NOT_FOUND. The caller ends the device's connections. */
  revoke(device: string, actor: string): Promise<void>;
  /** True unless the device is enrolled, not revoked, and this (hex serial) is its current certificate. */
  isRevoked(device: string, certificateSerial: string): Promise<boolean>;
}

export interface IdentityOptions {
  /** The controller's data folder; holds ca/, admin.token and trust.json. */
  folder: string;
  /** Host names and addresses for the server's certificate besides localhost, 127.0.0.1, ::1 and the host's name. */
  names: string[];
  storage: Storage;
  clock: Clock;
  random: Random;
  disk: Disk;
}

export declare function openIdentity(options: IdentityOptions): Promise<Identity>;
