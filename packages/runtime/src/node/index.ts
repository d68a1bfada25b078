export { decodeImage, nodeDecoding, preprocessImage } from './decoding.ts';
export { startInlineExecutor } from './inline.ts';
export { nodePlatform, sharedMs } from './platform.ts';
export { type ProfileRequest, profileModel, runProfile } from './profile.ts';
export { listProviders, type ProviderTrial, tryProvider } from './providers.ts';
export { nodeBackend, openAnySession, openExactly, openSession } from './sessions.ts';
export { startExecutor } from './start-executor.ts';
export { threadPort } from './thread.ts';
export { Throwaway, type ThrowawayAnswer } from './throwaway.ts';
