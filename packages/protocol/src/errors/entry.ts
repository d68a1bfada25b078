/**
 * What a device does about a step of an update that ended with an error: try again by itself, refuse the release for good,
 * or wait until it may go on, which is no failure.
 */
export type RetryClass = 'retryable' | 'rejected' | 'deferred';

export interface CatalogueEntry {
  status: number;
  remedy: string;
  retry?: RetryClass;
}
