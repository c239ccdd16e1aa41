// Predict, then reveal: whether the page hides its answer. There is one for the page, whichever module holding this file comes first
// (content.py, way.py). `data-hushed` on the document hides, in house.css and in picture.js.

function prediction() {
  if (window.predictions) return window.predictions;
  const root = document.documentElement.dataset;
  let on = false, hushed = false, seen, last; // "Predict first"; the presenter's key; whose answer was revealed; whose is asked

  // What the page is about, which it says before any answer.
  const about = () => document.querySelector("[data-about]")?.dataset.about;
  function look() {
    const asked = about(), hides = hushed || (on && asked !== undefined && asked !== seen);
    if (hides === "hushed" in root && asked === last) return;
    last = asked;
    if (hides) root.hushed = "";
    else delete root.hushed;
    dispatchEvent(new Event("prediction"));
  }
  const watch = new MutationObserver(look); // before the browser paints: no answer of another problem is seen for a moment

  return (window.predictions = {
    about,
    look,
    isOn: () => on,
    hides: () => "hushed" in root,
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
  });
}
