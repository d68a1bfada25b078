export { countStart, noteLasted } from './starts.ts';
