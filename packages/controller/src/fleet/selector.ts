import { CoveyError, type Tags } from '@covey/protocol';
import type { Selectable } from 'kysely';
import type { Db, DevicesTable } from '../storage/index.ts';

export type DeviceRow = Selectable<DevicesTable>;

/**
 * A group: `all`, or `key=value` pairs joined by commas, all of which a device's tags must have; the key `id` is the
 * device's own id. Errors: INVALID_ARGUMENT.
 */
export function parseSelector(text: string): (device: { id: string; tags: Tags }) => boolean {
  if (text.trim() === 'all') return () => true;
  const pairs = text.split(',').map((part): [string, string] => {
    const at = part.indexOf('=');
    const key = part.slice(0, at).trim();
    if (at < 1 || key === '')
      throw new CoveyError(
        'INVALID_ARGUMENT',
        `"${text}" is no selector: write all, or key=value pairs such as site=lab,line=3`,
      );
    return [key, part.slice(at + 1).trim()];
  });
  return ({ id, tags }) =>
    pairs.every(([key, value]) => (key === 'id' ? id : Object.hasOwn(tags, key) && tags[key]) === value);
}

/** The devices of a group that are not revoked, by id. */
export async function devicesOf(db: Db, selector: string): Promise<DeviceRow[]> {
  const matches = parseSelector(selector);
  const rows = await db
    .selectFrom('devices')
    .selectAll()
    .where('revoked_at', 'is', null)
    .orderBy('id')
    .execute();
  return rows.filter((row) => matches({ id: row.id, tags: JSON.parse(row.tags) as Tags }));
}
