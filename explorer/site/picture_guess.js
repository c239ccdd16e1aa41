// What a picture asks before it shows its answer (questions.py): scales and choices, what is said to a guess, and how many were right.
// One module with picture.js: content.py joins the files.

const MOST_TALLIED = 6;
const tally = new Map(); // what was asked -> how each guess at it was, and in which form: the first counts; of this visit
let forms = 0; // of one name are the choices of one

function guessing(form, answer, change) {
  const parts = form.querySelector(".picture-guesses"), score = form.querySelector(".picture-tally");
  let question, asked, about, inputs = [], position = 0, hid = false;
  const of = (list) => list[Math.min(position, list.length - 1)];

  form.onkeydown = (event) => event.key !== "Escape" && event.stopPropagation(); // the keys of its inputs are not the picture's
  form.onsubmit = (event) => {
    event.preventDefault();
    prediction().reveal();
  };

  // -- what is asked
  function take(next, at) {
    const hides = prediction().hides(), again = hides && !hid;
    question = next;
    hid = hides;
    if (hides) position = at; // once it is revealed, the answer to what was asked does not follow the dial
    const shape = JSON.stringify(question?.guesses.map(({ options, at, names }) => [options, at, names]) ?? []), now = prediction().about();
    if (shape !== asked || now !== about || again) build(now);
    if (hides && !parts.parentElement) form.prepend(parts);
    else if (!hides) parts.remove(); // what is not asked is not on the page
    asked = shape;
    question?.guesses.forEach(({ asks }, i) => (inputs[i].asks.textContent = of(asks)));
  }

  function build(now) {
    about = now;
    parts.replaceChildren();
    forms += 1;
    if (question?.instead) parts.appendChild(document.createElement("p")).textContent = question.instead;
    inputs = (question?.guesses ?? []).map((guess, i) => (Object.keys(guess.names).length ? scale(guess, i) : choices(guess, i)));
  }

  function part(tag, titled) {
    const box = parts.appendChild(document.createElement(tag));
    box.className = "picture-part";
    return [box, box.appendChild(document.createElement(titled))];
  }

  function choices({ options }, i) {
    const [box, asks] = part("fieldset", "legend"), made = { asks, guess: null };
    options.forEach((text, k) => {
      const label = box.appendChild(document.createElement("label"));
      const input = Object.assign(label.appendChild(document.createElement("input")), { type: "radio", name: `guess-${forms}-${i}` });
      input.onchange = () => void (made.guess = k);
      span(label, "", text);
    });
    return made;
  }

  // Its thumb begins in the middle, wherever the answer is.
  function scale({ options, names }, i) {
    const [box, asks] = part("div", "label"), said = span(box, "picture-now", "–"), ruler = span(box, "picture-ruler"), track = span(ruler, "picture-track"), under = span(box, "picture-names");
    const input = Object.assign(ruler.appendChild(document.createElement("input")), { type: "range", min: 0, max: options.length - 1, value: options.length >> 1 });
    input.id = asks.htmlFor = `guess-${forms}-${i}`;
    track.ariaHidden = under.ariaHidden = "true";
    const made = { asks, guess: null, input, under, marks: Object.entries(names).map(([place, text]) => ({ position: place / (options.length - 1), text })) };
    const tell = () => input.setAttribute("aria-valuetext", made.guess === null ? "no guess yet" : options[made.guess]);
    // A click on the thumb where it began is a guess, too.
    input.oninput = input.onpointerup = () => {
      made.guess = Number(input.value);
      said.textContent = options[made.guess];
      tell();
    };
    tell();
    return made;
  }

  // -- what is said to it, once the answer is there
  function tellAnswer() {
    const guessed = !prediction().reveals() ? [] : (question?.guesses ?? []).flatMap((each, i) => (inputs[i].guess === null ? [] : [[each, inputs[i].guess]]));
    const words = guessed.map(([each, k]) => each.replies[k][of(each.truth)]);
    const first = (tally.get(about)?.inputs ?? inputs) === inputs;
    if (guessed.length && first) tally.set(about, { inputs, scores: guessed.map(([each, k]) => each.scores[k][of(each.truth)]) });
    const all = [...tally.values()].flatMap(({ scores }) => scores).filter(Boolean), right = all.filter((each) => each === "right").length;
    const before = all.length ? `Your predictions so far: ${right} of ${all.length} right${all.length > right ? ` (${all.length > MOST_TALLIED ? "…, " : ""}${all.slice(-MOST_TALLIED).join(", ")})` : ""}.${first ? "" : " Only the first prediction of a problem counts."}` : "";
    score.textContent = before;
    answer.replaceChildren(...words.map((text) => Object.assign(document.createElement("strong"), { textContent: text })), all.length > guessed.length || !first ? before : "");
    answer.hidden = !words.length;
  }

  // Where the guess is among the positions of the picture's dial.
  const marks = () => (!prediction().reveals() ? [] : (question?.guesses ?? []).flatMap(({ at, options }, i) => (typeof at?.[inputs[i].guess] === "number" ? [{ position: at[inputs[i].guess], text: `you: ${options[inputs[i].guess]}` }] : [])));

  function fit(thumb) {
    for (const { under, marks } of inputs) if (under?.isConnected) drawNames(under, [], marks, thumb);
  }

  return { take, tellAnswer, marks, fit, asks: () => !!question && prediction().hides(), still: () => question };
}
