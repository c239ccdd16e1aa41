// Predict, then reveal: whether the page hides its answer. There is one for the page, whichever module holding this file comes first
// (content.py, way.py). `data-hushed` on the document hides, in house.css and in picture.js. A page whose link asks to predict is
// not seen at all (server.py) until `data-watched` says that it is known what it is about, or that it says nothing.

function prediction() {
  if (window.predictions) return window.predictions;
  const root = document.documentElement.dataset;
  const seen = new Set(); // whose answers were revealed, and stay so for those who come back to them
  let on = false, hushed = false, last; // "Predict first"; the presenter's key, from then on; whose answer is asked

  // What the page is about, which it says before any answer.
  const about = () => document.querySelector("[data-about]")?.dataset.about;
  const whose = () => about() ?? location.pathname; // a page that asks for nothing is revealed as a whole
  const watched = () => "watched" in root;
  const still = () => document.querySelector(".stApp")?.dataset.testScriptState === "notRunning";
  const known = () => about() !== undefined || (document.querySelector(".skip") && still());
  // What the presenter hides stays hidden on the next page, too, but for one that has no answer: it names nothing that is run.
  const answers = () => !still() || !!document.querySelector("[data-about], .recipe");
  // The names of the problems to choose from may tell: they have numbers meanwhile, which house.css shows.
  function name(hides) {
    document.querySelectorAll('[class*="-preset"] button').forEach((each, i) => (hides ? (each.ariaLabel = `Problem ${i + 1}`) : each.removeAttribute("aria-label")));
  }
  function look() {
    if (on && !watched() && known()) root.watched = "";
    const asked = about(), hides = (hushed && answers() && !seen.has(whose())) || (on && asked !== undefined && !seen.has(asked));
    if (hides || "hushed" in root) name(hides);
    if (hides === "hushed" in root && asked === last) return;
    last = asked;
    if (hides) root.hushed = "";
    else delete root.hushed;
    dispatchEvent(new Event("prediction"));
  }
  const watch = new MutationObserver(look); // before the browser paints: no answer of another problem is seen for a moment
  function heed() {
    if (on || hushed) watch.observe(document.body, { childList: true, subtree: true, attributeFilter: ["data-about", "data-test-script-state"] });
    else watch.disconnect();
    look();
  }

  window.predictions = {
    about,
    look,
    isOn: () => on,
    hides: () => "hushed" in root || (on && !watched()),
    reveals: () => seen.has(about()),
    turn(to, anew) {
      if (to === on && !anew) return; // what the page's own button said, which comes back from the server
      on = to;
      last = undefined;
      if (anew) seen.clear();
      if (!on) hushed = false;
      heed();
    },
    hush() {
      hushed = true;
      seen.delete(whose());
      heed();
    },
    reveal() {
      hushed &&= "present" in root; // before an audience what comes next is hidden again
      seen.add(whose());
      heed();
    },
  };
  addEventListener("present", () => "present" in root || "hushed" in root || ((hushed = false), heed()));
  if (new URLSearchParams(location.search).get("view.predict") === "true") window.predictions.turn(true);
  return window.predictions;
}
