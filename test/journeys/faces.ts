import type { ImagePreprocessing, Pipeline } from '@covey/protocol';

/** A face found: corners as shares of the photograph's width and height, and the detector's score. */
export interface Face {
  left: number;
  top: number;
  right: number;
  bottom: number;
  score: number;
}

/**
 * Faces counted by a person who looked at the photographs with the detector's boxes drawn on them: all of them are found, and
 * nothing else. faces-1 is a crowd of about 52, heads of 25 pixels partly behind each other: the detector finds most.
 */
export const faceCounts: Record<string, [least: number, most: number]> = {
  'faces-1.jpg': [40, 52],
  'faces-13.jpg': [2, 2],
  'faces-18.jpg': [6, 6],
  'faces-19.jpg': [5, 5],
  'faces-2.jpg': [4, 4],
  'faces-20.jpg': [10, 10],
  'faces-23.jpg': [3, 3],
  'faces-3.jpg': [5, 5],
  'faces-5.jpg': [1, 1],
  'faces-6.jpg': [14, 14],
  'faces-9.jpg': [8, 8],
};

const leastScore = 0.7;
const mostOverlap = 0.3;

/**
 * Faces from the detector's outputs, best first: `scores` [n,2] (background, face), `boxes` [n,4] (left, top, right, bottom).
 * Of boxes that overlap by more than 30 % the best is kept: the thresholds and the suppression of the model's publisher
 * (Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB, run_video_face_detect_onnx.py).
 */
export function facesIn(scores: Float32Array, boxes: Float32Array): Face[] {
  const candidates = Array.from({ length: scores.length / 2 }, (_, i): Face => {
    const [left = 0, top = 0, right = 0, bottom = 0] = boxes.subarray(i * 4, i * 4 + 4);
    return { left, top, right, bottom, score: scores[i * 2 + 1] ?? 0 };
  })
    .filter(({ score }) => score > leastScore)
    .sort((a, b) => b.score - a.score);
  const faces: Face[] = [];
  for (const candidate of candidates) {
    if (faces.every((face) => overlap(face, candidate) <= mostOverlap)) faces.push(candidate);
  }
  return faces;
}

/** Intersection over union. */
function overlap(a: Face, b: Face): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  const shared = Math.max(width, 0) * Math.max(height, 0);
  return shared / (area(a) + area(b) - shared);
}

function area({ left, top, right, bottom }: Face): number {
  return (right - left) * (bottom - top);
}

/** As the detector's publisher prepares photographs (run_video_face_detect_onnx.py); OpenCV's resizing is bilinear. */
export const photographForm: ImagePreprocessing = {
  kind: 'image',
  width: 320,
  height: 240,
  fit: 'stretch',
  interpolation: 'bilinear',
  channels: 'rgb',
  layout: 'nchw',
  datatype: 'FP32',
  mean: [127],
  scale: [128],
};

/** A photograph in, faces out: what `photographForm` and `facesIn` do, declared. */
export const facePipeline: Pipeline = {
  inputs: [{ name: 'photograph', datatype: 'BYTES', shape: [-1] }],
  stages: [
    { kind: 'preprocess', input: 'photograph', output: 'pixels', form: photographForm },
    { kind: 'model', inputs: { input: 'pixels' }, outputs: { scores: 'scores', boxes: 'boxes' } },
    {
      kind: 'non-maximum-suppression',
      boxes: 'boxes',
      scores: 'scores',
      background: 0,
      threshold: leastScore,
      suppression: mostOverlap,
      perClass: true,
      most: 200,
      outputs: { boxes: 'faces', scores: 'certainty', classes: 'class' },
    },
  ],
  outputs: [
    { name: 'faces', datatype: 'FP32', shape: [-1, 4] },
    { name: 'certainty', datatype: 'FP32', shape: [-1] },
  ],
};
