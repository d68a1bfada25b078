export { createDownloader, type Downloader, verifyBundle } from './download.ts';
