// The presenter's view: the picture alone, in type for the last row, moved by keys. It begins and ends with "p", its button, or Escape.

let full = false, turning = false; // it fills the screen, and leaving that ends it; the screen is about to be filled or left
const showing = document.documentElement.dataset; // `present` while it is on

function present(on) {
  if (on === "present" in showing) return;
  if (on) showing.present = "";
  else delete showing.present; // what was hidden stays so: `r` and a button on the page show it
  fill();
  dispatchEvent(new Event("present")); // pictures change the size of their type
  if (on) dial()?.focus();
}

// Fills the screen or leaves it, and again, where another key was faster than the browser. A frame may not: it fills the window then.
async function fill() {
  if (turning) return;
  turning = true;
  try {
    while ("present" in showing !== !!document.fullscreenElement) await ("present" in showing ? document.documentElement.requestFullscreen() : document.exitFullscreen());
  } catch { /* it may not */ }
  turning = false;
  full = !!document.fullscreenElement;
}

// What is moved by keys: the dial of the first picture, or what is guessed of it.
const dial = () => [...document.querySelectorAll(".picture input")].find((each) => each.checkVisibility());

function move(steps) {
  const input = dial();
  if (!input) return;
  input.focus();
  if (input.type === "radio") return choose([...document.getElementsByName(input.name)], steps);
  input.value = Number(input.value) + steps;
  for (const what of ["input", "change"]) input.dispatchEvent(new Event(what));
}

function choose(radios, steps) {
  const at = radios.findIndex((each) => each.checked);
  const to = radios.at((at + steps + (at < 0 && steps < 0) + radios.length) % radios.length);
  to.focus();
  to.click();
}

// The next step of the lesson that is shown, or the first of the one that is chosen on their page; else of the situations that the page
// offers to start from, around.
let lesson, lasts = {}; // "name.place", and the place of each page's last situation
function start(steps) {
  const listed = document.querySelector("a[data-step]")?.dataset.step;
  if (listed) return steps > 0 ? void go("step", (lesson = listed)) : tell("n opens the first step of the lesson.");
  const [name, place] = lesson?.split(".") ?? [];
  const to = Number(place) + steps;
  if (name) return to in Array(lengths[name]).fill() ? void go("step", (lesson = `${name}.${to}`)) : tell(`This is the ${steps > 0 ? "last" : "first"} step of the lesson.`);
  const chips = [...document.querySelectorAll('[class*="-preset"] button')], at = chips.findIndex((chip) => chip.ariaChecked === "true");
  const page = location.pathname, last = at < 0 ? (lasts[page] ?? -1) : at;
  if (chips.length) chips.at((lasts[page] = (last + steps + (last < 0 && steps < 0) + chips.length) % chips.length)).click();
}

// What a key could not do, for a moment.
let telling;
function tell(text) {
  const told = document.querySelector(".way-told") ?? document.body.appendChild(made("div", { class: "way-told", role: "status" }));
  told.textContent = text;
  clearTimeout(telling);
  telling = setTimeout(() => (told.textContent = ""), 3000);
}

const KEYS_THERE = {
  n: () => start(1),
  b: () => start(-1),
  h: () => document.querySelector("[data-about], .recipe") && (prediction().hush(), dial()?.focus()), // where what is asked about is said
  r: () => prediction().reveal(),
  Enter: () => prediction().reveal(),
  Escape: () => present(false),
  ArrowRight: () => move(1),
  ArrowLeft: () => move(-1),
  " ": () => document.querySelector(".picture-play")?.click(),
};

if (!window.presentBegan) {
  window.presentBegan = true;
  document.addEventListener("click", (event) => {
    if (event.target.closest(".skip")) dial()?.focus(); // the first stop of the Tab key (main.py)
    if (event.isTrusted && event.target.closest('.way nav a, [class*="-preset"] button')) lesson = undefined; // left by hand
    const { step } = event.target.closest("a[data-step]")?.dataset ?? {};
    if (!step) return;
    event.preventDefault();
    go("step", (lesson = step));
  });
  document.addEventListener("fullscreenchange", () => {
    if (!document.fullscreenElement && full && !turning) present(false);
  });
  // Before Streamlit, which has a meaning of its own for "r".
  addEventListener("keydown", (event) => {
    const typed = event.target.closest?.("textarea, select, [contenteditable=true], [role=combobox], input:not([type=range], [type=radio])");
    if (typed || event.ctrlKey || event.metaKey || event.altKey) return;
    const inPicture = event.target.closest?.(".picture, button, a, summary"), native = [" ", "Enter"].includes(event.key) || event.key.startsWith("Arrow");
    const does = event.key === "p" ? () => present(!("present" in showing)) : ("present" in showing || ("hushed" in showing && event.key === "r")) && !(native && inPicture) && KEYS_THERE[event.key];
    if (!does) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    does();
  }, true);
}
