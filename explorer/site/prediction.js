// Predict, then reveal: whether the page hides its answer. There is one for the page, whichever module holding this file comes first
// (content.py, way.py). `data-hushed` on the document hides, in house.css and in picture.js. Until `data-watched` says that this file is there,
// the style alone hides, where Python says that the page asks first (`panel.about`): the answers come sooner than the script.

function prediction() {
  if (window.predictions) return window.predictions;
  const root = document.documentElement.dataset;
  let on = false, hushed = false, seen, last; // "Predict first"; the presenter's key; whose answer was revealed; whose is asked

  // What the page is about, which it says before any answer.
  const about = () => document.querySelector("[data-about]")?.dataset.about;
  // The names of the problems to choose from may tell: they have numbers meanwhile, which house.css shows.
  function name(hides) {
    document.querySelectorAll('[class*="-preset"] button').forEach((each, i) => (hides ? (each.ariaLabel = `Problem ${i + 1}`) : each.removeAttribute("aria-label")));
  }
  function look() {
    const asked = about(), hides = hushed || (on && asked !== undefined && asked !== seen);
    if (hides || "hushed" in root) name(hides);
    if (hides === "hushed" in root && asked === last) return;
    last = asked;
    if (hides) root.hushed = "";
    else delete root.hushed;
    dispatchEvent(new Event("prediction"));
  }
  const watch = new MutationObserver(look); // before the browser paints: no answer of another problem is seen for a moment

  window.predictions = {
    about,
    look,
    isOn: () => on,
    hides: () => "hushed" in root,
    reveals: () => seen !== undefined && seen === about(),
    turn(to) {
      on = to;
      seen = last = undefined;
      if (on) watch.observe(document.body, { childList: true, subtree: true, attributeFilter: ["data-about"] });
      else watch.disconnect(), (hushed = false);
      look();
    },
    hush(to) {
      hushed = to;
      if (to) seen = undefined;
      look();
    },
    reveal() {
      hushed = false;
      seen = about();
      look();
    },
  };
  root.watched = "";
  if (document.querySelector(".asked[data-predict]")) window.predictions.turn(true);
  return window.predictions;
}
