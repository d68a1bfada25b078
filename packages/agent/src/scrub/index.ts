export { createScrub, type Scrub, type ScrubOptions } from './scrub.ts';
