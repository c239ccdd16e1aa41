// The track of a dial: its zones, their words, and marks that do not overlap. One module with picture.js: picture.py joins the files.

const HATCHES = 8; // .picture-hatch-0 ... in picture.css

const span = (parent, className, text = "") => {
  const made = parent.appendChild(document.createElement("span"));
  made.className = className;
  made.textContent = text;
  return made;
};

function zonesOf({ zones, colors }) {
  const order = Object.keys(colors), last = zones.length - 1, found = [];
  zones.forEach((word, i) => {
    if (word !== zones[i - 1]) found.push({ word, from: i ? (i - 0.5) / last : 0, color: colors[word] ?? "gray", hatch: Math.max(order.indexOf(word), 0) % HATCHES });
    found.at(-1).to = i < last ? (i + 0.5) / last : 1;
  });
  return found;
}

function drawTrack(track, zones) {
  track.replaceChildren();
  for (const { from, to, color, hatch } of zones) {
    const zone = span(track, `picture-zone picture-hatch-${hatch}`);
    zone.style.backgroundColor = color;
    zone.style.left = from ? along(from) : "0";
    zone.style.right = to < 1 ? `calc(100% - ${along(to)})` : "0";
  }
}

// The thumb's center travels from half a thumb to the width less half a thumb.
const along = (fraction) => `calc(var(--thumb) / 2 + (100% - var(--thumb)) * ${fraction})`;

function drawNames(names, zones, marks, thumb) {
  names.replaceChildren();
  const width = names.clientWidth, place = (fraction) => thumb / 2 + (width - thumb) * fraction;
  const ticks = marks.map(({ position, text }) => ({ at: place(position), text })).sort((a, b) => a.at - b.at);
  const words = drawZoneWords(names, zones, ticks, place);
  const rows = []; // of marks: where the last text of each ends
  for (const { at, text } of ticks) {
    const line = span(names, "picture-tick"), label = span(names, "picture-mark", text);
    const size = label.getBoundingClientRect(), most = width - size.width;
    // A text may slide along its tick, away from its neighbor on the left, before it takes the next row.
    const left = (end) => Math.min(Math.max(at - size.width / 2, end + 12), most);
    let row = rows.findIndex((end) => left(end) >= end + 12 && left(end) <= at);
    if (row < 0) row = rows.length;
    label.style.left = `${Math.max(left(rows[row] ?? -Infinity), 0)}px`;
    rows[row] = parseFloat(label.style.left) + size.width;
    const top = words + 6 + row * size.height;
    label.style.top = `${top}px`;
    line.style.left = `${at}px`;
    line.style.height = `${top}px`;
    names.style.height = `${Math.max(parseFloat(names.style.height) || 0, top + size.height)}px`;
  }
}

// Each zone's word stands in its widest gap between ticks, if it fits there; returns the height of their row.
function drawZoneWords(names, zones, ticks, place) {
  let height = 0;
  for (const { word, from, to, color } of zones) {
    const stops = [place(from), ...ticks.map(({ at }) => at).filter((at) => at > place(from) && at < place(to)), place(to)];
    const gaps = stops.slice(1).map((end, i) => [end - stops[i], stops[i]]);
    const [gap, start] = gaps.reduce((widest, next) => (next[0] > widest[0] ? next : widest));
    const label = span(names, "picture-word", word), size = label.getBoundingClientRect();
    label.style.left = `${start + (gap - size.width) / 2}px`;
    label.style.borderColor = color;
    if (size.width + 8 > gap) label.remove();
    else height = Math.max(height, size.height);
  }
  names.style.height = `${height}px`;
  return height;
}
