export { readDesired } from './desired.ts';
