export { advance, type UpdateEvent, wakeAt } from './advance.ts';
export {
  type Choice,
  candidateOf,
  comparedModels,
  initialUpdate,
  isSettled,
  type Update,
} from './state.ts';
