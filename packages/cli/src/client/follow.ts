import { CoveyError } from '@covey/protocol';
import { ChangesAnswer } from '@covey/protocol/api';
import type { Client } from './client.ts';

const retryMs = 1_000;
/** A controller that is started again, moved or cut off for a while has answered long before. */
const longestAwayMs = 15 * 60_000;

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
 * without this command. Errors: those of `look`; UNREACHABLE and TIMEOUT only after 15 minutes without an answer.
 */
export async function follow<View>(client: Client, followed: Followed<View>): Promise<View> {
  let told = '';
  const tell = (line: string, view?: View) => {
    if (line !== told) followed.onLine(line, view);
    told = line;
  };
  let after: string | undefined;
  let answeredMs = performance.now();
  for (;;) {
    try {
      const query = { after };
      const changes = await client.call({ method: 'GET', path: '/changes', query, answer: ChangesAnswer });
      after = changes.cursor;
      const view = await followed.look();
      answeredMs = performance.now();
      tell(followed.summarize(view), view);
      if (followed.isOver(view)) return view;
    } catch (error) {
      if (!(error instanceof CoveyError) || !['UNREACHABLE', 'TIMEOUT'].includes(error.code)) throw error;
      if (performance.now() - answeredMs > longestAwayMs) throw givenUp(error);
      tell(`${error.message}; trying again`);
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}

function givenUp(cause: CoveyError): CoveyError {
  const message = `${cause.message}, for ${longestAwayMs / 60_000} minutes; what was begun goes on without this command`;
  return new CoveyError(cause.code, message, { cause });
}
