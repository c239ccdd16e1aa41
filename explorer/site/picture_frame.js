// The plots of a picture within the room that they have: headings in as many lines as they need, and, in the frame of another page, as many
// plots as can be read, beside or above each other, with as little around them as it takes. One module with picture.js.

const PLAIN = [260, 210]; // px of a frame that a plot with its numbers takes in type of its full size
const SMALLEST = 0.7; // of that size
const PLOT = [90, 40]; // px of the smallest plot that can be read
const LEGEND = 13, TALL = 0.3; // px of its type at full size; the share of the frame's height that it may take
const BELOW_NAMES = 0.8; // the type of a plot alone below a legend, at most: its numbers leave the names more width
const TICK = [64, 26]; // px that a tick's number takes along its axis
const TICK_TYPE = 16; // px of its number (theme.py)
const LINE_HEIGHT = 1.3; // of text, in sizes of its type
const AFTER_HEADING = 20; // px between a heading and the next beside it: with less they read as one line

const axesOf = (layout) => Object.keys(layout).filter((name) => /^xaxis\d*$/.test(name)).map((name) => name.slice(5)).sort((a, b) => a - b);
const marginOf = (layout) => ({ l: 80, r: 80, t: 100, b: 80, ...layout.template?.layout?.margin, ...layout.margin });
const titleOf = (axis) => axis?.title?.text ?? "";
// A heading stands above its plot, and moves with it.
const isHeading = ({ yref = "", y, yanchor }) => yref.endsWith(" domain") && y >= 1 && yanchor === "bottom";
const ofPlot = ({ xref = "paper", yref = "paper" }, plots) => [xref, yref].every((ref) => !/^[xy]\d*/.test(ref) || plots.includes(ref.match(/^[xy](\d*)/)[1]));

const pen = document.createElement("canvas").getContext("2d");
function widthOf(text, size, family, bold) {
  pen.font = `${bold ? "bold " : ""}${size}px ${family}`;
  return pen.measureText(text.replace(/<[^>]*>/g, "")).width;
}

// A text in lines of at most this width, broken where words end.
function broken(text, fits) {
  const bold = /^<b>(.*)<\/b>$/s.exec(text), lines = [];
  for (const line of (bold?.[1] ?? text).split("<br>"))
    for (const [i, word] of line.split(" ").entries()) {
      if (i && fits(`${lines.at(-1)} ${word}`)) lines[lines.length - 1] += ` ${word}`;
      else lines.push(word);
    }
  return bold ? `<b>${lines.join("<br>")}</b>` : lines.join("<br>");
}

// A text, and what is left of it before each of its clauses, the longest first. No bracket stays open.
function shorter(text) {
  const ends = [...text.matchAll(/[;:,.](?= )| (?=\()/g)].map(({ index }) => text.slice(0, index));
  return [text, ...ends.reverse().filter((part) => part.split("(").length === part.split(")").length)];
}

const linesOf = (text) => text.split("<br>").length;

// The layout with each heading broken where it would run into the next plot or over the picture's side, and room for its lines above.
function headed(layout, width, family) {
  const { l, r, t, b } = marginOf(layout), inner = width - l - r, starts = axesOf(layout).map((plot) => layout[`xaxis${plot}`].domain?.[0] ?? 0);
  let most = 0;
  const annotations = (layout.annotations ?? []).map((note) => {
    if (!isHeading(note)) return note;
    const from = layout[note.xref.replace(/^x(\d*) domain$/, "xaxis$1")]?.domain?.[0] ?? 0, next = Math.min(...starts.filter((start) => start > from), Infinity);
    const room = next < Infinity ? (next - from) * inner - AFTER_HEADING : (1 - from) * inner + r - 2, size = sizeOf(note, layout);
    const text = broken(note.text, (line) => widthOf(line, size, family, true) <= room);
    most = Math.max(most, (linesOf(text) - linesOf(note.text)) * LINE_HEIGHT * size);
    return { ...note, text, align: "left" };
  });
  if (!most) return layout;
  const lower = { ...layout, annotations, margin: { ...layout.margin, t: t + most } };
  for (const plot of axesOf(layout)) {
    const axis = layout[`yaxis${plot}`], [from, to] = axis.domain ?? [0, 1];
    if (!axis.tickvals) lower[`yaxis${plot}`] = fewer(axis, (to - from) * (layout.height - t - most - b), TICK[1]);
  }
  return lower;
}

const sizeOf = (note, layout) => note.font?.size ?? layout.font?.size ?? layout.template?.layout?.font?.size ?? 12;

const roomOf = (i, { columns, left, right, size: [across] }) => across + ((i + 1) % columns ? left - AFTER_HEADING : right); // for the heading of the i-th plot
const headingIn = (note, arranged, fits) => broken(note.text, (line) => fits(line) <= roomOf(arranged.plots.indexOf(note.xref.match(/^x(\d*)/)[1]), arranged));

// How a figure's layout stands in a frame: which plots, in how many columns, in which size of type, and whether the legend has room, which
// had this height in type of its full size. Nothing where not even one plot does.
function arranged(layout, [width, height], { larger, legend, family }) {
  const all = axesOf(layout);
  for (const named of layout.showlegend ? [true, false] : [false])
    for (let count = all.length; count > 0; count--) {
      const plots = all.slice(0, count), ways = plots.map((_, i) => way(layout, plots, i + 1, [width, height], { larger, named, legend: named ? legend : 0, family }));
      const fits = ways.filter(({ size, titles, above }) => size.every((each, i) => each >= PLOT[i]) && titles && above <= TALL * height);
      if (fits.length) return { ...fits.reduce((best, each) => (each.worth > best.worth ? each : best)), named };
    }
}

function way(layout, plots, columns, [width, height], { larger, named, legend, family }) {
  const rows = Math.ceil(plots.length / columns), type = larger * Math.min(Math.max(Math.min(height / (rows * PLAIN[1]), width / (columns * PLAIN[0])), SMALLEST), named && plots.length === 1 ? BELOW_NAMES : 1);
  const text = ({ font }, base) => (font?.size ?? base) * type, base = layout.template?.layout?.font?.size ?? 16;
  const margin = marginOf(layout), left = margin.l * type, right = margin.r * type, across = (width - columns * left - right) / columns;
  const notes = (layout.annotations ?? []).filter((note) => isHeading(note) && ofPlot(note, plots));
  const lines = (note) => linesOf(headingIn(note, { plots, columns, left, right, size: [across] }, (line) => widthOf(line, text(note, base), family, true)));
  const head = Math.max(...notes.map((note) => lines(note) * LINE_HEIGHT * text(note, base) + 6), 8);
  const titles = plots.map((plot) => titleOf(layout[`xaxis${plot}`])), foot = 18 + (titles.some(Boolean) ? 2 : 1) * LINE_HEIGHT * base * type;
  const above = legend * lettering({ plots, type }), up = (height - above - rows * (head + foot)) / rows;
  const wide = titles.every((title) => widthOf(title, 17 * type, family) <= across + Math.min(left, 2 * right));
  return { plots, columns, rows, type, left, right, head, foot, above, size: [across, up], titles: wide, worth: Math.min(across / 1.5, up) };
}

// A layout of full size as it was arranged. A title that is longer than its plot is high is left out.
function inFrame(layout, { plots, columns, rows, type, left, right, head, foot, above, size: [across, up], named }, family) {
  const of = { ...fewerTicks(enlarge(layout, type), { type, size: [across, up] }), margin: { l: left, r: right, t: above + head, b: foot, autoexpand: false }, showlegend: named };
  const inner = [columns * (across + left) - left, rows * (up + head + foot) - head - foot];
  for (const plot of axesOf(of)) {
    const i = plots.indexOf(plot), x = (i % columns) * (across + left), y = Math.floor(i / columns) * (up + head + foot);
    if (i < 0) {
      delete of[`xaxis${plot}`], delete of[`yaxis${plot}`];
      continue;
    }
    of[`xaxis${plot}`] = { ...of[`xaxis${plot}`], domain: [x / inner[0], Math.min((x + across) / inner[0], 1)] };
    of[`yaxis${plot}`] = { ...of[`yaxis${plot}`], domain: [Math.max(1 - (y + up) / inner[1], 0), 1 - y / inner[1]] };
    if (titleOf(of[`xaxis${plot}`])) of[`xaxis${plot}`].title = { ...of[`xaxis${plot}`].title, standoff: 8 };
    if (widthOf(titleOf(of[`yaxis${plot}`]), 17 * type, family) > up) of[`yaxis${plot}`].title = { text: "" };
  }
  for (const name of ["annotations", "shapes", "images"]) if (of[name]) of[name] = of[name].filter((each) => ofPlot(each, plots));
  const fit = (note) => headingIn(note, { plots, columns, left, right, size: [across] }, (line) => widthOf(line, sizeOf(note, of), family, true));
  of.annotations = of.annotations?.map((note) => (isHeading(note) ? { ...note, y: 1, yshift: 4, text: fit(note), align: "left" } : note));
  if (named) of.legend = { ...of.legend, font: { ...of.legend?.font, size: LEGEND * lettering({ plots, type }) }, tracegroupgap: 0, orientation: "h", x: 0, xanchor: "left", yref: "paper", yanchor: "bottom", y: 1 + head / inner[1] };
  return of;
}

// How large a legend's letters are: beside one plot alone there is little room, and it is in as few rows as may be.
const lettering = ({ plots, type }) => (plots.length > 1 ? type : Math.min(type, SMALLEST));

// Axes with no more ticks than fit along them.
function fewerTicks(layout, { type, size }) {
  const fitting = { x: [size[0], TICK[0] * type], y: [size[1], TICK[1] * type] };
  return Object.fromEntries(Object.entries(layout).map(([name, part]) => [name, /^[xy]axis\d*$/.test(name) ? fewer(part, ...fitting[name[0]]) : part]));
}

// A layout with no more ticks than stand apart along its axes, whose lengths are in pixels; of Plotly's own only those that lie upon each other.
function spaced(layout, lengthOf, larger, family) {
  const size = TICK_TYPE * larger, widest = (texts) => Math.max(0, ...texts.map((text) => widthOf(String(text), size, family)));
  return Object.fromEntries(Object.entries(layout).map(([name, part]) => {
    if (!/^[xy]axis\d*$/.test(name) || !(part.ticktext || (part.nticks && name[0] === "y"))) return [name, part];
    return [name, fewer(part, lengthOf(name), name[0] === "y" ? LINE_HEIGHT * size : widest([...part.ticktext].filter((text) => !Number.isNaN(numberOf(text)))) + 6)];
  }));
}

// How long the axes of a layout are.
function lengths(layout) {
  const { l, r, t, b } = marginOf(layout), all = { x: layout.width - l - r, y: layout.height - t - b };
  return (name) => ((domain) => (domain[1] - domain[0]) * all[name[0]])(layout[name].domain ?? [0, 1]);
}

// Every second tick, or every third and so on, until each is as far from the next as it takes.
function fewer(axis, length, each) {
  const { type, tickvals, ticktext, range, nticks } = axis;
  if (!tickvals) return nticks ? { ...axis, nticks: Math.max(Math.min(nticks, Math.floor(length / each) + 1), 2) } : axis;
  const at = [...tickvals].map((value) => (type === "log" ? Math.log10(value) : value)), px = length / Math.abs(range ? range[1] - range[0] : at.at(-1) - at[0]);
  const near = (every) => at.some((value, i) => i && i % every === 0 && Math.abs(value - at[i - every]) * px < each);
  let every = 1;
  while (every < at.length && near(every)) every++;
  const kept = (list) => list?.filter((_, i) => i % every === 0);
  return every > 1 ? { ...axis, tickvals: kept([...tickvals]), ticktext: kept([...ticktext]) } : axis;
}
