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

// The figure as it stands, with a sentence above it in lines of at most its width, on the ground of the page.
function withWords(plot, words, element) {
  const { data, layout, clientWidth } = plot;
  const lines = [""];
  for (const word of words.split(/\s+/)) {
    if (lines.at(-1).length + word.length > clientWidth / 9) lines.push("");
    lines[lines.length - 1] += `${lines.at(-1) && " "}${word.replaceAll("<", "&lt;")}`;
  }
  const title = { text: lines.slice(0, 3).join("<br>"), x: 0.01, xanchor: "left", y: 1 - 20 / (layout.height + WORDS), yanchor: "top", yref: "container", font: { size: 17 } };
  const margin = { ...layout.margin, t: (layout.margin?.t ?? layout.template?.layout?.margin?.t ?? 36) + WORDS };
  const ground = themeValue("var(--st-background-color)", element), annotations = [...(layout.annotations ?? []), ...notesOf(plot, ground)];
  const nameless = data.map((trace) => (trace.mode?.includes("text") ? { ...trace, mode: trace.mode.replace(/\+?text/, "") || "none" } : trace));
  return { data: nameless, layout: { ...layout, annotations, title, margin, paper_bgcolor: ground } };
}

// A line for each point that is shown, but for the level lines: which trace, and its numbers or its text. What the numbers are is in the
// header, or, where several plots have axes of their own, beside them. In a layout with all its ticks.
function csvOf(traces, layout) {
  const cell = (value) => (value === undefined || value === null || Number.isNaN(value) ? "" : /[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value);
  const unnamed = new Map(); // traces so far without a name, by what is up: they have its, and their number
  const nameOf = ({ name, text, y }, title) => {
    if (name || (isArray(text) && text.length === 1 && text[0])) return plainly(name || text[0]);
    unnamed.set(title, (unnamed.get(title) ?? 0) + (y?.length > 0));
    return unnamed.get(title) > 1 ? `${title}, ${unnamed.get(title)}` : title;
  };
  const rows = traces.filter(({ name }) => name !== "ground").flatMap((trace) => {
    const { x, y, z, text, xaxis = "x", yaxis = "y" } = trace, [along, up] = [xaxis.replace("x", "xaxis"), yaxis.replace("y", "yaxis")];
    const titles = [along, up].map((axis) => titleOn(layout, axis)), [across, high] = [along, up].map((axis) => meant(layout[axis] ?? {}));
    const name = nameOf(trace, titles[1]), of = (at, to, value) => [name, titles[0], across(exact(x, at)), titles[1], high(exact(y, to)), value];
    if (z) return [...z].flatMap((row, i) => [...row].map((value, j) => of(x ? j : [j], y ? i : [i], value)));
    return Array.from(y ?? x ?? [], (_, k) => of(x ? k : [k], k, isArray(text) && text[k] ? plainly(text[k]) : undefined));
  }).filter(([, , x, , y]) => [x, y].every((at) => cell(at ?? "") !== ""));
  const one = new Set(rows.map(([, x, , y]) => JSON.stringify([x, y]))).size < 2, valued = rows.some(([, , , , , value]) => cell(value) !== "");
  const [, x = "x", , y = "y"] = rows[0] ?? [], last = valued ? ["value"] : [];
  const shown = rows.map(([name, across, at, up, to, value]) => [...(one ? [name, at, to] : [name, across, at, up, to]), ...(valued ? [value] : [])]);
  return [one ? ["trace", x, y, ...last] : ["trace", "x is", "x", "y is", "y", ...last], ...shown].map((row) => row.map(cell).join(",")).join("\r\n");
}

// A coordinate as it was meant: a number in single precision has the shortest text that names it, -1.6 and not -1.600000023841858.
function exact(numbers, at) {
  if (isArray(at)) return at[0];
  const value = numbers?.[at];
  if (!(numbers instanceof Float32Array) || !Number.isFinite(value)) return value;
  for (let digits = 6; digits < 9; digits++) if (Math.fround(Number(value.toPrecision(digits))) === value) return Number(value.toPrecision(digits));
  return Number(value.toPrecision(9));
}

const plainly = (text) => String(text).replace(/<br>/g, " ").replace(/<[^>]*>/g, "").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&").trim();

// What an axis is titled, beside it or above its plot.
function titleOn(layout, axis) {
  const [letter, plot] = [axis[0], axis.slice(5)], above = (layout.annotations ?? []).find(({ xref, yref, text }) => letter === "y" && xref === `x${plot} domain` && yref === `y${plot} domain` && text?.startsWith("<b>"));
  return plainly(layout[axis]?.title?.text || above?.text || letter).replace(/^↑ /, "").replace(/ \([^()]*: [^()]*\)$/, "");
}

// What a coordinate stands for: an axis whose every number says 10 to the power of its place is of logarithms (ticks.py), with signs or
// without. A tick that says another thing, such as "lower", does not count.
function meant({ type, tickvals, ticktext }) {
  const places = Array.from(tickvals ?? []), said = Array.from(ticktext ?? [], numberOf).map((number, i) => [number, places[i]]).filter(([number]) => !Number.isNaN(number));
  const kinds = [(at) => 10 ** at, (at) => Math.sign(at) * (10 ** Math.abs(at) - 1)];
  const kind = type !== "log" && said.some(([number]) => number) && kinds.find((kind) => said.every(([number, at]) => Math.abs(kind(at) - number) <= 0.001 * Math.abs(number)));
  return (at) => (kind && Number.isFinite(at) ? Number(kind(at).toPrecision(6)) : at);
}

// "−2 × 10⁻³" -> -0.002
function numberOf(text) {
  const digits = [...String(text)].map((letter) => "0123456789-"["⁰¹²³⁴⁵⁶⁷⁸⁹⁻".indexOf(letter)] ?? letter).join("").replaceAll("−", "-").replaceAll(",", "");
  const raised = /[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]/.test(text) && digits.match(/^(-?)(?:([\d.]+) × )?10(-?\d+)$/);
  return raised ? Number(`${raised[1]}${raised[2] ?? 1}e${raised[3]}`) : Number(digits);
}
