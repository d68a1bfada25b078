import type { CatalogueEntry } from './entry.ts';

/** Of requests, the wire, identities, inference, and the machine. */
export const generalErrors = {
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
    remedy:
      'It was damaged on its way, or made by another version: send or write it again, and update who made it.',
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
    remedy:
      'If that was a mistake: `covey device reset` and a new token on the controller, then `covey enroll --replace`.',
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
  // inference
  MODEL_UNKNOWN: { status: 404, remedy: 'GET /v2/models/{name} of a model that is deployed here.' },
  MODEL_UNAVAILABLE: { status: 503, remedy: 'The model is being loaded or replaced; try again shortly.' },
  MODEL_UNLOADED: {
    status: 503,
    remedy:
      'Load it with the call that unloaded it, or start the agent again; who may is said by the tokens file.',
  },
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
  PORT_IN_USE: { status: 500, remedy: 'Stop the other program or choose another port, see --help.' },
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
    retry: 'rejected',
    remedy:
      'What the disk has kept is damaged; do what the message says, or restore it from a backup, and look at the medium.',
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
