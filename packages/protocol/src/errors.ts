/**
 * What a device does about a step of an update that ended with an error: try again by itself, refuse the release for good,
 * or wait until it may go on, which is no failure.
 */
export type RetryClass = 'retryable' | 'rejected' | 'deferred';

interface CatalogueEntry {
  status: number;
  remedy: string;
  retry?: RetryClass;
}

/**
 * The one catalogue of errors. A code is stable: scripts may match on it. `status` is the HTTP status the
 * error becomes at an HTTP edge, `remedy` tells the reader what to do next, `retry` stands at those that can end a step of
 * an update.
 */
export const errorCatalogue = {
  // the request or document
  INVALID_DOCUMENT: {
    status: 400,
    retry: 'rejected',
    remedy: 'Correct the field named in the message and send it again.',
  },
  INVALID_ARGUMENT: { status: 400, remedy: 'See --help for what the command accepts.' },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    retry: 'rejected',
    remedy: 'Send less than the limit named in the message.',
  },
  UNSUPPORTED: { status: 501, remedy: 'Use one of the supported forms named in the message.' },
  NOT_FOUND: {
    status: 404,
    retry: 'retryable',
    remedy: 'Check the path or name in the message; the list commands show the names that exist.',
  },
  CONFLICT: {
    status: 409,
    remedy: 'Look at the current state, then repeat the request if it is still wanted.',
  },
  METHOD_NOT_ALLOWED: { status: 405, remedy: 'Use the method named in the documentation of this address.' },
  // the wire
  WIRE_MALFORMED: {
    status: 400,
    retry: 'rejected',
    remedy: 'The sender is broken or of another version; update it.',
  },
  WIRE_CHECKSUM: { status: 400, remedy: 'The payload was damaged on the way; it is sent again by itself.' },
  WIRE_BOMB: { status: 413, remedy: 'The frame would decode to more than the limit; it was not decoded.' },
  // identity
  UNAUTHENTICATED: {
    status: 401,
    retry: 'retryable',
    remedy: 'Send the bearer token of the controller (file admin.token in its data folder).',
  },
  FORBIDDEN: { status: 403, retry: 'retryable', remedy: 'Use an identity that owns this resource.' },
  TOKEN_UNKNOWN: { status: 401, remedy: 'Ask the controller for a new enrolment token.' },
  TOKEN_USED: { status: 401, remedy: 'The token has been used as often as it allows; ask for a new one.' },
  TOKEN_EXPIRED: { status: 401, remedy: 'The token is past its time; ask for a new one.' },
  TOKEN_REVOKED: { status: 401, remedy: 'The token was revoked on the controller; ask for a new one.' },
  DEVICE_REVOKED: {
    status: 403,
    retry: 'retryable',
    remedy: 'If that was a mistake: `covey device reset` on the controller, then enrol the device again.',
  },
  DEVICE_QUARANTINED: {
    status: 403,
    retry: 'retryable',
    remedy: 'Find the machine that uses the same identity, then `covey device reset` and enrol both anew.',
  },
  CERTIFICATE_EXPIRED: {
    status: 403,
    retry: 'retryable',
    remedy: 'It renews itself for a year after its end; after that, reset the device and enrol it again.',
  },
  CERTIFICATE_SUPERSEDED: {
    status: 403,
    retry: 'retryable',
    remedy: 'A later certificate of the device is in use: look for a copy of its data folder, then reset it.',
  },
  CERTIFICATE_UNKNOWN: {
    status: 403,
    retry: 'retryable',
    remedy: 'Enrol the device at this controller; a restored backup may have forgotten it.',
  },
  CA_FAILED: {
    status: 502,
    retry: 'retryable',
    remedy:
      "Look at what the enterprise's certificate authority answered, and at the options --device-ca of the controller.",
  },
  CA_MISMATCH: {
    status: 495,
    retry: 'retryable',
    remedy:
      'The server is not the controller that the token or the identity names; do not proceed: ask who sits between.',
  },
  // bundles and models
  MODEL_INVALID: {
    status: 400,
    retry: 'rejected',
    remedy: 'Give a valid ONNX file; the message names what is wrong with it.',
  },
  MODEL_UNSUPPORTED: {
    status: 400,
    retry: 'rejected',
    remedy: 'Export the model with the operators and types named in the message.',
  },
  BUNDLE_CORRUPT: {
    status: 400,
    retry: 'retryable',
    remedy: 'The bytes do not match their digest; they are fetched again by themselves.',
  },
  BUNDLE_INCOMPLETE: { status: 409, remedy: 'Upload the missing chunks, then publish again.' },
  BUNDLE_INCOMPATIBLE: {
    status: 400,
    retry: 'rejected',
    remedy: 'The bundle has no variant this device can run.',
  },
  SECURITY_COUNTER: {
    status: 409,
    retry: 'rejected',
    remedy: 'The version was blocked; publish one with a higher security counter.',
  },
  GOLDEN_MISMATCH: {
    status: 409,
    retry: 'rejected',
    remedy: 'The model does not compute here what it computed for its publisher; rebuild the bundle.',
  },
  PROBE_CRASHED: {
    status: 500,
    retry: 'retryable',
    remedy:
      'The version ended the process that tried it, or took too long; try it on a machine of this kind.',
  },
  PROBE_FAILED: {
    status: 409,
    retry: 'rejected',
    remedy: 'The version is slower or larger than the rollout allows; publish a smaller one, or allow more.',
  },
  SOAK_FAILED: {
    status: 409,
    retry: 'rejected',
    remedy:
      'The version did worse on live requests than the one before; the message and the evidence say in what.',
  },
  SOFTWARE_FAILED: {
    status: 409,
    retry: 'rejected',
    remedy:
      'The software of the agent did not pass its own test on the device, or did not stay up; the one before runs again.',
  },
  NO_CONTACT: {
    status: 409,
    retry: 'rejected',
    remedy:
      'The new software of the agent did not reach the controller in the time of its soak, so the one before was put back.',
  },
  CRASH_LOOP: {
    status: 500,
    retry: 'rejected',
    remedy: 'The device kept restarting with the version; look at its log and memory.',
  },
  RECENTLY_FAILED: {
    status: 409,
    retry: 'deferred',
    remedy:
      'The version failed on this device; it is tried again by itself, or at once in a rollout with --force.',
  },
  // delivery: none of these is a failure, the update goes on when it may
  HELD_LOCALLY: {
    status: 409,
    retry: 'deferred',
    remedy: 'Somebody on the device holds it up; there, `covey hold --release` lets it go on.',
  },
  START_SPREAD: {
    status: 409,
    retry: 'deferred',
    remedy: 'Devices start spread over the time of the plan; its turn comes.',
  },
  OUTSIDE_WINDOW: {
    status: 409,
    retry: 'deferred',
    remedy: 'It goes on when the next maintenance window opens.',
  },
  METERED_LINK: {
    status: 409,
    retry: 'deferred',
    remedy: 'It goes on over a link that is not metered, or with another policy.',
  },
  DELTA_UNAVAILABLE: {
    status: 409,
    retry: 'deferred',
    remedy: 'Allow the full download in the plan (`--when-delta-fails full`), or bring it on a USB stick.',
  },
  BUDGET_SPENT: {
    status: 429,
    retry: 'deferred',
    remedy:
      'The byte budget of the device, site or rollout is spent; wait, or begin a rollout with a larger one.',
  },
  // trust
  TRUST_MALFORMED: {
    status: 400,
    retry: 'retryable',
    remedy: 'The metadata is damaged or made by something else; it is fetched again by itself.',
  },
  TRUST_SIGNATURE: {
    status: 403,
    retry: 'retryable',
    remedy: 'Sign with as many of the keys as the role asks for: `covey trust show` names them.',
  },
  TRUST_ROLLBACK: {
    status: 409,
    retry: 'retryable',
    remedy: 'Somebody offers metadata older than what was seen before; look into who serves it.',
  },
  TRUST_INCONSISTENT: {
    status: 409,
    retry: 'retryable',
    remedy: 'The metadata files do not belong together; they are fetched again by themselves.',
  },
  TRUST_EXPIRED: {
    status: 409,
    retry: 'deferred',
    remedy: 'Sign the role again, or set the clock of the device right; what is installed serves on.',
  },
  TRUST_UNKNOWN: {
    status: 403,
    retry: 'rejected',
    remedy: 'Publish the version with a key that may sign for its model: `covey model push`.',
  },
  TRUST_LIMITED: {
    status: 403,
    retry: 'rejected',
    remedy: 'The key that signed the version is limited to some devices; promote it: `covey model promote`.',
  },
  TRUST_CONFLICT: {
    status: 409,
    remedy: 'Somebody else has published meanwhile; sign again on top of what is there now.',
  },
  KEY_UNUSABLE: {
    status: 400,
    remedy: 'Give an Ed25519 or ECDSA P-256 key in PEM with its passphrase, or a command that signs.',
  },
  // inference
  MODEL_UNKNOWN: { status: 404, remedy: 'GET /v2/models/{name} of a model that is deployed here.' },
  MODEL_UNAVAILABLE: { status: 503, remedy: 'The model is being loaded or replaced; try again shortly.' },
  MODEL_QUARANTINED: {
    status: 503,
    remedy:
      'The version kept ending the inference process; roll out another, or wait until it is tried again.',
  },
  INPUT_INVALID: {
    status: 400,
    remedy: 'Match the names, types and shapes that GET /v2/models/{name} shows.',
  },
  INFERENCE_FAILED: { status: 500, remedy: 'The model failed on this input; the message has its own words.' },
  OVERLOADED: { status: 503, remedy: 'The queue is full; send fewer requests at a time or retry later.' },
  RATE_LIMITED: {
    status: 429,
    retry: 'deferred',
    remedy: 'Wait as long as Retry-After says; send fewer requests at a time.',
  },
  QUOTA_EXHAUSTED: {
    status: 429,
    remedy: "The day's requests are spent; wait until midnight UTC, or ask for a larger quota.",
  },
  DEADLINE_EXCEEDED: { status: 503, remedy: 'Give the request more time, or the device less load.' },
  CANCELLED: {
    status: 499,
    retry: 'retryable',
    remedy: 'The caller gave the request up before it was answered.',
  },
  RUNTIME_DIED: {
    status: 503,
    retry: 'retryable',
    remedy: 'The inference process ended; it is restarted by itself.',
  },
  // this machine
  PORT_IN_USE: { status: 500, remedy: 'Stop the other program or choose another port with --port.' },
  DATA_FOREIGN: {
    status: 500,
    remedy: 'Choose an empty folder, or the data folder of a Covey installation, with --data.',
  },
  DATA_NEWER: {
    status: 500,
    remedy: 'The folder was written by a newer Covey; update this one or choose another folder.',
  },
  DATA_LOCKED: {
    status: 500,
    remedy: 'Another Covey process uses this data folder; stop it or choose another folder.',
  },
  DATA_CORRUPT: {
    status: 500,
    retry: 'retryable',
    remedy: 'The file named is damaged; restore it, or remove it to start anew.',
  },
  DISK_FULL: { status: 507, retry: 'deferred', remedy: 'Free space on the disk that holds the data folder.' },
  DISK_FAILED: {
    status: 500,
    retry: 'retryable',
    remedy: 'The disk did not read or write; look at the system log, and replace the medium if it goes on.',
  },
  PROXY_REFUSED: {
    status: 502,
    retry: 'retryable',
    remedy:
      'Give the right user name and password (see `covey proxy`), or ask for this address to be let through.',
  },
  PROXY_UNREACHABLE: {
    status: 502,
    retry: 'retryable',
    remedy: 'Check the address of the HTTP proxy (see `covey doctor`).',
  },
  UNREACHABLE: {
    status: 502,
    retry: 'retryable',
    remedy: 'Check that the address is right and that the other side runs.',
  },
  TIMEOUT: {
    status: 504,
    retry: 'retryable',
    remedy: 'Try again; if it persists, look at the log of the other side.',
  },
  INTERNAL: { status: 500, retry: 'retryable', remedy: 'This is a fault in Covey; report it with the log.' },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

/** The class of a code, from whatever process it came; what the catalogue does not classify is worth another try. */
export function retryClassOf(code: string): RetryClass {
  const entry: CatalogueEntry | undefined = Object.hasOwn(errorCatalogue, code)
    ? errorCatalogue[code as ErrorCode]
    : undefined;
  return entry?.retry ?? 'retryable';
}

/** An error in the user's words, with a code from the catalogue. The cause is kept. */
export class CoveyError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'CoveyError';
    this.code = code;
  }
  get status(): number {
    return errorCatalogue[this.code].status;
  }
  get remedy(): string {
    return errorCatalogue[this.code].remedy;
  }
  toJSON(): ErrorDocument {
    return { code: this.code, message: this.message, remedy: this.remedy };
  }
}

/** The form in which an error crosses a process or network boundary. */
export interface ErrorDocument {
  code: ErrorCode;
  message: string;
  remedy: string;
}

/** Any thrown value as a CoveyError; what is not one already becomes `INTERNAL` (or `code`) with its cause. */
export function toCoveyError(error: unknown, code: ErrorCode = 'INTERNAL'): CoveyError {
  if (error instanceof CoveyError) return error;
  const errno = (error as { code?: unknown } | null)?.code;
  const message = error instanceof Error ? error.message : String(error);
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return new CoveyError('DISK_FULL', message, { cause: error });
  if (errno === 'EIO' || errno === 'EROFS') return new CoveyError('DISK_FAILED', message, { cause: error });
  return new CoveyError(code, message, { cause: error });
}
