import type { Clock, Timer } from '@covey/ports';

/** Changed evidence is sent at once but for this much, unchanged evidence every `heartbeatMs`. */
const changedAfterMs = 250;
const heartbeatMs = 1_000;

/** When evidence is sent. */
export interface EvidenceTimer {
  /** Evidence has changed. */
  note(): void;
  /** Sends the last and ends. */
  stop(): void;
}

export function startEvidenceTimer(clock: Clock, send: () => void): EvidenceTimer {
  let isChanged = false;
  let timer: Timer;
  const sendAfter = (delayMs: number) => {
    timer = clock.setTimer(delayMs, () => {
      isChanged = false;
      send();
      sendAfter(heartbeatMs);
    });
  };
  sendAfter(heartbeatMs);
  return {
    note: () => {
      if (isChanged) return;
      isChanged = true;
      timer.cancel();
      sendAfter(changedAfterMs);
    },
    stop: () => {
      timer.cancel();
      send();
    },
  };
}
