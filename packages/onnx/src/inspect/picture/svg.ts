import type { Model } from '../../model/index.ts';
import { placeSlots } from './coordinates.ts';
import { type Box, createDiagram, type Diagram, type Edge } from './diagram.ts';
import type { Family } from './families.ts';
import { createLayers, type Slot } from './layers.ts';
import { orderLayers } from './order.ts';
import { styleSheet } from './style.ts';

/** Pixels of the fonts in the style sheet; texts are measured by their length. */
const charWidth = { title: 7.8, line: 6.3, label: 5.8 };
const maxChars = { name: 34, attributes: 46, label: 28 };
const lineHeight = 15;
const titleHeight = 20;
const boxPadding = 10;
const layerGap = 44;
const margin = 24;
const headHeight = 58;

/**
 * The outermost graph of a model as an SVG document: boxes of operators in layers, inputs on top, with shapes on the edges.
 * It follows the reader's light or dark scheme and holds no scripts; names from the file are escaped. `sizes` are the
 * numbers of symbols. Errors: MODEL_INVALID (types contradict each other), MODEL_UNSUPPORTED (too many nodes).
 */
export function drawGraph(
  model: Model,
  options: { title?: string; sizes?: Readonly<Record<string, number>> } = {},
): string {
  const diagram = createDiagram(model, options.sizes ?? {});
  const { layers, routes } = createLayers(reservedWidths(diagram), diagram.edges);
  orderLayers(layers);
  placeSlots(layers);
  const tops = layerTops(layers, diagram.boxes);
  const place = ({ x, layer }: Slot) => ({
    x: round(x + margin),
    y: tops[layer]?.y ?? 0,
    height: tops[layer]?.height ?? 0,
  });
  const slots = layers.flat();
  const legend = legendOf(diagram);
  const right =
    slots.reduce((most, { x, width }) => Math.max(most, x + width / 2), legend.width) + 2 * margin;
  const last = tops.at(-1);
  const bottom = (last ? last.y + last.height : headHeight) + margin;
  const edges = diagram.edges.map((edge, index) =>
    drawEdge(edge, (routes[index] ?? []).map(place), diagram.boxes),
  );
  const boxes = slots.map((slot) => drawSlot(slot, diagram.boxes, place(slot)));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(right)}" height="${Math.ceil(bottom)}" viewBox="0 0 ${Math.ceil(right)} ${Math.ceil(bottom)}" role="img">`,
    `<style>${styleSheet}</style>`,
    '<rect class="page" width="100%" height="100%"/>',
    `<text class="head" x="${margin}" y="22">${escapeText(clip(options.title ?? model.graph.name))}</text>`,
    legend.text,
    ...edges,
    ...labels(diagram, routes, place),
    ...boxes,
    '</svg>',
    '',
  ].join('\n');
}

const round = (value: number) => Math.round(value * 10) / 10;

function boxWidth({ title, lines }: Box): number {
  const text = Math.max(
    clip(title).length * charWidth.title,
    ...lines.map((line) => clipLine(line).length * charWidth.line),
  );
  return Math.ceil(Math.max(70, text + 2 * boxPadding));
}

/** Of the boxes with the labels that stand below them, right of their middle. */
function reservedWidths({ boxes, edges }: Diagram): number[] {
  const widths = boxes.map(boxWidth);
  for (const { from, label } of edges) {
    const labelWidth = clip(label, maxChars.label).length * charWidth.label + 12;
    if (boxes[from]?.family !== 'input') widths[from] = Math.max(widths[from] ?? 0, 2 * labelWidth);
  }
  return widths;
}

const boxHeight = ({ lines }: Box) => titleHeight + lines.length * lineHeight + 8;

function layerTops(layers: readonly Slot[][], boxes: readonly Box[]): { y: number; height: number }[] {
  let y = headHeight;
  return layers.map((layer) => {
    const height = Math.max(
      0,
      ...layer.map(({ box }) => {
        const drawn = box === undefined ? undefined : boxes[box];
        return drawn ? boxHeight(drawn) : 0;
      }),
    );
    const top = { y, height };
    y += height + layerGap;
    return top;
  });
}

interface Point {
  x: number;
  y: number;
  height: number;
}

/** From the bottom of the maker through the bends to the top of the taker. */
function drawEdge({ from, tooltip }: Edge, points: readonly Point[], boxes: readonly Box[]): string {
  const [start, ...rest] = points;
  const maker = boxes[from];
  if (start === undefined || maker === undefined) return '';
  let y = start.y + boxHeight(maker);
  let x = start.x;
  let path = `M${x} ${y}`;
  if (y < start.y + start.height) {
    y = start.y + start.height;
    path += `V${y}`;
  }
  for (const [index, next] of rest.entries()) {
    const middle = round((y + next.y) / 2);
    path += `C${x} ${middle} ${next.x} ${middle} ${next.x} ${next.y}`;
    x = next.x;
    y = next.y;
    if (index === rest.length - 1) continue;
    y += next.height;
    path += `V${y}`;
  }
  return `<path class="edge" d="${path}"><title>${escapeText(tooltip)}</title></path>`;
}

/** Each value once, where it leaves its maker: edges that share one tell the same shape. */
function labels(
  { edges, boxes }: Diagram,
  routes: readonly Slot[][],
  place: (slot: Slot) => Point,
): string[] {
  const drawn = new Set<string>();
  const counts = new Map<number, number>();
  return edges.flatMap(({ from, label, tooltip }, index) => {
    const maker = boxes[from];
    const slot = routes[index]?.[0];
    if (label === '' || !maker || !slot || maker.family === 'input' || drawn.has(tooltip)) return [];
    drawn.add(tooltip);
    const row = counts.get(from) ?? 0;
    counts.set(from, row + 1);
    const { x, y } = place(slot);
    const top = round(y + boxHeight(maker) + 13 + row * 12);
    return [
      `<text class="label" x="${round(x + 6)}" y="${top}">${escapeText(clip(label, maxChars.label))}</text>`,
    ];
  });
}

function drawSlot(slot: Slot, boxes: readonly Box[], { x, y }: Point): string {
  const box = slot.box === undefined ? undefined : boxes[slot.box];
  if (box === undefined) return '';
  const height = boxHeight(box);
  const radius = box.family === 'input' || box.family === 'output' ? height / 2 : 6;
  const width = boxWidth(box);
  const lines = box.lines.map(
    (line, index) =>
      `<text class="line" x="${x}" y="${round(y + titleHeight + 11 + index * lineHeight)}">${escapeText(clipLine(line))}</text>`,
  );
  return [
    `<g class="box ${box.family}"><title>${escapeText(box.tooltip)}</title>`,
    `<rect x="${round(x - width / 2)}" y="${round(y)}" width="${width}" height="${height}" rx="${radius}"/>`,
    `<text class="title" x="${x}" y="${round(y + 17)}">${escapeText(clip(box.title))}</text>`,
    ...lines,
    '</g>',
  ].join('');
}

/** Which colour is what. */
function legendOf({ boxes }: Diagram): { text: string; width: number } {
  let x = margin;
  const entries = [...new Set<Family>(boxes.map(({ family }) => family))].map((family) => {
    const entry = `<g class="box ${family}"><rect x="${x}" y="34" width="12" height="12" rx="3"/><text class="legend" x="${x + 17}" y="44">${family}</text></g>`;
    x += 17 + Math.ceil(family.length * charWidth.line) + 16;
    return entry;
  });
  return { text: entries.join(''), width: x };
}

/** Long names keep their end, which tells them apart, and a little of their beginning. */
function clip(text: string, chars = maxChars.name): string {
  const [line = ''] = text.split('\n', 1);
  return line.length <= chars ? line : `${line.slice(0, 9)}…${line.slice(10 - chars)}`;
}

const clipLine = (line: string) => clip(line, line.includes(', ') ? maxChars.attributes : maxChars.name);

const maxTooltipChars = 2_000;
const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text as XML may hold it: neither markup nor the characters that XML forbids. */
function escapeText(text: string): string {
  return text
    .slice(0, maxTooltipChars)
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>"]/g, (char) => entities[char] ?? char);
}
