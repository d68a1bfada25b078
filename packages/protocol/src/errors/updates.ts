import type { CatalogueEntry } from './entry.ts';

/** Of bundles, their delivery, and trust in them. */
export const updateErrors = {
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
  SUPERSEDED: {
    status: 409,
    retry: 'deferred',
    remedy:
      'Nothing was wrong with the version: a newer order put the one before it back before it had proven itself.',
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
  TRANSFER_PENDING: {
    status: 503,
    retry: 'deferred',
    remedy: 'The transfer is made in its turn: ask again shortly. Devices fetch chunks if it takes too long.',
  },
  TRANSFER_REFUSED: {
    status: 403,
    retry: 'retryable',
    remedy:
      'Transfers are made for what is wanted of a device, from what it was told to have or serves; it fetches chunks.',
  },
  CHUNK_LOST: {
    status: 503,
    retry: 'retryable',
    remedy:
      'Push the same files as the same version again (`covey model push`): what the controller lost is uploaded anew.',
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
} as const satisfies Record<string, CatalogueEntry>;
