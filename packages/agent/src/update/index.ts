export { advance, type UpdateEvent, wakeAt } from './advance.ts';
export {
  type Choice,
  candidateOf,
  comparedModels,
  initialUpdate,
  isSettled,
  isSoftwareOnTrial,
  parcelPrefix,
  pinnedBundles,
  type Update,
  wantedSoftware,
} from './state.ts';
