export { createLinks, type Links } from './links.ts';
