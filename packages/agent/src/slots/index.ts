export { openSlots, type Slots } from './slots.ts';
export { createTurns } from './turns.ts';
