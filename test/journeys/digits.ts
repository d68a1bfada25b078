const sizePixels = 28;
const penPixels = 1.3;

type Point = readonly [x: number, y: number];
/** Strokes of a pen as corners of lines, in pixels of a 28 x 28 picture. */
const strokes: Record<number, Point[][]> = {
  0: [arc(14, 14, 5.5, 8, 0, 360)],
  1: [
    [
      [11, 9],
      [15, 5],
      [15, 23],
    ],
  ],
  2: [[...arc(14, 10, 5, 5, 180, 395), [9, 22], [20, 22]]],
  3: [[...arc(13, 10, 5, 4.5, 200, 450), ...arc(13, 18, 5.5, 4.5, 270, 520)]],
  4: [
    [
      [11, 6],
      [8, 15],
      [20, 15],
    ],
    [
      [17, 6],
      [17, 23],
    ],
  ],
  5: [[[19, 6], [10, 6], [9.5, 13], ...arc(13.5, 17, 5.5, 5, 235, 510)]],
  7: [
    [
      [8, 7],
      [19, 7],
      [12, 23],
    ],
  ],
};

/** Digits that can be drawn. */
export const drawnDigits = Object.keys(strokes).map(Number);

/** Points on an ellipse, degrees from the right and clockwise, as the picture's y axis points down. */
function arc(x: number, y: number, radiusX: number, radiusY: number, from: number, to: number): Point[] {
  return Array.from({ length: 25 }, (_, i): Point => {
    const angle = ((from + ((to - from) * i) / 24) * Math.PI) / 180;
    return [x + radiusX * Math.cos(angle), y + radiusY * Math.sin(angle)];
  });
}

/** A digit as a pen draws it, FP32 [1,1,28,28]: 0 is paper, 255 is ink. */
export function drawDigit(digit: number): Float32Array {
  const lines = (strokes[digit] ?? []).flatMap((points) =>
    points.slice(1).map((end, i) => [points[i] ?? end, end] as const),
  );
  return Float32Array.from({ length: sizePixels ** 2 }, (_, pixel) => {
    const point: Point = [pixel % sizePixels, Math.floor(pixel / sizePixels)];
    const nearest = Math.min(...lines.map(([start, end]) => distance(point, start, end)));
    return 255 * Math.min(Math.max(penPixels + 0.5 - nearest, 0), 1);
  });
}

/** From a point to a line between two others. */
function distance([x, y]: Point, [startX, startY]: Point, [endX, endY]: Point): number {
  const [alongX, alongY] = [endX - startX, endY - startY];
  const squared = alongX ** 2 + alongY ** 2;
  const share = squared === 0 ? 0 : ((x - startX) * alongX + (y - startY) * alongY) / squared;
  const at = Math.min(Math.max(share, 0), 1);
  return Math.hypot(x - startX - at * alongX, y - startY - at * alongY);
}
