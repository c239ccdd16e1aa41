// Predict, then reveal: whether the page hides its answer. There is one for the page, whichever module holding this file comes first
// (content.py, way.py). `data-hushed` on the document hides, in house.css and in picture.js. A page whose link asks to predict is
// not seen at all (server.py) until `data-watched` says that it is known what it is about, or that it says nothing.

function prediction() {
  if (window.predictions) return window.predictions;
  const root = document.documentElement.dataset;
  const seen = new Set(); // whose answers were revealed, and stay so for those who come back to them
  let on = false, hushed = false, last; // "Predict first"; the presenter's key; whose answer is asked

  // What the page is about, which it says before any answer.
  const about = () => document.querySelector("[data-about]")?.dataset.about;
  const watched = () => "watched" in root;
  const known = () => about() !== undefined || (document.querySelector(".skip") && document.querySelector(".stApp").dataset.testScriptState === "notRunning");
  // The names of the problems to choose from may tell: they have numbers meanwhile, which house.css shows.
  function name(hides) {
    document.querySelectorAll('[class*="-preset"] button').forEach((each, i) => (hides ? (each.ariaLabel = `Problem ${i + 1}`) : each.removeAttribute("aria-label")));
  }
  function look() {
    if (on && !watched() && known()) root.watched = "";
    const asked = about(), hides = hushed || (on && asked !== undefined && !seen.has(asked));
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
    hides: () => "hushed" in root || (on && !watched()),
    reveals: () => seen.has(about()),
    turn(to, anew) {
      on = to;
      last = undefined;
      if (anew) seen.clear();
      if (on) watch.observe(document.body, { childList: true, subtree: true, attributeFilter: ["data-about", "data-test-script-state"] });
      else watch.disconnect(), (hushed = false);
      look();
    },
    hush(to) {
      hushed = to;
      if (to) seen.delete(about());
      look();
    },
    reveal() {
      hushed = false;
      seen.add(about());
      look();
    },
  };
  if (new URLSearchParams(location.search).get("view.predict") === "true") window.predictions.turn(true);
  return window.predictions;
}
