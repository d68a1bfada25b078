/** Every bound on what comes from outside, in one place. Sizes in bytes, times in milliseconds. */
export const limits = {
  /** MQTT packet as it arrives at the broker, before anything is parsed. */
  mqttPacketBytes: 256 * 1024,
  /** JSON state document on the wire. */
  documentBytes: 128 * 1024,
  documentDepth: 16,
  /** Decoded telemetry message. */
  telemetryBytes: 1024 * 1024,
  topicBytes: 256,
  /** HTTP bodies: inference on the device, admin API, enrolment. */
  inferenceBodyBytes: 64 * 1024 * 1024,
  inferenceHeaderBytes: 1024 * 1024,
  inferenceTokensBytes: 256 * 1024,
  inferenceCallers: 256,
  adminBodyBytes: 1024 * 1024,
  enrolBodyBytes: 32 * 1024,
  /** PEM text of a certificate with its chain, or of a few authorities. */
  certificatesChars: 32 * 1024,
  /** Bundles. */
  manifestBytes: 4 * 1024 * 1024,
  chunkBytes: 1024 * 1024,
  fileBytes: 2 * 1024 * 1024 * 1024,
  filesPerBundle: 256,
  modelsPerRelease: 64,
  tensorsPerModel: 256,
  tensorRank: 16,
  tensorElements: 512 * 1024 * 1024,
  /** What a probe found. */
  probeResults: 256,
  threads: 1_024,
  operatorsPerPlacement: 64,
  goldenBytes: 64 * 1024 * 1024,
  /** 64 vectors of a model with as many tensors, and names as long, as there may be. */
  goldenHeadBytes: 16 * 1024 * 1024,
  evaluationBytes: 1024 * 1024,
  classNames: 10_000,
  /** Pictures and sound, before anything of theirs is decoded. */
  imagePixels: 64 * 1024 * 1024,
  imageSidePixels: 32_768,
  audioBytes: 512 * 1024 * 1024,
  /** TUF metadata, by role: what most clients take. */
  trustRootBytes: 512_000,
  trustTimestampBytes: 16_384,
  trustSnapshotBytes: 2_000_000,
  trustTargetsBytes: 5_000_000,
  /** A change of the way to the controller: how long a device may wait for contact by the new one. */
  linkWithinMs: { least: 1_000, most: 86_400_000 },
  /** Names and texts. */
  urlChars: 256,
  nameChars: 63,
  reasonChars: 2_000,
  tagsPerDevice: 64,
} as const;
