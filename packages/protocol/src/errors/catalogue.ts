import type { CatalogueEntry, RetryClass } from './entry.ts';
import { generalErrors } from './general.ts';
import { updateErrors } from './updates.ts';

/**
 * The one catalogue of errors. A code is stable: scripts may match on it. `status` is the HTTP status the
 * error becomes at an HTTP edge, `remedy` tells the reader what to do next, `retry` stands at those that can end a step of
 * an update.
 */
export const errorCatalogue = { ...generalErrors, ...updateErrors };

export type ErrorCode = keyof typeof errorCatalogue;

/** The class of a code, from whatever process it came; what the catalogue does not classify is worth another try. */
export function retryClassOf(code: string): RetryClass {
  const entry: CatalogueEntry | undefined = Object.hasOwn(errorCatalogue, code)
    ? errorCatalogue[code as ErrorCode]
    : undefined;
  return entry?.retry ?? 'retryable';
}
