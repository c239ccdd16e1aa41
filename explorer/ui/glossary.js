// The words of the field, explained where they stand. A page belongs to Streamlit, which draws it anew as it likes: so no element is put
// around a word. The browser marks ranges of the text (CSS highlights), finds the one under the pointer, and shows its line beside it.

const PASSED_OVER = "button, a, input, textarea, select, option, summary, script, style, svg, code, pre, nav, .words, .picture-said";
const PLACES = "[data-testid=stMain], [data-testid=stSidebar]";
const REST = 200; // ms that a pointer stays on a word before it is explained: one that passes by wants nothing
const FORCED = matchMedia("(forced-colors: active)"); // they would draw what is marked as if it were selected
const PAUSE = 400; // ms between two looks at a page that changes all the time

function glossary({ data, parentElement, setTriggerValue }) {
  const list = (parentElement.words ??= explain(parentElement, data.words));
  list.open = (name) => setTriggerValue("case", name);
  list.look();
  return () => {
    list.end();
    delete parentElement.words;
  };
}

function explain(parent, words) {
  const tip = popover(), self = { open: () => {}, look: soon, end };
  const known = new Map(words.flatMap((word) => word[1].map((spelling) => [spelling.toLowerCase(), word])));
  const spellings = [...known.keys()].sort((one, other) => other.length - one.length); // letters, spaces, hyphens
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${spellings.join("|")})(?![\\p{L}\\p{N}])`, "giu");
  const list = parent.appendChild(document.createElement("details"));
  list.className = "words";
  list.innerHTML = "<summary>The words of this page</summary><dl></dl>";

  function about([term, , line, name, title, address], tag) {
    const link = made("a", { href: new URL(address, document.baseURI).href }, `See “${title}”`);
    link.onclick = (event) => {
      if (!stays(event)) return;
      tip.hide();
      self.open(name);
    };
    return [made(tag, {}, term), `${line} `, link];
  }

  // -- where they stand: the first of each word in each block, by the element that holds the text
  let marks = new Map(), waiting = 0, listed = "";
  function look() {
    waiting = 0;
    marks = new Map();
    const found = new Set(), ranges = [];
    for (const place of document.querySelectorAll(PLACES)) {
      const texts = document.createTreeWalker(place, NodeFilter.SHOW_TEXT), seen = new Map();
      while (texts.nextNode()) {
        const text = texts.currentNode, holder = text.parentElement;
        if (text.data.search(pattern) < 0 || holder.closest(PASSED_OVER)) continue;
        const block = holder.closest("[data-testid=stElementContainer]"), here = seen.get(block) ?? seen.set(block, new Set()).get(block);
        for (const match of text.data.matchAll(pattern)) {
          const word = known.get(match[0].toLowerCase());
          if (here.has(word)) continue;
          here.add(word);
          found.add(word);
          const range = document.createRange();
          range.setStart(text, match.index);
          range.setEnd(text, match.index + match[0].length);
          if (!holder.matches(".picture-sentence strong")) ranges.push(range); // the verdict is underlined in its own color
          marks.set(holder, [...(marks.get(holder) ?? []), [range, word]]);
        }
      }
    }
    if (!FORCED.matches) CSS.highlights?.set("words", new Highlight(...ranges));
    if (last) hover(last); // a pointer that came to rest on a word before it was known
    tellAll(words.filter((word) => found.has(word)));
  }

  function tellAll(found) {
    list.hidden = !found.length;
    if (listed === (listed = String(found.map(([term]) => term)))) return;
    const rows = found.map((word) => about(word, "dt")).flatMap(([head, line, link]) => [head, made("dd", {}, line, link)]);
    list.querySelector("dl").replaceChildren(...rows);
  }

  // -- under the pointer, or under a finger
  let shown, last, resting = 0;
  function point({ clientX, clientY }, away) {
    const inside = ({ left, right, top, bottom }) => clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
    const [range, word] = marks.get(document.elementFromPoint(clientX, clientY))?.find(([range]) => [...range.getClientRects()].some(inside)) ?? [];
    if (word === shown) return;
    shown = word;
    if (word) tip.show(range.getBoundingClientRect(), ...about(word, "strong").flatMap((part, i) => (i ? part : [part, ": "])));
    else away();
  }
  function hover(event) {
    clearTimeout(resting);
    last = event;
    const under = document.elementFromPoint(event.clientX, event.clientY);
    if (tip.box.contains(under)) return; // on its way to the link
    if (event.pointerType !== "mouse" || event.buttons || !(shown || marks.has(under))) return;
    resting = setTimeout(point, REST, event, tip.leave);
  }
  const touch = (event) => !event.target.closest(".beside, .way") && ((shown = undefined), marks.has(event.target) ? point(event, tip.hide) : tip.hide());

  // -- whenever the page changes
  function soon() {
    waiting ||= setTimeout(look, PAUSE);
  }
  const watch = new MutationObserver((changes) => changes.some(({ target }) => !(target instanceof SVGElement) && !list.contains(target)) && soon());
  watch.observe(document.querySelector("[data-testid=stApp]"), { childList: true, characterData: true, subtree: true });
  document.addEventListener("pointermove", hover, { passive: true });
  document.addEventListener("click", touch);
  tip.box.addEventListener("pointerleave", () => (shown = undefined));
  function end() {
    watch.disconnect();
    clearTimeout(waiting);
    document.removeEventListener("pointermove", hover);
    document.removeEventListener("click", touch);
    list.remove();
  }
  return self;
}
