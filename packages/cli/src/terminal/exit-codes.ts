/** Exit codes of `covey`. Scripts may rely on them. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  /** A rollout ended with its devices back on the version before. */
  reverted: 3,
  /** A rollout stopped because the evidence did not suffice. */
  inconclusive: 4,
  /** Ctrl-C: 128 and the number of SIGINT, as shells have it. */
  interrupted: 130,
  /** Told to stop: 128 and the number of SIGTERM. */
  terminated: 143,
} as const;
