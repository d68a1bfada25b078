import { DeviceId, Digest, ErrorAnswer, Name, VersionName } from '@covey/protocol/api';
import * as z from 'zod';

/** Who acts: /v1 knows one identity. */
export const actor = 'admin';

/** Answers that every route may give, for the documentation. */
export const errorAnswers = { '4xx': ErrorAnswer, '5xx': ErrorAnswer };

export const ModelParams = z.object({ model: Name });
export const VersionParams = z.object({ model: Name, version: VersionName });
export const ChannelParams = z.object({ model: Name, channel: Name });
export const ChunkParams = z.object({ sha256: Digest });
export const DeviceParams = z.object({ device: DeviceId });
export const RolloutParams = z.object({ rollout: z.string().max(64) });
export const LinkChangeParams = z.object({ change: z.string().max(64) });
export const TokenParams = z.object({ token: z.string().max(64) });
export const NoContent = z.undefined().describe('done');
