import * as z from 'zod';
import { isControllerAddress } from '../address.ts';
import { limits } from '../limits.ts';
import { WaveSize } from './rollouts.ts';
import { Count, DeviceId, Selector, Time } from './terms.ts';

export const linkChangeStates = ['running', 'finished', 'stopped'] as const;
/**
 * What a change knows of one of its devices. `kept`: it had contact by the new way; `takenBack`: it had none, or refused
 * it, and uses the one before; `silent`: it was here and was not heard since; `unreached`: it was away all the time, or the change
 * was stopped before it said anything.
 */
export const linkMemberStates = ['waiting', 'moving', 'kept', 'takenBack', 'silent', 'unreached'] as const;

const address = (scheme: 'mqtts' | 'https', example: string) =>
  z
    .string()
    .max(limits.urlChars)
    .refine((text) => isControllerAddress(text, scheme), `an address such as ${example}`);

const settings = {
  selector: Selector.default('all'),
  /** Absent: without such. */
  caPem: z
    .string()
    .max(limits.certificatesChars)
    .optional()
    .describe('an authority to trust in addition (PEM)'),
  withinMs: z
    .int()
    .min(limits.linkWithinMs.least)
    .max(limits.linkWithinMs.most)
    .default(900_000)
    .describe('a device without contact by the new way in this time goes back by itself'),
  waves: z
    .array(WaveSize)
    .min(1)
    .max(100)
    .default([{ count: 1 }])
    .describe('the devices left over are one last wave'),
};
const mqttUrl = address('mqtts', 'mqtts://covey.example.com:8883');
const deviceUrl = address('https', 'https://covey.example.com:8443');

/** POST /v1/link-changes: other addresses of this controller, for a group of devices, wave by wave. */
export const LinkChangeRequest = z.object({
  ...settings,
  mqttUrl: mqttUrl.optional().describe('absent: as devices are told that enrol now'),
  deviceUrl: deviceUrl.optional().describe('absent: as devices are told that enrol now'),
});
export const LinkChangePlan = z.object({ ...settings, mqttUrl, deviceUrl });
export type LinkChangePlan = z.infer<typeof LinkChangePlan>;

/** POST /v1/link-changes/preview: which devices would move, wave by wave. */
export const LinkChangePreview = z.object({
  mqttUrl: z.string(),
  deviceUrl: z.string(),
  waves: z.array(
    z.object({
      devices: z.array(z.object({ device: DeviceId, online: z.boolean(), lastSeenAt: Time.nullable() })),
    }),
  ),
});
export type LinkChangePreview = z.infer<typeof LinkChangePreview>;

export const LinkChangeView = z.object({
  id: z.string(),
  plan: LinkChangePlan,
  state: z.enum(linkChangeStates),
  /** Why it was stopped. */
  reason: z.string().nullable(),
  /** Index of the wave under way, or of the last one. */
  wave: Count,
  waves: z.array(
    z.object({
      devices: z.array(
        z.object({ device: DeviceId, state: z.enum(linkMemberStates), reason: z.string().nullable() }),
      ),
    }),
  ),
  createdAt: Time,
  createdBy: z.string(),
  updatedAt: Time,
});
export type LinkChangeView = z.infer<typeof LinkChangeView>;

export const LinkChangesQuery = z.object({ limit: z.coerce.number().int().min(1).max(100).default(20) });
export const LinkChangesAnswer = z.object({ linkChanges: z.array(LinkChangeView) });
