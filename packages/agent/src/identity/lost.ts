import { CoveyError } from '@covey/protocol';
import type { Identity } from './identity.ts';
import type { PinnedRoot } from './root.ts';

/** What a device still has whose two copies of the identity are damaged: it serves on, and contacts no controller. */
export interface LostIdentity {
  /** DATA_CORRUPT, and what to do. */
  readonly lost: CoveyError;
  /** Nobody: without tags it is offered only what is signed for all devices, and nothing is asked with it. */
  readonly identity: Identity;
  readonly root: PinnedRoot;
}

export function lostIdentity(damaged: readonly string[], root: PinnedRoot): LostIdentity {
  return {
    lost: new CoveyError(
      'DATA_CORRUPT',
      `${damaged.join(' and ')} are damaged: this device serves what it has and contacts no controller; \`covey device reset\` on the controller, then \`covey enroll --replace\` with a new token here, while the agent is stopped, gives another identity`,
    ),
    identity: {
      deviceId: 'unknown',
      mqttUrl: 'mqtts://unknown.invalid',
      deviceUrl: 'https://unknown.invalid',
      tags: {},
      keyPem: '',
      certificatePem: '',
      caPem: '',
      pinnedRoot: root.bytes,
    },
    root,
  };
}
