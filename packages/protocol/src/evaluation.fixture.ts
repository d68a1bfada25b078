/** One of each kind. */
export const everyTolerance = [
  { kind: 'elements', absolute: 0.001, relative: 0.001 },
  { kind: 'relative-error', output: 'y', absolute: 0, relative: 0.1 },
  { kind: 'classes', output: 'y', margin: 0.1 },
  {
    kind: 'boxes',
    boxes: 'boxes',
    scores: 'scores',
    background: null,
    threshold: 0.5,
    suppression: 0.3,
    overlap: 0.7,
    scoreDifference: 0.1,
  },
];

export function evaluationReport(digest: string) {
  const interval = { median: 1, lower: 0.9, upper: 1.1 };
  const measured = { sizeBytes: 9, sha256: digest, latencyMs: interval, peakMemoryBytes: null };
  return {
    format: 'covey-evaluation/1',
    tool: 'covey',
    createdAt: '2026-01-02T03:04:05Z',
    machine: { cpu: 'c', cores: 2, platform: 'linux-x64', runtime: 'ort', provider: 'cpu', threads: 1 },
    original: measured,
    samples: { source: 'a folder', digest, calibration: 3, heldOut: 1 },
    passes: { 'fold-constants': 2 },
    calibration: 'minmax',
    budget: { 'relative-error': 0.05 },
    variants: [
      {
        ...measured,
        name: 'int8-qdq',
        settings: 'u8s8',
        verdict: 'refused',
        reason: 'too far',
        latencyRatio: interval,
        slowerHere: false,
        errors: { y: { relativeError: 0.1, cosine: 1, maxAbsolute: 0.1, topAgreement: null } },
        nodesKept: ['Conv_0'],
      },
    ],
  };
}
