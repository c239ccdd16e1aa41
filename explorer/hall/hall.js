// What the pages of a class that bets do beside their forms, which work without: a range beside the box for the rate, a bet that is kept
// and sent again where there is no network, and the new page once the room has changed.

const PACE = { student: 4000, leader: 1000 }; // milliseconds between two looks
const LINGERS = 10000; // milliseconds that the refusal of a late bet stays
const main = () => document.querySelector("main"), asking = () => main().querySelector("form.bet"), at = (id) => document.getElementById(id);
let fading = 0, taken = false;

// What answers one's own act stays until the next act, or until its round is over: then the page says what one has bet, and only the refusal
// of a bet that came too late still stays for a while.
function say(text, id = "said") {
  if (id === "said") fading = void clearTimeout(fading);
  if (at(id).textContent !== text) at(id).textContent = text;
  if (text && id === "said") uncover(at(id));
}

// It stands at the window's foot, and not over the button that was pressed.
function uncover(bar) {
  const { top, height } = bar.getBoundingClientRect(), button = asking()?.querySelector("button"), box = button?.getBoundingClientRect();
  document.documentElement.style.scrollPaddingBottom = `${height + 8}px`; // for what gets the focus
  if (box && box.top < innerHeight && box.bottom > top) button.scrollIntoView({ block: "nearest" });
}

// ---- the range and the box: whichever is turned, the other follows; decades are as wide as one another --------------

const shown = (rate) => String(Number(rate.toPrecision(3)));

// A rate as it is typed, and NaN for what the server would refuse as none: the same steps as `number` in routes.py.
function read(text) {
  const power = (_, plain, raised) => `e${plain ?? [...raised].map((each) => "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(each)).map((digit) => (digit < 0 ? "-" : digit)).join("")}`;
  const typed = text.trim().replaceAll("−", "-").replace(/\s*[·×]\s*10(?:\^([+-]?[0-9]+)|([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))/g, power);
  if (/^[+-]?[1-9][0-9]{0,2},[0-9]{3}$/.test(typed)) return NaN; // thousands, or a decimal point
  const dotted = typed.replaceAll(",", ".");
  return /^[+-]?([0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})(e[+-]?[0-9]{1,3})?$/i.test(dotted) ? Number(dotted) : NaN;
}

function tie() {
  const form = asking(), range = form?.querySelector("input[type=range]");
  if (!form) return;
  const { low, high } = range.dataset, last = Number(range.max), factor = Math.log(high / low);
  const box = form.elements.rate, output = form.querySelector("output");
  const bettable = (rate) => low * (1 - 1e-9) <= rate && rate <= high * (1 + 1e-9); // as `check` in problem.py
  const follow = () => {
    const rate = read(box.value);
    output.textContent = bettable(rate) ? shown(rate) : "?";
    range.setAttribute("aria-valuetext", output.textContent);
  };
  range.oninput = () => { box.value = shown(low * Math.exp((factor * range.value) / last)); follow(); };
  box.oninput = () => {
    const rate = read(box.value);
    if (bettable(rate)) range.value = (last * Math.log(rate / low)) / factor;
    follow();
  };
  form.addEventListener("input", () => unsent || taken || say("")); // a refusal is of what stood here before
  if (box.value) box.oninput();
  else range.oninput();
  form.onsubmit = (event) => { event.preventDefault(); bet(form); };
}

// ---- a bet: kept here until the server has answered, and under its number, so that it counts once ------------------

const stored = (name) => ({
  get: () => { try { return localStorage.getItem(name()) ?? ""; } catch { return ""; } },
  set: (text) => { try { text ? localStorage.setItem(name(), text) : localStorage.removeItem(name()); } catch { /* a private window */ } },
});
const held = stored(() => `bet:${main().dataset.room}`), last = stored(() => "turn"); // the number of this browser's last bet, in whichever of its tabs
let unsent = "", sending = false;

function bet(form) {
  const fields = new URLSearchParams(new FormData(form));
  const before = new URLSearchParams(unsent);
  fields.set("turn", Math.max(Number(fields.get("turn")), before.get("round") === fields.get("round") ? Number(before.get("turn")) + 1 : 0, (Number(last.get()) || 0) + 1));
  last.set(fields.get("turn"));
  unsent = String(fields);
  taken = false;
  say("", "heard");
  say("Sending your bet …");
  held.set(unsent);
  send();
}

async function send() {
  if (!unsent || sending) return;
  sending = true;
  const sent = unsent, round = new URLSearchParams(sent).get("round");
  try {
    const answer = await fetch(main().dataset.bet, { method: "POST", body: new URLSearchParams(sent), headers: { accept: "application/json" }, signal: AbortSignal.timeout(20000) });
    if (answer.status === 429 || answer.status >= 500) throw new Error(String(answer.status));
    const { said } = await answer.json();
    if (unsent === sent) held.set(unsent = "");
    taken = answer.ok;
    say(said);
    if (answer.ok || answer.status === 409) await renew(); // meanwhile another tab may hear of a later bet
    if (asking()?.elements.round.value !== round) taken ? say("") : (fading = setTimeout(say, LINGERS, ""));
  } catch {
    say("The server does not answer. Your bet is kept and sent again by itself: leave this page open.");
  } finally {
    sending = false;
  }
  if (unsent && unsent !== sent) send();
}

// ---- the new page, once the room has changed ------------------------------------------------------------------------

async function renew() {
  const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(20000) });
  const { version } = main().dataset, page = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
  if (!page) return;
  document.adoptNode(page);
  await Promise.allSettled([...page.querySelectorAll("img")].map((each) => each.decode())); // else it would push down what follows once it is there
  const open = [...document.querySelectorAll("details[open] > summary")].map((each) => each.textContent);
  const form = asking(), fresh = page.querySelector("form.bet");
  if (version !== page.dataset.version) say(page.dataset.news ?? "", "heard"); // it stands on the page
  if (form && fresh?.elements.round.value === form.elements.round.value) return around(form, fresh, page);
  main().replaceWith(page);
  if (main().dataset.pace === "student") scrollTo(0, 0); // what has become of one's bet stands first
  for (const each of document.querySelectorAll("details")) each.open ||= open.includes(each.querySelector("summary").textContent);
  tie();
}

let next = 0, looking = false;

// Within a round the form stays, for somebody may be dragging or typing: what stands around it is new, and the number of the next bet. Its
// button, if all of it was in sight, stays there, however much more stands above it now.
function around(form, fresh, page) {
  const button = form.querySelector("button"), { top, bottom } = button.getBoundingClientRect(), seen = top >= 0 && bottom <= innerHeight;
  form.elements.turn.value = fresh.elements.turn.value;
  button.textContent = fresh.querySelector("button").textContent;
  Object.assign(main().dataset, page.dataset);
  const nodes = [...page.childNodes], place = nodes.indexOf(fresh);
  for (const each of [...main().childNodes]) if (each !== form) each.remove(); // a form that is moved would end the drag
  form.before(...nodes.slice(0, place));
  form.after(...nodes.slice(place + 1));
  if (seen) button.scrollIntoView({ block: "nearest" });
}

async function look() {
  clearTimeout(next);
  const { state, pace } = main().dataset;
  if (!state || looking || document.visibilityState !== "visible") return;
  looking = true;
  try {
    const answer = await fetch(state, { cache: "no-cache", signal: AbortSignal.timeout(20000) });
    if (answer.ok || answer.status === 404) {
      const now = answer.ok ? await answer.json() : { version: "gone" };
      const count = at("count");
      if (count && now.count !== undefined) count.textContent = now.count.toLocaleString("en");
      if (now.version !== main().dataset.version) {
        if (pace === "student") await new Promise((resolve) => setTimeout(resolve, 1500 * Math.random())); // not a whole hall at once
        if (now.version !== main().dataset.version) { // a bet that was sent meanwhile may have renewed it
          const asked = asking();
          await renew();
          if (!unsent && !fading && (taken || !asked?.isConnected)) say("");
        }
      }
      await send();
    }
  } catch { /* no network: the next look may have one */ }
  looking = false;
  next = setTimeout(look, PACE[pace] * (0.75 + Math.random() / 2));
}

tie();
unsent = held.get();
addEventListener("online", send);
addEventListener("storage", async ({ key, newValue }) => { // another tab of this browser has heard of a bet
  if (key !== `bet:${main().dataset.room}` || newValue || unsent) return;
  if (taken) say("");
  await renew().catch(() => {}); // without a network the next look renews it
});
document.addEventListener("visibilitychange", look); // who looks at the phone again sees what holds now
send();
next = setTimeout(look, PACE[main().dataset.pace] ?? 0);
