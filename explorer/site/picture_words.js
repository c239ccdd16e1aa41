// The words of a picture: its sentence, what stands beside its ruler, and what a screen reader hears.
// One module with picture.js: content.py joins the files.

function wordsOf(sentence, value, said) {
  let shown = "", told;
  const box = sentence.firstElementChild, [label, now] = value.children;
  const fits = () => box.scrollHeight <= box.clientHeight + 1 && box.scrollWidth <= box.clientWidth + 1;

  // The sentence, whose start may be bold: in a frame as many of its clauses as have room, the first of them in any case, in small type.
  function say(bold, rest, embedded) {
    shown = bold + rest;
    const texts = embedded ? shorter(shown) : [shown], last = [["picture-fine", texts.at(-1)], ["picture-fine picture-whole", texts.at(-1)]];
    for (const [kind, text] of [...texts.map((each) => ["", each]), ...last]) {
      const parts = [Object.assign(document.createElement("strong"), { textContent: text.slice(0, bold.length) }), text.slice(bold.length)];
      if (box.textContent !== text) box.replaceChildren(...parts.slice(bold ? 0 : 1));
      if (box.className !== kind) box.className = kind;
      if (!embedded || fits()) return;
    }
  }

  // In a frame without the dial's name, and then without what the value is compared with, where it has no room.
  function besideRuler(text, embedded) {
    for (const [named, part] of [[true, text], [false, text], [false, text.split(" = ")[0]]]) {
      label.hidden = !named;
      now.textContent = part;
      if (!embedded || value.scrollWidth <= value.clientWidth) return;
    }
  }

  // A screen reader hears the sentence whenever another one is shown, but for the first, and for those that a drag passes.
  function announce(before, { silent, busy }) {
    const all = silent ? "" : [...before, shown].filter(Boolean).join(" ");
    if (busy || all === told) return;
    if (told !== undefined) said.textContent = all;
    told = all;
  }

  // The longest sentence and the longest value decide how much room all of them get, so that nothing below jumps.
  function reserve({ words = [], values = [] } = {}) {
    const longest = (texts) => texts.reduce((long, text) => (text.length > long.length ? text : long), "");
    for (const [room, text, texts] of [[sentence, box, words], [value, now, values]]) {
      room.style.minHeight = "";
      text.textContent = longest(texts);
      room.style.minHeight = `${room.offsetHeight}px`;
    }
  }

  return { say, value: besideRuler, announce, reserve };
}
