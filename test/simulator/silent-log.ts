import type { Log } from '@covey/ports';

/** The transcript says what happens; what the parts say of it is left out. */
export const silentLog: Log = { write: () => {}, component: () => silentLog };
