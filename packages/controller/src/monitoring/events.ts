import type { EventsAnswer } from '@covey/protocol/api';
import type { Db } from '../storage/index.ts';

export interface EventsQuery {
  device?: string | undefined;
  model?: string | undefined;
  before?: number | undefined;
  limit: number;
}

/** Newest first. With a model also the device's events that name none. */
export async function listEvents(db: Db, query: EventsQuery): Promise<EventsAnswer['events']> {
  const { device, model, before, limit } = query;
  return db
    .selectFrom('events')
    .selectAll()
    .$if(device !== undefined, (select) => select.where('device', '=', device ?? ''))
    .$if(model !== undefined, (select) =>
      select.where((where) => where.or([where('model', '=', model ?? ''), where('model', 'is', null)])),
    )
    .$if(before !== undefined, (select) => select.where('id', '<', before ?? 0))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}
