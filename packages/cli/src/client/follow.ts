import { CoveyError } from '@covey/protocol';
import { ChangesAnswer } from '@covey/protocol/api';
import type { Client } from './client.ts';

const retryMs = 1_000;

/** Something on the controller that is looked at whenever it may have changed. */
export interface Followed<View> {
  look(): Promise<View>;
  /** What is told of it, in a line. */
  summarize(view: View): string;
  isOver(view: View): boolean;
  /** A line that differs from the one before; `view` is missing while the controller is away. */
  onLine(line: string, view?: View): void;
}

/**
 * Follows it until it is over. The controller may be away meanwhile: it is asked again, because devices and controller go on
 * without this command. Errors: those of `look`, but UNREACHABLE and TIMEOUT.
 */
export async function follow<View>(client: Client, followed: Followed<View>): Promise<View> {
  let told = '';
  const tell = (line: string, view?: View) => {
    if (line !== told) followed.onLine(line, view);
    told = line;
  };
  let after: string | undefined;
  for (;;) {
    try {
      const query = { after };
      const changes = await client.call({ method: 'GET', path: '/changes', query, answer: ChangesAnswer });
      after = changes.cursor;
      const view = await followed.look();
      tell(followed.summarize(view), view);
      if (followed.isOver(view)) return view;
    } catch (error) {
      if (!(error instanceof CoveyError) || !['UNREACHABLE', 'TIMEOUT'].includes(error.code)) throw error;
      tell(`${error.message}; trying again`);
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}
