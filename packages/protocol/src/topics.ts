import * as v from 'valibot';
import { DeviceIdSchema } from './ids.ts';

/** Device to controller. */
export const upKinds = ['birth', 'death', 'reported', 'metrics', 'summary', 'event', 'log', 'get'] as const;
/** Controller to device. */
export const downKinds = ['desired', 'command', 'receipt'] as const;
export type UpKind = (typeof upKinds)[number];
export type DownKind = (typeof downKinds)[number];

const prefix = 'covey/1/';

export function topicOf(device: string, kind: UpKind | DownKind): string {
  return `${prefix}${device}/${kind}`;
}

export type ParsedTopic = { device: string } & (
  | { direction: 'up'; kind: UpKind }
  | { direction: 'down'; kind: DownKind }
);

/** The device and kind of a literal topic, or undefined for any topic that is not exactly one of ours. */
export function parseTopic(topic: string): ParsedTopic | undefined {
  if (!topic.startsWith(prefix)) return undefined;
  const parts = topic.slice(prefix.length).split('/');
  const [device, kind] = parts;
  if (parts.length !== 2 || device === undefined || !v.is(DeviceIdSchema, device)) return undefined;
  const up = upKinds.find((candidate) => candidate === kind);
  if (up) return { device, direction: 'up', kind: up };
  const down = downKinds.find((candidate) => candidate === kind);
  return down && { device, direction: 'down', kind: down };
}
