// One picture: a Plotly figure, and range inputs that move through its frames. Knows no mathematics and no words:
// Python computed a frame and a sentence for every position (picture.py); here they are only shown.
// Streamlit calls `picture` again with the same element whenever the data or the theme change.

const NARROW = 640; // px: below it the `narrow` layout applies
const SHORTEST = 0.5, SHORTEST_NARROW = 0.6; // of its height: a picture is made that short to stand beside its ruler in one window
const TOUCH = matchMedia("(pointer: coarse)");
// Touch has no hover: the buttons would always cover the headings, for a zoom that touch does not draw.
const CONFIG = { displaylogo: false, displayModeBar: TOUCH.matches ? false : "hover", scrollZoom: false, modeBarButtons: [["zoom2d", "pan2d", "resetScale2d"]] };

const mounted = new WeakMap(); // element -> its picture
let moved = false; // a visitor who has moved a dial needs no hint
const shared = new URLSearchParams(location.hash.slice(1)); // key -> "position,time" in a link that somebody copied (way.js)
const remembered = new Map(); // key -> {epoch, position, mine}: survives an element that React mounts anew; mine: the visitor chose it

const SKELETON = `
  <form class="picture-guess" hidden>
    <div class="picture-guesses"></div>
    <p class="picture-elsewhere" hidden>“Open” has room for the question.</p>
    <p class="picture-tally"></p>
    <button type="submit" class="picture-show">Show what happens</button>
  </form>
  <p class="picture-answer" tabindex="-1" hidden></p>
  <div class="picture-head">
  <p class="picture-sentence"><span></span></p>
  <div class="picture-dial">
    <div class="picture-value"><span></span> <span class="picture-now"></span></div>
    <div class="picture-ruler">
      <div class="picture-track" aria-hidden="true"></div>
      <input type="range" min="0" step="1">
      <span class="picture-hint" aria-hidden="true" hidden></span>
    </div>
    <div class="picture-names" aria-hidden="true"></div>
  </div>
  </div>
  <div class="picture-stage">
    <div class="picture-plot" aria-hidden="true"></div>
    <div class="picture-image" role="img" tabindex="0"></div>
    <p class="picture-small" hidden>“Open” shows the plot.</p>
  </div>
  <div class="picture-problem" role="alert" hidden></div>
  <div class="picture-foot">
  <div class="picture-player" role="group" aria-label="Playback">
    <button type="button" data-step="-1" aria-label="One step back"><svg viewBox="0 0 24 24"><path d="M5 5h3v14H5zM20 5v14L9 12z"/></svg></button>
    <button type="button" class="picture-play"><svg viewBox="0 0 24 24"><path/></svg><span></span></button>
    <button type="button" data-step="1" aria-label="One step forward"><svg viewBox="0 0 24 24"><path d="M16 5h3v14h-3zM4 5v14l11-7z"/></svg></button>
    <input type="range" min="0" step="1" aria-label="Time">
    <span class="picture-now"></span>
  </div>
  <button type="button" class="picture-predict" title="Hide the answer, guess it, and then see what happens" hidden>Predict first</button>
  <details class="picture-save">
    <summary>Save</summary>
    <div role="group" aria-label="Save this picture"><button type="button" data-save="png">PNG</button> <button type="button" data-save="svg">SVG</button> <button type="button" data-save="csv">CSV</button> <button type="button" data-save="html" title="A page of its own that drags and plays without the app">Page</button></div>
  </details>
  </div>
  <div class="picture-said" role="status" aria-live="polite"></div>`;

function picture({ data, parentElement, setStateValue, setTriggerValue }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, mount(parentElement));
  const shown = mounted.get(parentElement);
  shown.update(data, setStateValue, setTriggerValue);
  return () => {
    shown.unmount();
    mounted.delete(parentElement);
  };
}

// ---- the look of the figure ----------------------------------------------------------------------------------------

// What the page's theme says, below what the figure's own template and layout say.
function themeTemplate(animated) {
  const text = "var(--st-text-color)", faint = "var(--st-border-color)", clear = "rgba(0,0,0,0)";
  const axis = { gridcolor: faint, zerolinecolor: faint, linecolor: faint, tickcolor: faint };
  axis.automargin = !animated; // a margin that follows the tick labels would shake the plot
  return {
    font: { family: "var(--st-font)", color: text, size: 16 },
    paper_bgcolor: clear,
    plot_bgcolor: clear,
    hoverlabel: { bgcolor: "var(--st-secondary-background-color)", bordercolor: faint, font: { color: text } },
    modebar: { bgcolor: clear, color: text, activecolor: "var(--st-primary-color)" },
    xaxis: axis,
    yaxis: axis,
  };
}

const larger = () => ("present" in document.documentElement.dataset ? 1.25 : 1); // for the last row of a lecture hall

// ---- one picture ---------------------------------------------------------------------------------------------------

function mount(parent) {
  const root = parent.appendChild(document.createElement("div"));
  root.className = "picture";
  root.innerHTML = SKELETON;
  const find = (selector) => root.querySelector(selector);
  const [sentence, value, ruler, names, plot, image, problem, player, play, said] = ["sentence", "value", "ruler", "names", "plot", "image", "problem", "player", "play", "said"].map((name) => find(`.picture-${name}`));
  const dialInput = ruler.querySelector("input"), timeInput = player.querySelector("input"), timeText = player.querySelector(".picture-now"), hint = find(".picture-hint");

  let data, frames, zones, commit, trigger, Plotly;
  let dressed, family; // in which look, and with which letters
  let figure, painted, layout; // figure, frames and layout in the colors of the theme, for this width
  const form = find(".picture-guess"), answer = find(".picture-answer"), predict = find(".picture-predict"), saving = find(".picture-save");
  const guess = guessing(form, answer), words = wordsOf(sentence, value, said);
  let position = 0, time = 0, held = false, waiting = 0;
  let whole = 0; // the height of the figure before it is fitted into the window
  let stale = true, busy = false, again = false;

  // -- words, for the eye and for screen readers
  function tell() {
    const { dial, times, alt } = data;
    dialInput.value = position;
    hint.hidden = !data.hint || moved;
    hint.style.left = along(position / Math.max(frames.length - 1, 1));
    hint.classList.toggle("picture-hint-before", 2 * position > frames.length);
    timeInput.value = time;
    timeText.textContent = times[time] ?? "";
    timeInput.setAttribute("aria-valuetext", times[time] ?? "");
    if (dial) tellDial(dial);
    if (!dial?.words.length) words.say("", verdict(), data.embedded);
    // What a link of exactly this must say beside the address, in which the page has the position that it follows.
    const own = [data.follows || position === data.value ? "" : position, time < times.length - 1 ? time : ""];
    if (own.join("")) root.dataset.moved = own;
    else delete root.dataset.moved;
    image.setAttribute("aria-label", guess.asks() ? guess.still().alt : [alt, dial?.alts[position]].filter(Boolean).join(" "));
    announce();
  }

  const announce = () => words.announce(guess.asks() ? [] : [...answer.querySelectorAll("strong")].map(({ textContent }) => textContent), { silent: guess.asks(), busy: held || film.runs() });

  const alone = () => "title" in data; // on a page of its own
  const verdict = () => (data.embedded || alone() ? data.said : ""); // else the page around it says it

  function tellDial(dial) {
    const [, bold = "", rest] = (dial.words[position] ?? "").match(/^(?:\*\*(.+?)\*\*)?(.*)$/s);
    const zone = zones.find(({ to }) => position / Math.max(frames.length - 1, 1) <= to);
    words.say(bold, rest, data.embedded);
    sentence.style.setProperty("--zone", zone?.color ?? "var(--st-border-color)");
    words.value(dial.values[position], data.embedded);
    dialInput.setAttribute("aria-valuetext", [dial.values[position], dial.zones[position], bold + rest].filter(Boolean).join(", "));
  }

  // -- drawing: at most once for each frame of the screen, newest wish only
  async function draw() {
    if (!data) return;
    tell();
    if (busy) return void (again = true);
    busy = true;
    try {
      const whose = await loadPlotly(file());
      if (whose !== Plotly) Plotly?.purge(plot);
      Plotly = whose;
      do {
        await new Promise(requestAnimationFrame);
        again = false;
        const anew = stale;
        if (stale) dress();
        if (anew || !moving() || !drawLive()) await drawAtRest();
        if (anew && legendGrew()) again = stale = true;
        if (asked === given) root.dataset.drawn = drawn; // else what is shown is not what is asked for, for as long as it takes to fetch it
        performance.mark("picture drawn");
        listen();
      } while (again);
    } catch (error) {
      complain(error);
    }
    busy = false;
  }

  function redraw() {
    stale = true;
    draw();
  }

  let drawn;
  function shown() {
    const shown = painted[position] ?? { data: [], traces: [] };
    const last = data.times.length ? time : Infinity;
    drawn = `${position} ${time}`;
    const patches = patchesOf(figure.data, shown, last, last >= data.times.length - 1).map((patch, index) => (figure.data[index].visible === false ? {} : patch));
    return { patches, view: viewOf(shown, last) };
  }

  async function drawAtRest() {
    if (root.classList.contains("picture-cramped")) return;
    const { patches, view } = shown(), still = guess.asks() && guess.still();
    const traces = still ? still.traces.map((index) => figure.data[index]) : figure.data.map((trace, index) => merge(trace, patches[index]));
    await Plotly.react(plot, traces, placed(merge(structuredClone(layout), structuredClone(still ? still.layout : view))), CONFIG);
    placeNames(plot);
    live?.hide();
  }

  // While the hand is on the dial or the film runs; a key that is pressed moves by one, which Plotly draws.
  let live;
  let scrubbing = false; // the hand is on the player's slider
  const moving = () => Boolean(plot._fullLayout && (((held || scrubbing) && !byKey) || film.runs()) && !guess.asks());
  function drawLive() {
    live ??= liveOn(plot);
    const { patches, view } = shown();
    const seen = frame ? fewerTicks(view, frame) : apart(view, (name) => plot._fullLayout[name]._length), notes = view.annotations && { annotations: placed(merge(layout, view)).annotations };
    if (!live.draw(figure, patches, { ...seen, ...notes })) return false;
    plot.emit("plotly_react"); // it is redrawn, for who listens
    return true;
  }

  function settle() {
    delete root.dataset.drawn;
    draw();
  }

  function dress() {
    stale = false;
    embed();
    const { color, fontFamily } = getComputedStyle(root), look = [color, root.clientWidth, larger()].join();
    family = fontFamily;
    if (look !== dressed) live?.forget();
    dressed = look;
    [figure, painted] = paint([decoded.figure, decoded.frames], root);
    layout = merge({ uirevision: data.key, height: data.height, width: root.clientWidth }, figure.layout);
    if (root.clientWidth < NARROW) layout = merge(layout, paint(decoded.narrow, root));
    layout.template = merge({ layout: paint(themeTemplate(frames.length > 0), root) }, layout.template);
    if (!data.embedded) layout = enlarge(layout, larger());
    if (TOUCH.matches) layout.dragmode = false; // a finger on the plot scrolls the page
    whole = layout.height;
    root.style.height = "";
    if (data.embedded) arrangeFrame();
    layout.height = stays.height() || inWindow(whole);
    plot.style.height = `${layout.height}px`;
    stays.rest();
  }

  // The frame of another page shows the first picture, and nothing else.
  const embed = () => data.embedded && document.querySelectorAll(".picture").forEach((each, at) => each.classList.toggle("picture-embedded", !at));

  // In it as many plots as have room, the first of them first; where none has, the words alone.
  let frame;
  function arrangeFrame() {
    root.classList.remove("picture-cramped"); // whose words take the room of the plot
    tell(); // how high the words are says how much is left
    if (guess.asks()) leaveOut();
    const asked = guess.asks() ? guess.still().layout : viewOf(painted[position] ?? {}, Infinity), flat = axesOf(layout).length;
    frame = flat ? arranged(merge(layout, asked), [root.clientWidth, room()], { larger: larger(), legend, family }) : undefined;
    const cramped = flat ? !frame : room() < PLAIN[1] / 2;
    root.classList.toggle("picture-cramped", cramped && !guess.asks());
    const gone = frame ? figure.data.filter(({ xaxis }) => !ofPlot({ xref: xaxis ?? "x" }, frame.plots)) : [];
    for (const trace of gone) Object.assign(trace, { visible: false, xaxis: "x", yaxis: "y" });
    for (const { legendgroup, showlegend } of gone) { // whom the legend named there it names here
      const same = legendgroup && showlegend !== false && figure.data.find((each) => each.legendgroup === legendgroup && !gone.includes(each));
      if (same) same.showlegend = true;
    }
    align();
    nameTrack();
    tell(); // its words take the room that they have now
    const small = find(".picture-small");
    small.hidden = !root.classList.contains("picture-cramped");
    small.hidden ||= room() < small.scrollHeight; // then it is left out, too
  }

  // What is asked fits its frame without scrolling: in small type and without the picture where it must, and the last of it is left out.
  function leaveOut() {
    const parts = [...form.querySelectorAll(".picture-part")], over = () => root.scrollHeight > root.clientHeight + 1 || root.scrollWidth > root.clientWidth + 1;
    const none = find(".picture-elsewhere"), stage = find(".picture-stage"), pictured = guess.still().traces.length > 0;
    for (const each of [...parts, form]) each.hidden = false;
    none.hidden = true;
    for (const [dense, shown] of [[false, true], [true, true], [false, false], [true, false]]) {
      root.classList.toggle("picture-dense", dense);
      stage.hidden = !shown || !pictured;
      nameTrack(); // the names of a scale take room
      if (!over()) break;
    }
    while (over() && parts.length) parts.pop().hidden = true;
    if (!parts.length && guess.still().guesses.length) none.hidden = false;
  }

  // The height of a legend is known when it is drawn; in one width it only grows, so that this comes to an end.
  let legend = 0;
  function legendGrew() {
    const drawn = frame?.named && plot._fullLayout.legend?._height / lettering(frame);
    if (!drawn || (drawn - legend) * lettering(frame) < 2) return false;
    legend = drawn;
    return true;
  }

  const placed = (all) => (data.embedded ? (frame ? inFrame(all, frame, family) : all) : apart(headed(all, layout.width, family)));
  const apart = (all, lengthOf = lengths(all)) => spaced(all, lengthOf, larger(), family); // no number of an axis on the next

  // What is dragged and what it moves are seen together: in the first screen, or else when the page was scrolled to them.
  function inWindow(height) {
    if (data.embedded) return room() || height;
    if (!data.dial && !data.times.length && !data.boxable) return height;
    const from = (stays.height() ? stays.natural() : root.getBoundingClientRect().top) + (main?.scrollTop ?? scrollY);
    const below = innerHeight - (from < innerHeight / 2 ? from : 72) - (root.offsetHeight - plot.offsetHeight) - 8; // beside the sentence, the ruler and the player
    const least = root.clientWidth < NARROW ? SHORTEST_NARROW : SHORTEST;
    return Math.round(Math.min(Math.max(below, least * height), height));
  }

  // In a frame of another page the picture has what is left of the frame; where that is less, its type is smaller too.
  const room = () => find(".picture-stage").clientHeight;
  const type = () => (data.embedded && frame ? frame.type : larger());

  function complain(error) {
    problem.hidden = false;
    embed();
    problem.replaceChildren(`The picture cannot be drawn: ${error.message}. `, Plotly ? "" : "Start the app with “streamlit run app.py”, which serves this file, and reload the page. The slider and its words still work.");
    plot.parentElement.hidden = !Plotly;
  }

  // -- what a visitor points at: reported with its own data, or as a box of the axes
  function listen() {
    for (const button of plot.querySelectorAll(".modebar-btn")) button.tabIndex = -1; // for a pointer only: keys would stop there in vain
    if (plot.dataset.listens || !plot.on) return; // nothing is drawn in a frame without room
    plot.dataset.listens = "true";
    plot.addEventListener("mousedown", (event) => event.target.closest(".modebar") && event.preventDefault()); // the focus stays where it is
    plot.on("plotly_click", ({ points }) => {
      const [{ x, y, customdata }] = points;
      if (data.clickable) trigger("clicked", customdata ?? [x, y]);
    });
    plot.on("plotly_selected", (event) => {
      if (!data.boxable || !event?.range) return;
      Plotly.relayout(plot, { selections: [] });
      trigger("boxed", [...event.range.x, ...event.range.y]);
    });
  }

  // -- moving
  function moveTo(next) {
    position = next;
    time = Math.max(data.times.length - 1, 0);
    draw();
  }

  function report() {
    clearTimeout(waiting);
    held = false;
    announce();
    if (live?.shows()) settle();
    const seen = remembered.get(data.key);
    if (seen.position === position && seen.epoch === data.epoch) return;
    remember();
    root.dataset.due = [data.epoch, position];
    if (atRest()) deliver();
    else resting.observe(app, { attributes: true, attributeFilter: ["data-test-script-state"] });
  }

  // A part of a page runs after what is running already, and Streamlit then drops whatever it has not sent of that part yet: the picture would
  // leave and come back under the hand that drags it again. So it reports once the page is at rest, and at once if the visitor turns to
  // something else, which must not come first.
  const app = root.closest("[data-testid=stApp]"), atRest = () => !data.part || !app || app.dataset.testScriptState === "notRunning";
  const resting = new MutationObserver(() => atRest() && deliver());
  function deliver() {
    const { due } = root.dataset; // the epoch and the position of a release that waits
    if (!due) return;
    delete root.dataset.due;
    resting.disconnect();
    commit("value", due.split(",").map(Number));
  }

  const remember = () => remembered.set(data.key, { epoch: data.epoch, position, mine: true });

  // -- the player: advances one range input, time if there is one
  const reel = () => (data.times.length ? timeInput : dialInput);
  function advanceTo(next) {
    const to = Math.min(Math.max(next, 0), Number(reel().max));
    if (data.times.length) time = to;
    else position = to;
    draw();
  }
  const film = playerOf(play, reel, advanceTo, () => {
    if (live?.shows()) settle();
    if (reel() === dialInput) report();
  });

  // -- events
  dialInput.oninput = () => {
    moved = true;
    film.stop();
    held = true;
    moveTo(Number(dialInput.value));
  };
  // A key that is held down changes the value thirty times a second: report once, when it rests.
  let byKey = false;
  dialInput.onpointerdown = timeInput.onpointerdown = () => void (byKey = false); // returning false would forbid the drag
  dialInput.onchange = () => {
    clearTimeout(waiting);
    if (byKey) waiting = setTimeout(report, 300);
    else report();
  };
  // A drag that ends where it began changes nothing, and what comes after the keys must not be overtaken by their report.
  dialInput.onpointerup = dialInput.onpointercancel = dialInput.onblur = () => void (held && report());
  timeInput.oninput = () => {
    film.stop();
    scrubbing = true;
    advanceTo(Number(timeInput.value));
  };
  timeInput.onchange = timeInput.onpointerup = timeInput.onpointercancel = timeInput.onblur = () => {
    scrubbing = false;
    if (live?.shows()) settle();
  };
  play.onclick = film.toggle;
  for (const button of player.querySelectorAll("[data-step]"))
    button.onclick = () => {
      film.stop();
      stepBy(Number(button.dataset.step));
    };

  const file = () => (decoded.figure.data.some(({ scene }) => scene) ? PLOTLY_IN_SPACE : PLOTLY);
  const drawing = (format) => () => drawingOf(Plotly, plot, sentence.hidden ? data.alt : sentence.textContent, root, format);
  savingOf(saving, () => data.key, {
    png: drawing("png"),
    svg: drawing("svg"),
    csv: () => tableOf(plot.data, merge(layout, shown().view)),
    html: () => pageOf({ ...given, content: known, value: position, hint: "" }, file()),
  }, complain);

  function stepBy(steps, input = reel()) {
    input.value = Number(input.value) + steps;
    input.dispatchEvent(new Event("input"));
    if (input === dialInput) input.dispatchEvent(new Event("change"));
  }

  const KEYS = { PageUp: 10, PageDown: -10, ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
  root.onkeydown = (event) => {
    byKey = true;
    if (event.key === "Escape") return film.stop();
    const native = event.target.matches("input") && event.key.startsWith("Arrow");
    if (event.target.matches("button") || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.matches("summary")) return;
    if (event.key === " ") film.toggle();
    else if (event.key in KEYS && !native) stepBy(KEYS[event.key], event.target.matches("input") ? event.target : reel());
    else return;
    event.preventDefault();
  };

  // -- size
  let width = 0, pressed = false; // nothing moves under the hand
  const refit = () => {
    if (pressed || !data || !root.clientWidth) return;
    const wider = root.clientWidth !== width;
    if (stays.height() && !wider) return stick();
    if (!wider && (!whole || inWindow(whole) === layout.height)) return;
    width = root.clientWidth;
    if (wider) (legend = 0), fit();
    redraw();
  };
  const watch = new ResizeObserver(refit);
  watch.observe(root);
  const gone = new AbortController(), { signal } = gone;
  addEventListener("resize", refit, { signal });
  const grow = () => void (data && (fit(), redraw()));
  addEventListener("present", grow, { signal });
  const turned = () => {
    if (!data?.question) return;
    arrange();
    redraw();
  };
  addEventListener("prediction", turned, { signal });
  for (const turns of ["pointerdown", "keydown"]) addEventListener(turns, ({ target }) => void (root.contains(target) || deliver()), { capture: true, signal });
  predict.onclick = () => {
    const to = !prediction().isOn();
    prediction().turn(to, true);
    if (to) form.querySelector("input, button")?.focus();
    dispatchEvent(new CustomEvent("predict", { detail: to })); // the page's link says so, too
  };
  const release = () => {
    pressed = false;
    setTimeout(refit); // after what the release itself does
  };
  root.addEventListener("pointerdown", () => {
    pressed = true;
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, release, { once: true });
  });
  const page = root.closest("[data-testid=stMainBlockContainer]");
  if (page) watch.observe(page); // what comes and goes above moves the picture

  const main = root.closest("[data-testid=stMain]");
  const stays = stayingOf(root, page, () => ({ whole, now: layout?.height, inWindow: () => inWindow(whole), dial: data?.dial }), redraw);
  const stick = () => void (pressed || stays.stick());
  main?.addEventListener("scroll", stick, { passive: true, signal });

  function fit() {
    align();
    root.classList.remove("picture-cramped"); // until it is arranged anew
    words.reserve(data.dial ?? {});
    nameTrack();
  }

  // The thumb's center travels from one end of the plot's axis to the other: the margins are the figure's own.
  function align() {
    const { layout: { template, margin } } = decoded.figure;
    const { l, r } = merge(template?.layout?.margin ?? {}, margin);
    for (const [side, room] of [["left", l], ["right", r]]) root.style.setProperty(`--${side}`, data.dial?.aligned ? `${room * type()}px` : "");
  }

  function nameTrack() {
    const thumb = parseFloat(getComputedStyle(ruler).getPropertyValue("--thumb"));
    const last = Math.max(frames.length - 1, 1);
    guess.fit(thumb);
    if (data.dial && !guess.asks()) drawNames(names, zones, [...data.dial.marks, ...guess.marks()].map(({ position, text }) => ({ position: position / last, text })), thumb);
  }

  // -- from Python
  let asked, given, known, decoded; // what Python wants to be shown, what is, and its content
  async function update(next, setStateValue, setTriggerValue) {
    commit = setStateValue;
    trigger = setTriggerValue;
    if (next !== asked) {
      asked = next;
      delete root.dataset.drawn;
      if (!given) hold(next);
      const content = await contentOf(next.content).catch(() => {});
      if (next !== asked) return; // there is a newer wish, or nobody looks any more
      if (content === undefined) return void trigger("lost", next.content);
      take(next, content);
    }
    redraw();
  }

  // Until it is there, the picture has its place.
  function hold(next) {
    root.style.visibility = "hidden";
    plot.style.height = `${next.height}px`;
  }

  function take(next, content) {
    const anew = !given;
    root.style.visibility = "";
    const other = content !== known;
    if (other) [known, data, dressed] = [content, JSON.parse(content), undefined];
    data = { ...data, ...next };
    given = next;
    root.dataset.key = data.key;
    frames = data.frames;
    if (other) decoded = decode({ figure: data.figure, frames, narrow: data.narrow });
    zones = data.dial ? zonesOf(data.dial) : [];
    const seen = remembered.get(data.key), holds = seen?.epoch === data.epoch && seen.position < Math.max(frames.length, 1);
    if (!held) position = holds ? seen.position : data.value;
    if (!held && !holds) remembered.set(data.key, { epoch: data.epoch, position });
    // With an element that it takes away for a moment, Streamlit forgets its state, sent or not.
    if (anew && holds && seen.mine) commit("value", [data.epoch, position]);
    position = Math.min(position, Math.max(frames.length - 1, 0));
    time = Math.max(data.times.length - 1, 0);
    takeShared();
    arrange();
  }

  // A link that somebody copied may say a position and a time; there may be no such frame yet, or never.
  function takeShared() {
    const fits = (text, count) => text === "" || (/^\d+$/.test(text) && Number(text) < count);
    const [to = "", at = ""] = shared.get(data.key)?.split(",") ?? [];
    if (!shared.has(data.key) || !fits(to, frames.length) || !fits(at, data.times.length)) return;
    if (to) remembered.set(data.key, { epoch: data.epoch, position: (position = Number(to)), mine: true });
    if (at) time = Number(at);
    shared.delete(data.key);
  }

  function arrange() {
    const { dial, times } = data;
    const focused = form.contains(document.activeElement);
    guess.take(data.question, position);
    guess.tellAnswer();
    const asks = guess.asks();
    if (asks) {
      live?.hide(); // it shows the answer, too
      scrubbing = false;
      if (film.runs()) film.stop(), (time = Math.max(data.times.length - 1, 0)); // what is revealed is the end, of which the words speak
      if (held) report();
    }
    form.hidden = !asks;
    saving.hidden = asks || data.embedded;
    predict.hidden = !data.question;
    predict.ariaPressed = prediction().isOn();
    find(".picture-stage").hidden = asks && !guess.still().traces.length;
    find(".picture-dial").hidden = !dial || asks;
    find("[data-save=html]").hidden = alone(); // this is such a page
    sentence.hidden = asks || !(dial?.words.length || verdict());
    player.hidden = asks || (!dial && !times.length);
    timeInput.hidden = timeText.hidden = !times.length;
    dialInput.max = Math.max(frames.length - 1, 0);
    timeInput.max = Math.max(times.length - 1, 0);
    dialInput.setAttribute("aria-label", dial?.label ?? "");
    value.querySelector("span").textContent = dial?.label ?? "";
    hint.textContent = data.hint;
    drawTrack(ruler.querySelector(".picture-track"), zones);
    fit();
    plot.style.height = `${stays.height() || inWindow(data.height)}px`;
    film.stop();
    if (focused && !asks) (data.dial ? dialInput : answer).focus({ preventScroll: true });
  }

  function unmount() {
    asked = null;
    film.stop();
    clearTimeout(waiting);
    if (held) remember(); // reported when it is mounted anew
    watch.disconnect();
    resting.disconnect();
    gone.abort();
    Plotly?.purge(plot);
    root.remove();
  }

  return { update, unmount };
}
