// What a picture is made of: arrays as Python sends them, colors of the theme, patches of a figure. Knows no element of the page but for
// reading a color. One module with picture.js: content.py joins the files.

// ---- values: typed arrays, theme colors, nested patches ------------------------------------------------------------

const ARRAYS = { f4: Float32Array, f8: Float64Array, i4: Int32Array, u4: Uint32Array, i2: Int16Array, u2: Uint16Array, i1: Int8Array, u1: Uint8Array };
const isArray = (part) => Array.isArray(part) || ArrayBuffer.isView(part);
const isTree = (part) => part !== null && typeof part === "object" && !isArray(part);

function bytesOf(base64) {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i); // ten times as fast as Uint8Array.from with a function
  return bytes;
}

function decodeArray({ dtype, bdata, shape }) {
  const flat = new ARRAYS[dtype](bytesOf(bdata).buffer);
  if (!shape) return flat;
  const [rows, columns] = String(shape).split(",").map(Number);
  return Array.from({ length: rows }, (_, row) => flat.subarray(row * columns, (row + 1) * columns));
}

// A copy of a tree without its encoded arrays (once, when the data come) ...
function decode(tree) {
  if (Array.isArray(tree)) return tree.map(decode);
  if (!isTree(tree)) return tree;
  return tree.bdata ? decodeArray(tree) : mapTree(tree, decode);
}

// ... and one without `var(--...)` (at each change of theme). Both share the arrays of numbers.
function paint(tree, element) {
  if (typeof tree === "string") return tree.startsWith("var(") ? themeValue(tree, element) : tree;
  if (Array.isArray(tree)) return tree.map((part) => paint(part, element));
  return isTree(tree) ? mapTree(tree, (part) => paint(part, element)) : tree;
}

const mapTree = (tree, change) => Object.fromEntries(Object.entries(tree).map(([name, part]) => [name, change(part)]));

function themeValue(text, element) {
  const [, name, otherwise] = text.match(/^var\(\s*(--[\w-]+)\s*(?:,\s*(.*))?\)$/) ?? [];
  const value = getComputedStyle(element).getPropertyValue(name ?? "--").trim() || otherwise || "gray";
  return value;
}

function merge(tree, patch) {
  if (!isTree(tree) || !isTree(patch)) return patch === undefined ? tree : patch;
  const merged = { ...tree };
  for (const name in patch) merged[name] = merge(tree[name], patch[name]);
  return merged;
}

// A layout with its type, and the margins that hold it, larger by a factor.
function enlarge(tree, by) {
  if (by === 1 || typeof tree !== "object" || tree === null || ArrayBuffer.isView(tree)) return tree;
  if (Array.isArray(tree)) return tree.map((part) => enlarge(part, by));
  const scaled = (part) => mapTree(part, (size) => (typeof size === "number" ? size * by : enlarge(size, by)));
  return Object.fromEntries(Object.entries(tree).map(([name, part]) => [name, isTree(part) && /^(font|tickfont|margin)$/.test(name) ? scaled(part) : enlarge(part, by)]));
}

// The names of its arrays, at any depth.
const arraysOf = (tree, path = "") => Object.entries(tree).flatMap(([name, part]) => (isArray(part) ? path + name : isTree(part) ? arraysOf(part, `${path}${name}.`) : []));

// ---- traces: the whole of one, or its first points -----------------------------------------------------------------

// Only what has one entry a point, so that a patch made of it can cut a trace and make it whole again.
function pointsOf(trace, count = (trace.x ?? trace.y ?? []).length) {
  const points = {};
  for (const [name, part] of Object.entries(trace)) {
    if (isArray(part) && part.length === count) points[name] = part;
    else if (isTree(part) && Object.keys(pointsOf(part, count)).length) points[name] = pointsOf(part, count);
  }
  return points;
}

const cut = (points, from, to) => mapTree(points, (part) => (isArray(part) ? part.slice(from, to) : cut(part, from, to)));

// What a frame changes, as one partial trace for each trace of the figure (undefined: unchanged), up to point `last`;
// at rest, when nothing is being played, a trace may ask to be shown up to its own `rest` only.
function patchesOf(traces, frame, last, resting) {
  const patches = [], rests = [];
  frame.traces?.forEach((index, i) => ({ rest: rests[index], ...patches[index] } = frame.data[i]));
  const whole = (index) => merge(pointsOf(traces[index]), patches[index] ?? {});
  const shown = [...patches];
  traces.forEach(({ meta }, index) => {
    const source = meta?.reveal ? index : meta?.head;
    if (source === undefined) return;
    const points = pointsOf(whole(source)), each = traces[source].meta?.each ?? 1;
    const end = Math.min(each * ((resting ? rests[source] : undefined) ?? last + 1), (points.y ?? points.x ?? []).length);
    const from = Math.max(end - (meta.points ?? (meta.reveal ? Infinity : 1)), 0);
    const seen = cut(meta.reveal ? points : { x: points.x, y: points.y }, from, end);
    shown[index] = merge(patches[index] ?? {}, seen);
  });
  return shown;
}

const viewOf = (frame, last) => merge(frame.layout ?? {}, (frame.views ?? []).findLast(([from]) => from <= last)?.[1] ?? {});

// ---- taking it away ------------------------------------------------------------------------------------------------
