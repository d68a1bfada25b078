/**
 * Intersection over union of two boxes, 0..1, of which each is four corners (left, top, right, bottom) from a place on; NaN for
 * corners that are no numbers, and for two boxes without an area.
 */
export function overlap(a: ArrayLike<number>, aAt: number, b: ArrayLike<number>, bAt: number): number {
  const width = Math.min(corner(a, aAt + 2), corner(b, bAt + 2)) - Math.max(corner(a, aAt), corner(b, bAt));
  const height =
    Math.min(corner(a, aAt + 3), corner(b, bAt + 3)) - Math.max(corner(a, aAt + 1), corner(b, bAt + 1));
  const shared = Math.max(width, 0) * Math.max(height, 0);
  return shared / (area(a, aAt) + area(b, bAt) - shared);
}

function area(box: ArrayLike<number>, at: number): number {
  return (corner(box, at + 2) - corner(box, at)) * (corner(box, at + 3) - corner(box, at + 1));
}

function corner(box: ArrayLike<number>, at: number): number {
  return box[at] ?? Number.NaN;
}
