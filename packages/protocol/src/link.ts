import * as v from 'valibot';
import { isControllerAddress } from './address.ts';
import { limits } from './limits.ts';

const linkUrl = (scheme: 'mqtts' | 'https') =>
  v.pipe(
    v.string(),
    v.maxLength(limits.urlChars),
    v.check((text) => isControllerAddress(text, scheme), `${scheme}://, a host, and a port from 1 to 65535`),
  );
/** How the controller is to be reached. A device tries it, and goes back by itself when it hears nothing that way. */
export const LinkSettingsSchema = v.object({
  /** Of this change: one that was taken back is not tried again under the same id. */
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  mqttUrl: linkUrl('mqtts'),
  deviceUrl: linkUrl('https'),
  /** An authority to trust in addition. */
  caPem: v.optional(v.pipe(v.string(), v.maxLength(limits.certificatesChars))),
  /** Without contact in this time it is taken back. */
  withinMs: v.pipe(
    v.number(),
    v.integer(),
    v.minValue(limits.linkWithinMs.least),
    v.maxValue(limits.linkWithinMs.most),
  ),
});
export type LinkSettings = v.InferOutput<typeof LinkSettingsSchema>;

/** What became of the last change of the way to the controller. */
export const ReportedLinkSchema = v.object({
  id: v.pipe(v.string(), v.maxLength(64)),
  state: v.picklist(['pending', 'kept', 'takenBack']),
  /** Why it was taken back; or what it lacks although it was kept. */
  reason: v.optional(v.pipe(v.string(), v.maxLength(limits.reasonChars))),
});
export type ReportedLink = v.InferOutput<typeof ReportedLinkSchema>;
