// The first picture that one drags or plays stays at the window's top while one scrolls, lower, so that the words below it are read beside
// it. It keeps its place on the page: what is under it does not move. A line or two below it in its block are hidden meanwhile.
// One module with picture.js: content.py joins the files.

const STAYS = 0.72; // of the window, at most, for a picture that stays while the words below it are read
const STUCK = 0.42; // of its height, at least, while it stays
const UNDER = 240; // px of words below it in its own block, at most, which are hidden meanwhile

// `sizes` says how high the figure is when it is whole, now, and at rest in its window; `redraw` draws it at another height.
function stayingOf(root, page, sizes, redraw) {
  const find = (selector) => root.querySelector(selector);
  const block = page && [...page.querySelectorAll(":scope > * > *")].find((each) => each.contains(root));
  let stuck = 0; // the height of the figure meanwhile

  function above() {
    let each = block?.previousElementSibling;
    while (each && !each.offsetHeight) each = each.previousElementSibling; // what is not shown may stand anywhere
    return each;
  }
  const foot = () => (sizes().dial ? 0 : find(".picture-foot").offsetHeight + 12); // the player stays where it is all that one drags
  const before = () => root.getBoundingClientRect().top - block.getBoundingClientRect().top;
  const natural = () => above().getBoundingClientRect().bottom + parseFloat(getComputedStyle(block.parentElement).rowGap) + before();

  const first = () => document.querySelector(".picture:has(.picture-player:not([hidden]))") === root;
  const alone = () => block.getBoundingClientRect().bottom - root.getBoundingClientRect().bottom < UNDER;

  function stick() {
    const { whole, now } = sizes();
    if (!whole) return;
    const may = !find(".picture-player").hidden && above() && alone() && root.clientWidth >= NARROW && first();
    const top = parseFloat(getComputedStyle(root).getPropertyValue("--top")), low = Math.round(STAYS * innerHeight - top - find(".picture-stage").offsetTop - foot());
    const to = may && natural() < top && low >= STUCK * whole ? Math.min(low, stuck || now) : 0;
    if (to === stuck) return;
    if (!stuck) block.style.setProperty("--before", `${before()}px`);
    stuck = to;
    root.classList.toggle("picture-stuck", !!to);
    redraw();
  }

  // While it stays elsewhere, its place on the page is as high as it would be there.
  function rest() {
    if (!stuck) return;
    root.style.height = `${root.offsetHeight - find(".picture-plot").offsetHeight + sizes().inWindow()}px`;
    root.style.setProperty("--stays", `${find(".picture-stage").offsetTop + stuck + 8 + foot()}px`);
  }

  return { height: () => stuck, natural, stick, rest };
}
