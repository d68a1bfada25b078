import * as z from 'zod';
import { Count, DeviceId, Name, Selector, SemanticVersion, Time } from './terms.ts';

const window = {
  /** Inclusive; default: one hour before `to`. */
  from: z.coerce.number().int().min(0).optional(),
  /** Exclusive; default: now. */
  to: z.coerce.number().int().min(0).optional(),
};

export const MetricsQuery = z.object({
  model: Name.optional(),
  version: SemanticVersion.optional(),
  device: DeviceId.optional(),
  ...window,
});
const Figures = z.object({
  model: Name,
  version: SemanticVersion,
  requests: Count,
  errors: Count,
  /** Turned away before they ran: full queue or deadline. */
  rejected: Count,
  /** Milliseconds inside the device; null without a request. */
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
});
export const MetricsAnswer = z.object({
  from: Time,
  to: Time,
  /** Over the whole window and all devices asked for. */
  totals: z.array(z.object({ ...Figures.shape, requestsPerSecond: z.number() })),
  /** By minute, oldest first. */
  series: z.array(z.object({ ...Figures.shape, minute: Time })),
});
export type MetricsAnswer = z.infer<typeof MetricsAnswer>;

export const SummariesQuery = z.object({ selector: Selector.default('all'), ...window });
const TensorView = z.object({
  name: z.string(),
  output: z.boolean(),
  count: Count,
  mean: z.number().nullable(),
  standardDeviation: z.number().nullable(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  p50: z.number().nullable(),
  p99: z.number().nullable(),
  missing: Count,
  outOfRange: Count,
});
export const SummariesAnswer = z.object({
  model: Name,
  from: Time,
  to: Time,
  /** One per version that was served, merged over devices and variants; newest version first. */
  versions: z.array(
    z.object({
      version: SemanticVersion,
      devices: Count,
      /** Inferences that were looked at: a sample, where devices have much to do. */
      inferences: Count,
      /** All inferences of which these are the sample. */
      answered: Count,
      tensors: z.array(TensorView),
      /** Decisions per class, when the model classifies. */
      classes: z.array(z.object({ name: z.string(), count: Count })),
      /** Against the reference summary in the bundle; null: the bundle has none. */
      comparison: z
        .object({
          finding: z.enum(['insufficient_data', 'stable', 'shifted']),
          /** What was found, in sentences. */
          statements: z.array(z.string()),
        })
        .nullable(),
    }),
  ),
});
export type SummariesAnswer = z.infer<typeof SummariesAnswer>;

export const EventsQuery = z.object({
  device: DeviceId.optional(),
  /** Events with a smaller id: for the next page back. */
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
export const EventView = z.object({
  id: z.int(),
  device: DeviceId,
  at: Time,
  kind: z.string(),
  message: z.string(),
  model: z.string().nullable(),
  version: z.string().nullable(),
});
/** Newest first. */
export const EventsAnswer = z.object({ events: z.array(EventView) });
export type EventsAnswer = z.infer<typeof EventsAnswer>;
