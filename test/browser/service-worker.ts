/** Keeps the page and what it loads, but for models, which are the runtime's business. */
interface FetchEvent extends Event {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}

const files = [
  '/',
  '/page.js',
  '/covey-worker.js',
  '/assets/ort-wasm-simd-threaded.mjs',
  '/assets/ort-wasm-simd-threaded.wasm',
];

self.addEventListener('install', (event) => {
  const kept = caches.open('page').then((cache) => cache.addAll(files));
  (event as Event & { waitUntil(work: Promise<unknown>): void }).waitUntil(kept);
});
self.addEventListener('fetch', (event) => {
  const { request, respondWith } = event as FetchEvent;
  respondWith.call(
    event,
    caches.match(request).then((kept) => kept ?? fetch(request)),
  );
});
