// The names beside the points of a plot: none lies on another, on a mark or over its plot's side. One module with picture.js: picture.py
// joins the files.

const APART = 2, BESIDE = 6; // px between two names, above each other and in one line
const NEAR = 72; // px: a name that had to go farther from its mark is left out

const shifted = ({ left, top, right, bottom }, x, y) => ({ left: left + x, top: top + y, right: right + x, bottom: bottom + y });
const widened = ({ left, top, right, bottom }) => ({ left: left - BESIDE, top, right: right + BESIDE, bottom });
const meet = (box, other) => Math.min(box.right, other.right) - Math.max(box.left, other.left) > 1 && Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top) > 1;
const holds = (outer, box) => box.left >= outer.left && box.top >= outer.top && box.right <= outer.right && box.bottom <= outer.bottom;

// The later a trace, the more its names say about this run: they take their places first. The others give way by as little as it takes.
function placeNames(plot) {
  const names = [...plot.querySelectorAll(".textpoint text")].reverse();
  for (const { style } of names) style.translate = style.visibility = "";
  const frame = plot.getBoundingClientRect(), taken = boxesOf(plot);
  const wishes = names.map((name) => {
    const { xaxis, yaxis } = plot._fullLayout._plots[name.closest(".subplot").classList[1]];
    const plane = { left: frame.left + xaxis._offset, top: frame.top + yaxis._offset };
    return { name, box: name.getBoundingClientRect(), room: { ...plane, right: plane.left + xaxis._length, bottom: plane.top + yaxis._length } };
  });
  for (const { name, box, room } of wishes) {
    const inside = meet(box, room);
    if (!inside && !taken.some((other) => meet(box, other))) continue; // empty, beside a point that is not seen, or alone over the plot's side
    const to = inside && freePlace(box, room, taken);
    if (!to) name.style.visibility = "hidden";
    else {
      if (to[0] || to[1]) name.style.translate = `${to[0]}px ${to[1]}px`;
      taken.push(widened(shifted(box, ...to)));
    }
  }
}

// The names as they stand on the page, each on the ground's color, for a picture that is saved: Plotly would put them back on their points.
function notesOf(plot, ground) {
  const frame = plot.getBoundingClientRect(), names = [...plot.querySelectorAll(".textpoint text")];
  return names.filter(({ style, textContent }) => textContent && style.visibility !== "hidden").flatMap((name) => {
    const { xaxis, yaxis } = plot._fullLayout._plots[name.closest(".subplot").classList[1]], { color, fill, fontSize } = getComputedStyle(name);
    const { left, right, top, height } = name.getBoundingClientRect(), across = (at) => (at - frame.left - xaxis._offset) / xaxis._length;
    const middle = across((left + right) / 2), late = middle > 0.5; // a saved picture's letters may be wider: they grow inwards
    const x = across(late ? right : left), y = 1 - (top + 0.8 * height - frame.top - yaxis._offset) / yaxis._length; // off the line below
    const place = { x, y, xref: `${xaxis._id} domain`, yref: `${yaxis._id} domain`, xanchor: late ? "right" : "left", yanchor: "bottom", align: "left" };
    const look = { showarrow: false, borderpad: 0, borderwidth: 0, bgcolor: ground, opacity: 0.9, font: { size: Number.parseFloat(fontSize), color: fill || color } };
    return middle < 0 || middle > 1 || y < 0 || y > 1 ? [] : [{ ...place, ...look, text: name.dataset.unformatted ?? name.textContent }];
  });
}

// What stays where it is: the names of lines, the numbers of the axes, and the marks that stand alone.
function boxesOf(plot) {
  const marks = [...plot.querySelectorAll(".scatterlayer .points")].flatMap(({ children }) => (children.length <= 2 ? [...children] : []));
  return [...marks, ...plot.querySelectorAll(".annotation, .xtick text, .ytick text")].map((each) => each.getBoundingClientRect());
}

// The nearest shift that brings a box into its room and off all others, if there is one.
function freePlace(box, room, taken) {
  const free = ([x, y]) => holds(room, shifted(box, x, y)) && !taken.some((other) => meet(shifted(box, x, y), other));
  if (free([0, 0])) return [0, 0];
  const into = (low, high, from, to) => (low < from ? from - low : high > to ? to - high : 0);
  const sideways = [into(box.left, box.right, room.left, room.right)], upright = [into(box.top, box.bottom, room.top, room.bottom)];
  for (const other of taken) {
    sideways.push(other.left - APART - box.right, other.right + APART - box.left);
    upright.push(other.top - APART - box.bottom, other.bottom + APART - box.top);
  }
  const far = ([x, y]) => Math.hypot(x, y);
  return [0, ...sideways].flatMap((x) => [0, ...upright].map((y) => [x, y])).filter((shift) => far(shift) <= NEAR).sort((a, b) => far(a) - far(b)).find(free);
}
