// A picture while it is dragged or played: all that stands within its axes, drawn on one canvas above Plotly's figure, by Plotly's own axes
// and with the looks that it resolved. That is less work than `Plotly.react`; at rest the figure is Plotly's again, with hover, zoom and
// export. What is not known here (another type of trace, a layout that a frame changes) is left to Plotly. One module with picture.js.

const DASHES = { dot: [1, 1], dash: [3, 3], longdash: [5, 5], dashdot: [3, 1, 1, 1], longdashdot: [5, 2, 1, 2] }; // in widths of the line, of 3 at least, as Plotly's
const LINE = 1.3; // from one line of a name to the next, in heights of its letters
const DESCENT = 0.23; // of its letters, below their line
const SIGNS = { left: -1, top: -1, right: 1, bottom: 1 };

function liveOn(plot) {
  const canvas = plot.parentElement.insertBefore(document.createElement("canvas"), plot.nextSibling), pen = canvas.getContext("2d");
  canvas.className = "picture-live";
  canvas.ariaHidden = "true";
  canvas.hidden = true;
  const shapes = new Map(), images = new Map(), grounds = new WeakMap(), looks = []; // looks: of each trace that Plotly has drawn, for it resolves none of an empty one
  let scene; // what stays the same from one position to the next, until Plotly draws again

  function hide() {
    if (canvas.hidden) return;
    canvas.hidden = true;
    plot.classList.remove("picture-moving", "picture-renoted");
    scene = undefined;
  }

  // Whether it was drawn: `patches` are the parts of the traces that a frame changes, `view` those of the layout, the axes' and the notes,
  // which must stand where they stood.
  function draw(figure, patches, { meta, annotations: notes, ...view }) {
    scene ??= sceneOf(plot, looks);
    if (!scene.known || !Object.values(view).every((part) => Object.keys(part).every((name) => ["range", "tickvals", "ticktext"].includes(name)))) return false;
    if (notes && !(notes.length === scene.notes.length && notes.every(sameplace))) return false;
    const axes = Object.fromEntries(scene.axes.map((axis) => [axis._id, scaled(axis, view[axis._name] ?? {})]));
    const traces = figure.data.map((trace, i) => merge(pointsOf(trace), patches[i] ?? {})).map((points, i) => ({ points, i })).filter(({ points: { x, y }, i }) => x?.length && y?.length && figure.data[i].visible !== false);
    if (!traces.every(({ i }) => looks[i])) return false;
    for (const each of traces) each.trace = { ...merge(looks[each.i], each.points), colorscale: looks[each.i].colorscale }; // its colors, not their name
    if (![...traces.map(({ trace }) => known(trace)), ...Object.values(axes).map(({ ticks }) => ticks), ...scene.images.map(loaded)].every(Boolean)) return false;
    start();
    for (const image of scene.images) within(axes[image.xref], axes[image.yref], () => drawImage(image, axes));
    for (const { xaxis, yaxis } of scene.planes) drawAxes(axes[xaxis], axes[yaxis]);
    const names = [], marks = [];
    for (const { trace } of traces) drawTrace(trace, axes[trace.xaxis], axes[trace.yaxis], names, marks);
    drawNames(names, marks);
    plot.classList.toggle("picture-renoted", Boolean(notes));
    notes?.forEach(({ text }, i) => drawNote(text, scene.notes[i]));
    canvas.shown = Object.fromEntries(traces.map(({ i, points }) => [i, points])); // what a test reads, as it does Plotly's own data at rest
    return true;
  }

  function start() {
    const { width, height } = plot._fullLayout, sharp = devicePixelRatio;
    if (canvas.width !== Math.round(width * sharp) || canvas.height !== Math.round(height * sharp)) {
      Object.assign(canvas, { width: Math.round(width * sharp), height: Math.round(height * sharp) });
      Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
    }
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    pen.clearRect(0, 0, width, height);
    canvas.hidden = false;
    plot.classList.add("picture-moving");
  }

  function within(across, up, what) {
    pen.save();
    pen.beginPath();
    pen.rect(across._offset, up._offset, across._length, up._length);
    pen.clip();
    what();
    pen.restore();
  }

  const loaded = ({ source }) => {
    if (!images.has(source)) images.set(source, Object.assign(new Image(), { src: source }));
    return images.get(source).complete;
  };

  function drawImage({ source, x, y, sizex, sizey, xref, yref }, axes) {
    const [left, right] = [x, x + sizex].map(axes[xref].at), [top, bottom] = [y, y - sizey].map(axes[yref].at);
    pen.drawImage(images.get(source), left, top, right - left, bottom - top);
  }

  function stroke(color, width, path) {
    Object.assign(pen, { strokeStyle: color, lineWidth: width, miterLimit: 2 });
    pen.beginPath();
    path();
    pen.stroke();
  }

  // As crisp as Plotly's: a line lies on the pixels' middles, one of them wide at least.
  function drawAxes(across, up) {
    const crisp = (at) => Math.round(at) + 0.5;
    const [left, top] = [across._offset, up._offset].map((at) => crisp(at) - 1), [right, bottom] = [left + across._length, top + up._length].map(crisp);
    for (const [axis, low, high] of [[across, left, right], [up, top, bottom]]) {
      const lies = axis === across, line = (at, from, to) => (lies ? (pen.moveTo(at, from), pen.lineTo(at, to)) : (pen.moveTo(from, at), pen.lineTo(to, at)));
      const seen = axis.ticks.map(([value, text]) => [crisp(axis.at(value)), text]).filter(([at]) => at >= low - 1 && at <= high + 1);
      const side = lies ? bottom : left, out = lies ? 1 : -1;
      if (axis.full.showgrid) stroke(axis.full.gridcolor, Math.max(axis.full.gridwidth, 1), () => seen.forEach(([at]) => line(at, lies ? top : left, lies ? bottom : right)));
      if (axis.full.showline) stroke(axis.full.linecolor, Math.max(axis.full.linewidth, 1), () => (lies ? (pen.moveTo(left, bottom), pen.lineTo(right, bottom)) : (pen.moveTo(left, top), pen.lineTo(left, bottom))));
      if (axis.full.ticks === "outside") stroke(axis.full.tickcolor, Math.max(axis.full.tickwidth, 1), () => seen.forEach(([at]) => line(at, side, side + out * axis.full.ticklen)));
      if (!axis.full.showticklabels) continue;
      const { size, family, color } = axis.full.tickfont, away = side + out * ((axis.full.ticks === "outside" ? axis.full.ticklen : 0) + (lies ? 6 : 3));
      Object.assign(pen, { font: `${size}px ${family}`, fillStyle: color, textAlign: lies ? "center" : "right", textBaseline: lies ? "top" : "middle" });
      for (const [at, text] of seen) lies ? pen.fillText(text, at, away) : pen.fillText(text, away, at);
    }
  }

  const nth = (value, k) => (isArray(value) ? value[k] : value), size = ({ size }, k) => nth(size, k) ?? 0;
  // Plotly's own outline of a symbol, taken from where it has drawn one.
  function shapeOf(symbol, across) {
    const key = `${symbol} ${across}`;
    if (!shapes.has(key)) {
      const alike = [...plot.querySelectorAll(".scatterlayer .point")].find((point) => point.__data__?.mrc === across / 2 && nth(point.parentElement.__data__?.[0].trace.marker.symbol, point.__data__.i) === symbol);
      if (!alike) return undefined;
      shapes.set(key, new Path2D(alike.getAttribute("d")));
    }
    return shapes.get(key);
  }

  // Whether all of a trace can be drawn here.
  function known({ type, mode, marker, x, y, z, text }) {
    if (type === "heatmap") return z?.length === y.length && z[0].length === x.length;
    const points = Math.min(x?.length ?? Infinity, y?.length ?? Infinity), shown = mode.includes("markers") && Number.isFinite(points) ? points : 0;
    const alike = !isArray(marker?.size) && !isArray(marker?.symbol);
    const marks = [...Array(alike ? Math.min(shown, 1) : shown).keys()].every((k) => !size(marker, k) || shapeOf(nth(marker.symbol, k), size(marker, k)));
    const plain = [text].flat().every((each) => each === undefined || typeof each !== "string" || !/<(?!br>)/.test(each));
    return plain && marks;
  }

  function drawTrace(trace, across, up, names, marks) {
    const { mode, line, marker, x, y, opacity, cliponaxis, text, textposition, textfont } = trace, count = Math.min(x.length, y.length);
    const place = (k) => [across.at(x[k]), up.at(y[k])], there = (k) => x[k] !== null && y[k] !== null && !Number.isNaN(x[k]) && !Number.isNaN(y[k]) && text?.[k] !== null;
    pen.save();
    pen.globalAlpha = opacity ?? 1;
    if (trace.type === "heatmap") {
      within(across, up, () => drawGround(trace, across, up));
      return pen.restore();
    }
    if (mode.includes("lines"))
      within(across, up, () => {
        pen.setLineDash((DASHES[line.dash] ?? []).map((each) => each * Math.max(line.width, 3)));
        stroke(line.color, line.width, () => {
          for (let k = 0, drawn = false; k < count; k++) {
            const seen = x[k] !== null && y[k] !== null && !Number.isNaN(x[k]) && !Number.isNaN(y[k]);
            if (seen) drawn ? pen.lineTo(...place(k)) : pen.moveTo(...place(k));
            drawn = seen;
          }
        });
      });
    const inside = ([left, top]) => left >= across._offset - 1 && left <= across._offset + across._length + 1 && top >= up._offset - 1 && top <= up._offset + up._length + 1;
    const all = cliponaxis === false ? (what) => what() : (what) => within(across, up, what);
    if (mode.includes("markers"))
      all(() => {
        for (let k = 0; k < count; k++) if (there(k) && size(marker, k) && inside(place(k))) drawMark(marker, k, ...place(k), count <= 2 && marks);
      });
    if (mode.includes("text"))
      for (let k = 0; k < count; k++) {
        const words = isArray(text) ? text[k] : text;
        if (words && there(k)) names.push(nameOf(words, isArray(textposition) ? textposition[k] : textposition, textfont, mode.includes("markers") ? size(marker, k) : 0, place(k), across, up));
      }
    pen.restore();
  }

  // The values of a grid, a pixel each, which the canvas makes as large as they are: a value lies in the middle of its pixel.
  function drawGround({ x, y, z, zmin, zmax, zsmooth, colorscale }, across, up) {
    if (!grounds.has(z)) grounds.set(z, groundOf(z, zmin, zmax, colorscale));
    const ends = (values, { at }) => [at(values[0]), at(values.at(-1))], side = ([from, to], count) => [from, to, (to - from) / (count - 1) / 2];
    const [left, right, wide] = side(ends(x, across), x.length), [bottom, top, high] = side(ends(y, up), y.length);
    pen.imageSmoothingEnabled = Boolean(zsmooth);
    pen.translate(left - wide, bottom - high);
    pen.scale(right - left + 2 * wide < 0 ? -1 : 1, top - bottom + 2 * high < 0 ? -1 : 1); // upwards is towards smaller pixels
    pen.drawImage(grounds.get(z), 0, 0, Math.abs(right - left + 2 * wide), Math.abs(top - bottom + 2 * high));
  }

  function drawNote(text, { box, font: { size, family, color, weight } }) {
    const lines = text.replace(/<\/?b>/g, "").split("<br>");
    Object.assign(pen, { font: `${/<b>/.test(text) ? "bold" : weight} ${size}px ${family}`, fillStyle: color, textAlign: "left", textBaseline: "alphabetic" });
    lines.forEach((line, i) => pen.fillText(line, box.left, box.bottom - (DESCENT + (lines.length - 1 - i) * LINE) * size));
  }

  const sameplace = (note, i) => scene.notes[i].box && ["x", "y", "xref", "yref"].every((name) => note[name] === scene.notes[i].note[name]);

  function drawMark(marker, k, left, top, marks) {
    const { opacity, line } = marker, [symbol, color, across] = [nth(marker.symbol, k), nth(marker.color, k), size(marker, k)], shape = shapeOf(symbol, across), open = /-open/.test(symbol), thin = /-thin/.test(symbol);
    pen.save();
    pen.translate(left, top);
    pen.globalAlpha *= opacity ?? 1;
    pen.setLineDash([]);
    if (!open && !thin) (pen.fillStyle = color), pen.fill(shape);
    const width = line?.width || (open ? 1 : 0);
    if (width) Object.assign(pen, { strokeStyle: open ? color : nth(line.color, k), lineWidth: width }), pen.stroke(shape);
    pen.restore();
    if (marks) marks.push({ left: left - across / 2, right: left + across / 2, top: top - across / 2, bottom: top + across / 2 });
  }

  // A name with the box that its letters take, where Plotly puts it: beside its mark.
  function nameOf(words, position, { size, family, color }, across, [left, top], { _offset: x, _length: width }, { _offset: y, _length: height }) {
    const [upright, sideways] = position.split(" "), lines = words.split("<br>"), font = `${size}px ${family}`, away = across ? across / 1.6 + 1 : 0;
    pen.font = font;
    const wide = Math.max(...lines.map((line) => pen.measureText(line).width)), high = ((lines.length - 1) * LINE + 1) * size;
    const middle = left + (SIGNS[sideways] ?? 0) * (away + wide / 2), center = top + (SIGNS[upright] ?? 0) * (away + high / 2);
    const box = { left: middle - wide / 2, right: middle + wide / 2, top: center - high / 2, bottom: center + high / 2 };
    return { lines, font, size, color, box, align: sideways === "left" ? "right" : sideways === "right" ? "left" : "center", room: { left: x, top: y, right: x + width, bottom: y + height } };
  }

  function drawNames(names, marks) {
    const taken = [...scene.taken, ...marks], ground = themeValue("var(--st-background-color)", plot);
    for (const { lines, font, size, color, box, align, room } of names.reverse()) {
      const to = meet(box, room) && freePlace(box, room, taken);
      if (!to) continue;
      const { left, right, top } = shifted(box, ...to), at = { left, right, center: (left + right) / 2 }[align];
      taken.push(widened(shifted(box, ...to)));
      Object.assign(pen, { font, textAlign: align, textBaseline: "alphabetic", lineJoin: "round", lineWidth: 4, strokeStyle: ground, fillStyle: color });
      lines.forEach((line, i) => ["strokeText", "fillText"].forEach((way) => pen[way](line, at, top + (0.85 + i * LINE) * size)));
    }
  }

  return { draw, hide, shows: () => !canvas.hidden, forget: () => looks.splice(0) };
}

// What Plotly knows of the figure: its axes, the pictures under them, and where notes stand; and the looks of its traces, which are added.
function sceneOf(plot, looks) {
  const layout = plot._fullLayout, frame = plot.getBoundingClientRect();
  const planes = Object.values(layout._plots ?? {}).map(({ xaxis, yaxis }) => ({ xaxis: xaxis._id, yaxis: yaxis._id, axes: [xaxis, yaxis] }));
  plot._fullData.forEach((trace, i) => trace.visible === true && (looks[i] = trace));
  const images = layout.images ?? [], axes = planes.flatMap(({ axes }) => axes);
  const drawable = ({ type, fill, line, marker, zauto }) => (type === "heatmap" && zauto === false) || (type === "scatter" && (fill ?? "none") === "none" && (line?.shape ?? "linear") === "linear" && !marker?.colorscale);
  const flat = axes.every(({ type, side, overlaying }) => /^(linear|log|-)$/.test(type) && /^(left|bottom)$/.test(side) && !overlaying);
  const under = images.every(({ layer, xref, yref }) => layer === "below" && xref === "x" && yref === "y");
  const known = planes.length > 0 && flat && under && !layout.shapes?.length && plot._fullData.every(drawable);
  const within = (each) => each && shifted(each.getBoundingClientRect(), -frame.left, -frame.top), taken = [...plot.querySelectorAll(".annotation")].map(within);
  const notes = (layout.annotations ?? []).map((note, i) => ({ note, font: note.font, box: within(plot.querySelector(`.annotation[data-index="${i}"] text`)) }));
  return { known, planes, images, axes, taken, notes };
}

// The colors of a grid's values, the first row at the top; a value that is no number has none.
function groundOf(z, low, high, colorscale) {
  const rows = z.length, columns = z[0].length, canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows }), pen = canvas.getContext("2d");
  const ramp = rampOf(colorscale), image = pen.createImageData(columns, rows), colors = new Uint32Array(image.data.buffer);
  z.forEach((row, i) => row.forEach((value, j) => Number.isFinite(value) && (colors[i * columns + j] = ramp[Math.round(255 * Math.min(Math.max((value - low) / (high - low), 0), 1))])));
  pen.putImageData(image, 0, 0);
  return canvas;
}

function rampOf(colorscale) {
  const pen = Object.assign(document.createElement("canvas"), { width: 256, height: 1 }).getContext("2d"), ramp = pen.createLinearGradient(0.5, 0, 255.5, 0);
  for (const [at, color] of colorscale) ramp.addColorStop(at, color);
  pen.fillStyle = ramp;
  pen.fillRect(0, 0, 256, 1);
  return new Uint32Array(pen.getImageData(0, 0, 256, 1).data.buffer);
}

// An axis with the range of a view, its ticks and where a value lies in px; without ticks where it cannot say them.
function scaled(full, { range = full.range, tickvals = full.tickvals, ticktext = full.ticktext }) {
  const { type, _offset, _length } = full, [low, high] = range, meant = type === "log" ? Math.log10 : Number, lies = full._id[0] === "x";
  const at = lies ? (value) => _offset + ((meant(value) - low) / (high - low)) * _length : (value) => _offset + ((high - meant(value)) / (high - low)) * _length;
  const told = tickvals && ticktext ? [...tickvals].map((value, i) => [value, String(ticktext[i])]) : undefined;
  return { full, at, _offset, _length, ticks: !full.visible ? [] : told ?? (type === "linear" ? evenTicks(low, high, full.nticks || Math.min(Math.max(_length / (lies ? 80 : 40), 4), 9) + 1) : undefined) };
}

// At most this many, a step of 1, 2 or 5 apart, as Plotly chooses them.
function evenTicks(low, high, most) {
  const rough = Math.abs(high - low) / most, base = 10 ** Math.floor(Math.log10(rough)), step = base * [1, 2, 5, 10].find((each) => each >= rough / base - 1e-9);
  if (!(step > 0) || !Number.isFinite(step)) return undefined;
  const from = Math.ceil(Math.min(low, high) / step - 1e-9), to = Math.floor(Math.max(low, high) / step + 1e-9);
  return Array.from({ length: Math.max(to - from + 1, 0) }, (_, k) => [(from + k) * step, tickText((from + k) * step, step)]);
}

function tickText(value, step) {
  const size = Math.abs(value), minus = value < 0 ? "−" : "";
  if (!value || (step < 1e4 && step >= 1e-4)) return `${minus}${Number(size.toFixed(Math.max(-Math.floor(Math.log10(step) + 1e-9), 0)))}`; // as Plotly, without zeros at its end
  const power = Math.floor(Math.log10(size) + 1e-9), digits = Math.max(power - Math.floor(Math.log10(step) + 1e-9), 0);
  return `${minus}${(size / 10 ** power).toFixed(digits)}×10${[...String(power)].map((each) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[each] ?? "⁻").join("")}`;
}
