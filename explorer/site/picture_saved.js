// Taking a picture away: with its sentence on the ground of the page, as the points that it shows, or as a page of its own.
// One module with picture.js: content.py joins the files.

const WORDS = 72; // px above a picture that is saved, for its sentence

const drawingOf = (Plotly, plot, words, root, format) => Plotly.toImage(withWords(plot, words, root), { format, scale: 2, width: plot.clientWidth, height: plot.layout.height + WORDS });
const tableOf = (traces, layout) => `data:text/csv;charset=utf-8,${encodeURIComponent(csvOf(traces, layout))}`;
const titles = () => ({ title: document.querySelector("h1")?.textContent ?? "", recipe: document.querySelector(".recipe")?.textContent ?? "", address: location.href });
const pageOf = async (shown, plotly) => URL.createObjectURL(new Blob([await standAlone({ ...shown, ...titles() }, plotly)], { type: "text/html" }));

// `saved` has a function for each button of the menu, which gives the address of a file; what goes wrong is told to `complain`.
function savingOf(menu, name, saved, complain) {
  for (const button of menu.querySelectorAll("button"))
    button.onclick = async () => {
      const kind = button.dataset.save;
      try {
        Object.assign(document.createElement("a"), { href: await saved[kind](), download: `${name().replace(/\W+/g, "-")}.${kind}` }).click();
      } catch (error) {
        complain(error);
      }
      menu.open = false;
    };
}

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
